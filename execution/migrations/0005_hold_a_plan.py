from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("execution", "0004_fewer_keys_to_check"),
    ]

    operations = [
        migrations.AlterField(
            model_name="hold",
            name="scope",
            field=models.CharField(
                choices=[
                    ("global", "Everything"),
                    ("workspace", "Workspace"),
                    ("channel", "Channel"),
                    ("agent", "Agent"),
                    ("campaign", "Campaign"),
                    ("plan", "Plan"),
                    ("account", "Account"),
                ],
                max_length=10,
            ),
        ),
    ]
