import datetime
import django.db.models.deletion
import workspaces.ids
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("execution", "0006_failed_attempts"),
        ("workspaces", "0001_tenants_members_audit"),
    ]

    operations = [
        migrations.CreateModel(
            name="SendWindow",
            fields=[
                (
                    "id",
                    models.UUIDField(default=workspaces.ids.new_id, editable=False, primary_key=True, serialize=False),
                ),
                ("channel", models.CharField(max_length=20)),
                (
                    "weekdays",
                    models.CharField(
                        default="0123456", help_text="Digits from 0 (Monday) to 6 (Sunday).", max_length=7
                    ),
                ),
                ("opens", models.TimeField(default=datetime.time(8, 0))),
                (
                    "closes",
                    models.TimeField(
                        default=datetime.time(21, 0), help_text="00:00 is the midnight that ends the day."
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
                "ordering": ["channel"],
                "constraints": [
                    models.UniqueConstraint(fields=("workspace", "channel"), name="send_window_once_a_channel")
                ],
            },
        ),
    ]
