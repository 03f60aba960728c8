from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("workspaces", "0002_installation")]

    operations = [
        migrations.AddField(
            model_name="membership",
            name="last_seen_at",
            field=models.DateTimeField(editable=False, null=True),
        ),
    ]
