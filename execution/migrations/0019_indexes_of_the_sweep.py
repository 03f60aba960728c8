from django.db import migrations, models

from workspaces.migration_operations import AddIndexOnline


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("execution", "0018_request_of_revision")]

    operations = [
        AddIndexOnline(
            model_name="executionrequest",
            index=models.Index(
                fields=["expires_at"],
                name="request_expiring",
                condition=models.Q(status__in=("pending", "needs_changes", "approved"), expires_at__isnull=False),
            ),
        ),
        AddIndexOnline(
            model_name="requestgate",
            index=models.Index(fields=["opened_at"], name="gate_open_since", condition=models.Q(state="open")),
        ),
    ]
