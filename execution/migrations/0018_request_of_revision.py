from django.db import migrations, models

from workspaces.migration_operations import AddIndexOnline


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("execution", "0017_uses_of_parts")]

    operations = [
        AddIndexOnline(
            model_name="executionrequest", index=models.Index(fields=["current"], name="request_of_revision")
        ),
    ]
