"""Erasing a person from what agents read and wrote. What was sent stands under the seal and is not ours to blank."""

from uuid import UUID

from django.db import transaction

from campaigns.models import AgentRun, Draft, ProspectList
from workspaces.models import Workspace
from workspaces.scope import workspace_scope

_ERASED = {"name": "erased"}


def forget_contact(*, workspace: Workspace, contact_id: UUID) -> None:
    """Blank the drafts for a contact, and the rows of the lists it was picked from. Doing so twice changes nothing."""
    with workspace_scope(workspace), transaction.atomic():
        drafts = Draft.objects.filter(workspace=workspace, contact_id=contact_id)
        for draft in drafts.select_related("run").exclude(ref=""):
            place = int(draft.ref.removeprefix("p")) - 1
            _blank_row(run=draft.run, place=place)
        drafts.update(payload={}, reason="", cites=[], notes=[], claims=[], ref="")


def _blank_row(*, run: AgentRun, place: int) -> None:
    list_id, given = run.inputs.get("prospect_list"), run.inputs.get("prospects")
    if list_id:
        rows = ProspectList.objects.select_for_update().filter(pk=list_id).first()
        if rows is not None and place < len(rows.rows):
            rows.rows[place] = {**_ERASED, "row": rows.rows[place].get("row", "")}
            rows.save(update_fields=["rows"])
    elif given and place < len(given):
        given[place] = dict(_ERASED)
        AgentRun.objects.filter(pk=run.pk).update(inputs=run.inputs)
