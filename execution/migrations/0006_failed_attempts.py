from django.db import migrations, models

from workspaces.migration_operations import AddIndexOnline


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("execution", "0005_hold_a_plan")]

    operations = [
        AddIndexOnline(
            model_name="attempt",
            index=models.Index(
                condition=models.Q(("state", "failed")), fields=["workspace", "-ended_at"], name="attempt_failed"
            ),
        ),
    ]
