from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("execution", "0007_send_windows")]

    operations = [
        migrations.AddField(
            model_name="provideraccount",
            name="throttled_until",
            field=models.DateTimeField(editable=False, null=True),
        ),
    ]
