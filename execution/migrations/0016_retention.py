import django.db.models.deletion
import workspaces.ids
from django.db import migrations, models

from workspaces.migration_operations import CompositeForeignKey


def _id():
    return models.UUIDField(default=workspaces.ids.new_id, editable=False, primary_key=True, serialize=False)


def _workspace():
    return models.ForeignKey(
        db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="workspaces.workspace"
    )


class Migration(migrations.Migration):
    dependencies = [
        ("execution", "0015_plans_with_canary"),
        ("workspaces", "0002_installation"),
    ]

    operations = [
        migrations.CreateModel(
            name="PartUse",
            fields=[
                ("id", _id()),
                ("sha256", models.CharField(max_length=64)),
                (
                    "request",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="execution.executionrequest",
                    ),
                ),
                ("workspace", _workspace()),
            ],
            options={
                "indexes": [models.Index(fields=["workspace", "sha256"], name="part_use_of_part")],
                "constraints": [models.UniqueConstraint(fields=("request", "sha256"), name="part_use_once")],
            },
        ),
        migrations.CreateModel(
            name="RetentionRun",
            fields=[
                ("id", _id()),
                ("started_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField()),
                ("cutoff", models.DateTimeField()),
                ("deleted", models.JSONField(default=dict)),
                ("is_complete", models.BooleanField(default=False)),
                ("workspace", _workspace()),
            ],
            options={
                "ordering": ["-id"],
                "indexes": [models.Index(fields=["workspace", "-id"], name="retention_run_list")],
            },
        ),
        migrations.CreateModel(
            name="SpentKey",
            fields=[
                ("id", _id()),
                ("key_hash", models.CharField(max_length=64)),
                ("spent_at", models.DateTimeField()),
                ("workspace", _workspace()),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("workspace", "key_hash"), name="spent_key_once")],
            },
        ),
        CompositeForeignKey("partuse", "request_id", "execution.ExecutionRequest"),
    ]
