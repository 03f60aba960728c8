"""Exporting contacts as CSV, inert in a spreadsheet and readable by `import_contacts`."""

import csv
from collections.abc import Iterator

from django.db.models import QuerySet

from contacts.models import Contact
from contacts.services.writing import writing
from workspaces import audit
from workspaces.actors import Actor
from workspaces.csv_cells import inert_cell
from workspaces.models import Workspace
from workspaces.permissions import Permission
from workspaces.scope import workspace_scope

audit.register({"contact.exported": "{actor} exported {contacts} contacts"})

COLUMNS = (
    "name",
    "kind",
    "title",
    "organisation",
    "email",
    "phone",
    "time_zone",
    "tags",
    "handles",
    "notes",
    "source",
    "last_contacted_at",
)
_BATCH = 2_000


def export_contacts(*, workspace: Workspace, actor: Actor, contacts: QuerySet[Contact]) -> Iterator[str]:
    """The lines of a CSV file of `contacts` (a selector's queryset), UTF-8 with its mark, for a streamed answer.

    Erased contacts are left out; the export is put on record. Cells that a spreadsheet would compute are made inert
    (workspaces.csv_cells), and an import takes that away again. Raises NotPermitted before the first line.
    """
    with writing(workspace=workspace, actor=actor, permission=Permission.EXPORT):
        rows = contacts.filter(workspace=workspace, is_erased=False)
        audit.record(action="contact.exported", actor=actor, workspace_id=workspace.id, data={"contacts": rows.count()})
    return _lines(rows, workspace=workspace)


def _lines(rows: QuerySet[Contact], *, workspace: Workspace) -> Iterator[str]:
    writer = csv.writer(_Echo())
    yield "\ufeff" + writer.writerow(COLUMNS)
    last = None
    rows = rows.order_by("-id").select_related("organisation")
    while True:
        # A scope must not stay open while the caller holds the generator, so each part is read in its own.
        with workspace_scope(workspace):
            part = list((rows.filter(id__lt=last) if last else rows).prefetch_related("tags")[:_BATCH])
        for contact in part:
            yield writer.writerow([inert_cell(value) for value in _cells(contact)])
        if len(part) < _BATCH:
            return
        last = part[-1].id


def _cells(contact: Contact) -> list[object]:
    return [
        contact.name,
        contact.kind,
        contact.title,
        contact.organisation.name if contact.organisation else "",
        contact.email,
        contact.phone,
        "" if contact.time_zone_is_guess else contact.time_zone,
        "; ".join(tag.slug for tag in contact.tags.all()),
        "; ".join(f"{network}={handle}" for network, handle in sorted(contact.handles.items())),
        contact.notes,
        contact.source,
        contact.last_contacted_at.isoformat(timespec="seconds") if contact.last_contacted_at else "",
    ]


class _Echo:
    """A file that gives each line back."""

    def write(self, line: str) -> str:
        return line
