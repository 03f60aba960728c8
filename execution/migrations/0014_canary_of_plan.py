from django.db import migrations, models

from workspaces.migration_operations import AddIndexOnline


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("execution", "0013_canary")]

    operations = [
        AddIndexOnline(
            model_name="executionrequest",
            index=models.Index(condition=models.Q(("canary", True)), fields=["plan"], name="request_canary"),
        ),
    ]
