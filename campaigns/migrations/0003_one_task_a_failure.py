from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("campaigns", "0002_resumable_runs"),
        ("execution", "0004_fewer_keys_to_check"),
        ("workspaces", "0001_tenants_members_audit"),
    ]

    operations = [
        migrations.AddField(
            model_name="task",
            name="about",
            field=models.CharField(blank=True, editable=False, max_length=80),
        ),
        migrations.AddConstraint(
            model_name="task",
            constraint=models.UniqueConstraint(
                condition=models.Q(("about", ""), _negated=True),
                fields=("workspace", "about"),
                name="one_task_a_failure",
            ),
        ),
    ]
