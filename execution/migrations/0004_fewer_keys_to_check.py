from django.db import migrations, models

from workspaces.migration_operations import DropImpliedForeignKey

IMPLIED = [
    ("executionrequest", "plan_id", "execution.ExecutionPlan"),
    ("executionrequest", "contact_id", "contacts.Contact"),
    ("executionrequest", "account_id", "execution.ProviderAccount"),
    ("executionrequest", "current_id", "execution.Revision"),
    *(
        (model, "request_id", "execution.ExecutionRequest")
        for model in ("revision", "requestgate", "decision", "attempt")
    ),
    *((model, "workspace_id", "workspaces.Workspace") for model in ("revision", "requestgate", "decision", "attempt")),
    ("decision", "gate_id", "execution.RequestGate"),
]


class Migration(migrations.Migration):
    dependencies = [("execution", "0003_alert_delivery"), ("contacts", "0002_fewer_keys_to_check")]
    operations = [
        *(DropImpliedForeignKey(*key) for key in IMPLIED),
        # (workspace, id) has a unique index, for the keys tied to it, which reads backwards as well.
        migrations.RemoveIndex(model_name="executionrequest", name="request_newest"),
        # (counter, ordinal) is unique, and finds a counter's marks as well.
        migrations.AlterField(
            model_name="limitmark",
            name="counter",
            field=models.ForeignKey(
                db_index=False,
                on_delete=models.deletion.CASCADE,
                related_name="marks",
                to="execution.limitcounter",
            ),
        ),
        migrations.AlterField(
            model_name="limitcounter",
            name="limit",
            field=models.ForeignKey(
                db_index=False,
                on_delete=models.deletion.CASCADE,
                related_name="counters",
                to="execution.limit",
            ),
        ),
    ]
