from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("execution", "0012_account_pace")]

    operations = [
        migrations.AddField(
            model_name="executionplan",
            name="canary_size",
            field=models.PositiveSmallIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name="executionplan",
            name="canary_over_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="executionplan",
            name="canary_stopped_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="executionrequest",
            name="canary",
            field=models.BooleanField(db_default=False, default=False),
        ),
    ]
