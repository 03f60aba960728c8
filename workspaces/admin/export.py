"""A list as a CSV file that no spreadsheet takes for formulas; who exported what is on record."""

import csv
import io
import tempfile
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from django.db import transaction
from django.http import FileResponse
from django.utils.html import strip_tags

from workspaces import audit
from workspaces.actors import Actor
from workspaces.csv_cells import inert_cell
from workspaces.models import Workspace
from workspaces.permissions import Permission

audit.register({"list.exported": "{actor} exported {rows} rows of {list}"})

MOST_ROWS = 100_000
Column = tuple[str, Callable[[Any], Any]]


def csv_response(
    *, workspace: Workspace, actor: Actor, name: str, columns: Sequence[Column], rows: Iterable[Any]
) -> FileResponse:
    """`rows` as a download, at most MOST_ROWS. Raises NotPermitted without the right to export."""
    actor.require(Permission.EXPORT, workspace_id=workspace.id)
    file = tempfile.TemporaryFile()  # noqa: SIM115  (the response closes it)
    text = io.TextIOWrapper(file, encoding="utf-8", newline="", write_through=True)
    writer = csv.writer(text)
    writer.writerow([inert_cell(header) for header, _ in columns])
    written = 0
    for row in rows:
        if written == MOST_ROWS:
            break
        writer.writerow([inert_cell(_text(read(row))) for _, read in columns])
        written += 1
    with transaction.atomic():
        audit.record(
            action="list.exported", actor=actor, workspace_id=workspace.id, data={"list": name, "rows": written}
        )
    text.detach()
    file.seek(0)
    response = FileResponse(file, as_attachment=True, filename=f"{workspace.slug}-{name}.csv")
    response["Content-Type"] = "text/csv; charset=utf-8"
    return response


def _text(value: Any) -> Any:
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if hasattr(value, "__html__"):
        return " ".join(strip_tags(str(value)).split())
    if isinstance(value, list | tuple):
        return ", ".join(str(one) for one in value)
    return value
