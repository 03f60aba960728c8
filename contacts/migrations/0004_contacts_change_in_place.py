from django.db import migrations, models
from django.db.models.deletion import PROTECT

from workspaces.migration_operations import KeepRoomInPages


class Migration(migrations.Migration):
    dependencies = [("contacts", "0003_fewer_indexes_of_contacts"), ("workspaces", "0003_membership_last_seen_at")]

    operations = [
        migrations.AlterField(
            model_name="contact",
            name="created_by",
            field=models.ForeignKey(db_index=False, on_delete=PROTECT, related_name="+", to="workspaces.principal"),
        ),
        KeepRoomInPages("contact", percent=70),
    ]
