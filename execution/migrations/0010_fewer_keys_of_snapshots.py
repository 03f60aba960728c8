from django.db import migrations

from workspaces.migration_operations import DropImpliedForeignKey


class Migration(migrations.Migration):
    dependencies = [("execution", "0009_snapshots")]
    operations = [
        DropImpliedForeignKey("snapshot", "request_id", "execution.ExecutionRequest"),
        DropImpliedForeignKey("snapshot", "workspace_id", "workspaces.Workspace"),
    ]
