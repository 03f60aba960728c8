import django.db.models.deletion
import workspaces.ids
from django.db import migrations, models

from workspaces.migration_operations import CompositeForeignKey


class Migration(migrations.Migration):
    dependencies = [
        ("execution", "0008_account_throttled_until"),
        ("workspaces", "0002_installation"),
    ]

    operations = [
        migrations.CreateModel(
            name="Snapshot",
            fields=[
                (
                    "id",
                    models.UUIDField(default=workspaces.ids.new_id, editable=False, primary_key=True, serialize=False),
                ),
                ("revision", models.PositiveIntegerField()),
                ("taken_at", models.DateTimeField()),
                ("document", models.JSONField()),
                (
                    "request",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="snapshots",
                        to="execution.executionrequest",
                    ),
                ),
                (
                    "workspace",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="workspaces.workspace",
                    ),
                ),
            ],
            options={
                "ordering": ["-id"],
                "indexes": [models.Index(fields=["workspace", "-id"], name="snapshot_of_workspace")],
                "constraints": [
                    models.UniqueConstraint(fields=("request", "revision"), name="snapshot_once_a_revision")
                ],
            },
        ),
        CompositeForeignKey("snapshot", "request_id", "execution.ExecutionRequest"),
    ]
