from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("execution", "0010_fewer_keys_of_snapshots"),
    ]

    operations = [
        migrations.AddField(
            model_name="executionrequest",
            name="overdue_from",
            field=models.DateTimeField(null=True),
        ),
    ]
