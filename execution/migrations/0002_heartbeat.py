import workspaces.ids
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("execution", "0001_requests_gates_decisions"),
    ]

    operations = [
        migrations.CreateModel(
            name="Heartbeat",
            fields=[
                (
                    "id",
                    models.UUIDField(default=workspaces.ids.new_id, editable=False, primary_key=True, serialize=False),
                ),
                ("role", models.CharField(max_length=20)),
                ("host", models.CharField(max_length=120)),
                ("pid", models.PositiveIntegerField()),
                ("started_at", models.DateTimeField()),
                ("beat_at", models.DateTimeField()),
            ],
            options={
                "ordering": ["-started_at"],
            },
        ),
    ]
