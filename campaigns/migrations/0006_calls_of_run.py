from django.db import migrations, models

from workspaces.migration_operations import AddIndexOnline


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("campaigns", "0005_rows_of_plan")]

    operations = [
        AddIndexOnline(
            model_name="llmcall",
            index=models.Index(fields=["run"], name="llm_of_run", condition=models.Q(run__isnull=False)),
        ),
    ]
