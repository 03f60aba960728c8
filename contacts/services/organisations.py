"""Organisations: made, changed, found by name."""

import unicodedata
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.core.validators import URLValidator
from django.db import IntegrityError, transaction

from contacts.models import Organisation, OrganisationKind
from contacts.services.writing import Fields, line, one_of, prose, writing
from workspaces import audit
from workspaces.actors import Actor
from workspaces.errors import Conflict, InvalidInput, NotFound
from workspaces.models import Workspace

audit.register(
    {
        "organisation.created": "{actor} added {count} organisations",
        "organisation.changed": "{actor} changed {fields} of an organisation",
    }
)

_is_web_address = URLValidator(schemes=["http", "https"])


def organisation_key(name: str) -> str:
    """What an organisation is known by: its name, whatever its case and spacing."""
    key = " ".join(unicodedata.normalize("NFKC", name).casefold().split())
    return key[:400]  # one ligature can become 18 characters


def create_organisation(
    *,
    workspace: Workspace,
    actor: Actor,
    name: str,
    kind: str = OrganisationKind.OTHER,
    website: str = "",
    notes: str = "",
) -> Organisation:
    """Add an organisation. Raises InvalidInput naming the field, Conflict where one of this name is here already."""
    columns = _clean({"name": name, "kind": kind, "website": website, "notes": notes})
    with writing(workspace=workspace, actor=actor):
        row = Organisation(workspace=workspace, created_by_id=actor.principal_id, **columns)
        _save(row, created=True)
        audit.record(action="organisation.created", actor=actor, workspace_id=workspace.id, subject=row)
    return row


def update_organisation(*, workspace: Workspace, actor: Actor, organisation_id: UUID, **changes: Any) -> Organisation:
    """Change name, kind, website or notes. Raises InvalidInput, NotFound, Conflict for a name that is taken."""
    columns = _clean(changes)
    with writing(workspace=workspace, actor=actor):
        row = Organisation.objects.select_for_update().filter(workspace=workspace, pk=organisation_id).first()
        if row is None:
            raise NotFound("There is no such organisation here.")
        changed = [name for name, value in columns.items() if getattr(row, name) != value]
        if not changed:
            return row
        for name in changed:
            setattr(row, name, columns[name])
        _save(row, update_fields=[*changed, "updated_at"])
        audit.record(
            action="organisation.changed",
            actor=actor,
            workspace_id=workspace.id,
            subject=row,
            data={"fields": ", ".join(sorted(set(changed) - {"name_key"}))},
        )
    return row


def ensure_organisations(*, workspace: Workspace, actor: Actor, names: Iterable[str]) -> dict[str, Organisation]:
    """The organisation of each name, made where there is none yet. Keyed by the names as given."""
    wanted = {name: _clean({"name": name}) for name in names}
    keys = {columns["name_key"] for columns in wanted.values()}
    if not keys:
        return {}
    with writing(workspace=workspace, actor=actor):
        found = _by_key(workspace=workspace, keys=keys)
        new = {
            columns["name_key"]: Organisation(workspace=workspace, created_by_id=actor.principal_id, **columns)
            for columns in wanted.values()
            if columns["name_key"] not in found
        }
        if new:
            # Somebody may add the same one at the same moment: theirs stands then.
            Organisation.objects.bulk_create(new.values(), ignore_conflicts=True, batch_size=1_000)
            found |= _by_key(workspace=workspace, keys=set(new))
            made = [row.id for key, row in new.items() if found[key].id == row.id]
            if made:
                audit.record(action="organisation.created", actor=actor, workspace_id=workspace.id, subjects=made)
    return {name: found[columns["name_key"]] for name, columns in wanted.items()}


def _by_key(*, workspace: Workspace, keys: set[str]) -> dict[str, Organisation]:
    return {row.name_key: row for row in Organisation.objects.filter(workspace=workspace, name_key__in=keys)}


def _save(row: Organisation, *, created: bool = False, update_fields: list[str] | None = None) -> None:
    try:
        with transaction.atomic():
            row.save(force_insert=created, update_fields=update_fields)
    except IntegrityError as error:
        raise Conflict("There is an organisation of this name already.", fields={"name": "It is taken."}) from error


def _clean(changes: dict[str, Any]) -> dict[str, Any]:
    unknown = set(changes) - {"name", "kind", "website", "notes"}
    if unknown:
        raise InvalidInput("Not all of that can be changed.", fields=dict.fromkeys(unknown, "There is no such field."))
    fields, columns = Fields(), {}
    if "name" in changes:
        columns["name"] = name = fields.read("name", lambda: line(changes["name"], most=200))
        if not name and "name" not in fields.problems:
            fields.problems["name"] = "An organisation needs a name."
        columns["name_key"] = organisation_key(name)
    if "kind" in changes:
        columns["kind"] = fields.read("kind", lambda: one_of(changes["kind"], allowed=OrganisationKind.values))
    if "website" in changes:
        columns["website"] = fields.read("website", lambda: _website(changes["website"]))
    if "notes" in changes:
        columns["notes"] = fields.read("notes", lambda: prose(changes["notes"]))
    fields.check("The organisation cannot be saved like this.")
    return columns


def _website(value: Any) -> str:
    text = line(value, most=500)
    if text:
        try:
            _is_web_address(text)
        except ValidationError as error:
            raise ValueError("Write a web address that starts with https:// or http://.") from error
    return text
