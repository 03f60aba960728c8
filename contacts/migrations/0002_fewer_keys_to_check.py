from django.db import migrations

from workspaces.migration_operations import DropImpliedForeignKey

IMPLIED = [
    *((model, "contact_id", "contacts.Contact") for model in ("contacttag", "consentevent", "timelineevent")),
    *((model, "workspace_id", "workspaces.Workspace") for model in ("contacttag", "consentevent", "timelineevent")),
    ("contact", "organisation_id", "contacts.Organisation"),
]


class Migration(migrations.Migration):
    dependencies = [("contacts", "0001_people_consent_suppression")]
    operations = [DropImpliedForeignKey(*key) for key in IMPLIED]
