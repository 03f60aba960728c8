import json

from django.db import migrations, transaction

_AT_ONCE = 500


def note_uses(apps, schema_editor):
    """Who needs which attachment, from the documents there are; a page in a transaction, and again does no harm."""
    revisions = apps.get_model("execution", "Revision").objects.filter(document__contains='"sha256":').order_by("id")
    uses = apps.get_model("execution", "PartUse")
    rows = revisions.values_list("id", "workspace_id", "request_id", "document")
    page = list(rows[:_AT_ONCE])
    while page:
        noted = [
            uses(workspace_id=workspace_id, request_id=request_id, sha256=digest)
            for _, workspace_id, request_id, text in page
            for digest in sorted(_shared(text))
        ]
        with transaction.atomic():
            uses.objects.bulk_create(noted, ignore_conflicts=True)
        page = list(rows.filter(id__gt=page[-1][0])[:_AT_ONCE])


def _shared(text):
    try:
        document = json.loads(text)
        payload = document.get("payload") or {}
        items = [payload, *(payload.get("attachments") or [])]
        return {*document.get("wire", [])[1:], *(item["sha256"] for item in items if "sha256" in item)}
    except (ValueError, AttributeError, TypeError):
        return set()  # erased, or broken behind us


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("execution", "0016_retention")]

    operations = [migrations.RunPython(note_uses, migrations.RunPython.noop)]
