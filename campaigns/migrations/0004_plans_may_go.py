import django.db.models.deletion
from django.db import migrations, models


def _plan():
    return models.ForeignKey(
        db_index=False,
        null=True,
        on_delete=django.db.models.deletion.SET_NULL,
        related_name="+",
        to="execution.executionplan",
    )


class Migration(migrations.Migration):
    dependencies = [
        ("campaigns", "0003_one_task_a_failure"),
        ("execution", "0011_overdue_from"),
    ]

    operations = [
        migrations.AlterField(model_name="agentrun", name="plan", field=_plan()),
        migrations.AlterField(model_name="task", name="plan", field=_plan()),
    ]
