from django.db import migrations, models

from workspaces.migration_operations import AddIndexOnline


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("contacts", "0004_contacts_change_in_place")]

    operations = [
        AddIndexOnline(
            model_name="contact",
            index=models.Index(fields=["id"], name="contact_erased", condition=models.Q(is_erased=True)),
        ),
    ]
