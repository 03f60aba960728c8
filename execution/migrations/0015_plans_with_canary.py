from django.db import migrations, models

from workspaces.migration_operations import AddIndexOnline


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("execution", "0014_canary_of_plan")]

    operations = [
        AddIndexOnline(
            model_name="executionplan",
            index=models.Index(
                condition=models.Q(("canary_over_at", None), ("canary_size__gt", 0), ("canary_stopped_at", None)),
                fields=["workspace"],
                name="plan_canary",
            ),
        ),
    ]
