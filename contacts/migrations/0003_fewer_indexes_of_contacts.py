from django.db import migrations

from workspaces.migration_operations import RemoveIndexOnline


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("contacts", "0002_fewer_keys_to_check")]

    operations = [
        RemoveIndexOnline(model_name="contact", name="contact_newest"),
        RemoveIndexOnline(model_name="contact", name="contact_by_last_contact"),
    ]
