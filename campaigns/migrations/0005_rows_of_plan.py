from django.db import migrations, models

from workspaces.migration_operations import AddIndexOnline


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("campaigns", "0004_plans_may_go")]

    operations = [
        AddIndexOnline(
            model_name="agentrun",
            index=models.Index(condition=models.Q(("plan__isnull", False)), fields=["plan"], name="run_of_plan"),
        ),
        AddIndexOnline(
            model_name="task",
            index=models.Index(condition=models.Q(("plan__isnull", False)), fields=["plan"], name="task_of_plan"),
        ),
    ]
