"""Importing contacts from a CSV file: all of it or nothing, and importing it again adds nothing twice."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import IntegrityError
from django.utils import timezone

from contacts.addresses import region_of_zone
from contacts.hashing import AddressHasher, hasher_of
from contacts.models import Contact, ContactTag
from contacts.selectors import suppressed_keys
from contacts.services.contacts import record_created
from contacts.services.csv_reading import NETWORKS, Sheet, errors_by_row, read_sheet
from contacts.services.fields import guess_zone, read_columns, read_tags
from contacts.services.organisations import ensure_organisations, organisation_key
from contacts.services.writing import Fields, line, writing
from workspaces import audit
from workspaces.actors import Actor
from workspaces.errors import Conflict, NotPermitted
from workspaces.models import PrincipalKind, Workspace

audit.register(
    {"contact.imported": "{actor} imported a file of contacts: {created} new, {changed} changed, {skipped} left out"}
)

_BATCH = 2_000
_SUBJECTS_IN_ONE_ENTRY = 5_000
Identity = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportPreview:
    """What an import would do. Counts of people; `merged` rows say more about somebody named in another row.

    suppressed: left out, because their address is suppressed and nobody here has it (an erased person, say).
    """

    rows: int
    created: int
    changed: int
    unchanged: int
    merged: int
    suppressed: int
    fields: tuple[str, ...]
    ignored_columns: tuple[str, ...]
    encoding: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportResult(ImportPreview):
    """What an import did: also the contacts of the file, the new ones first."""

    contact_ids: tuple[UUID, ...]


@dataclass(slots=True, kw_only=True)
class _Person:
    """One contact of the file, rows about the same one taken together."""

    columns: dict[str, Any]
    organisation: str
    tags: set[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    sheet: Sheet
    new: list[_Person]
    known: list[tuple[Contact, _Person]]
    merged: int
    suppressed: int


def preview_import(
    *, workspace: Workspace, actor: Actor, data: bytes, mapping: Mapping[str, str] | None = None
) -> ImportPreview:
    """Say what `import_contacts` would do with this file, changing nothing. Raises what it would raise."""
    with writing(workspace=workspace, actor=actor):
        plan = _plan(workspace=workspace, actor=actor, data=data, mapping=mapping)
        changed = sum(bool(_changes(contact, person, organisation=None)) for contact, person in plan.known)
        return ImportPreview(**_counts(plan, changed=changed))


def import_contacts(
    *,
    workspace: Workspace,
    actor: Actor,
    data: bytes,
    mapping: Mapping[str, str] | None = None,
    source: str = "",
) -> ImportResult:
    """Add the contacts of a CSV file, or bring those we have up to date; without any consent.

    A person is known by their email, else by phone and name, else by handle, else by name and organisation. A blank
    cell leaves what is there. Columns, encodings and bounds: contacts.services.csv_reading. For persons.
    Raises InvalidInput with `fields` keyed `row 7, email`; then nothing was changed.
    """
    fields = Fields()
    source = fields.read("source", lambda: line(source, most=120))
    fields.check("The file cannot be imported like this.")
    try:
        with writing(workspace=workspace, actor=actor):
            # One import of a workspace at a time: two of the same file would both find nobody there yet.
            Workspace.objects.select_for_update(no_key=True).get(pk=workspace.pk)
            plan = _plan(workspace=workspace, actor=actor, data=data, mapping=mapping)
            return _carry_out(workspace=workspace, actor=actor, plan=plan, source=source)
    except IntegrityError as error:
        raise Conflict("Contacts were changed while the file was imported. Nothing was imported; try again.") from error


def _plan(*, workspace: Workspace, actor: Actor, data: bytes, mapping: Mapping[str, str] | None) -> _Plan:
    if actor.kind in (PrincipalKind.SERVICE, PrincipalKind.AGENT):
        raise NotPermitted(f"{actor.label} may not import a file. Ask a person to do it.")
    sheet = read_sheet(data=data, mapping=mapping)
    people, merged = _people(sheet, workspace=workspace)
    known = _known(workspace=workspace, people=people)
    suppressed = _suppressed(workspace=workspace, people=(p for i, p in people.items() if i not in known))
    new = [person for identity, person in people.items() if identity not in known]
    return _Plan(
        sheet=sheet,
        new=[person for person in new if not _reaches(person, suppressed)],
        known=[(known[identity], person) for identity, person in people.items() if identity in known],
        merged=merged,
        suppressed=sum(_reaches(person, suppressed) for person in new),
    )


def _people(sheet: Sheet, *, workspace: Workspace) -> tuple[dict[Identity, _Person], int]:
    region, hasher = region_of_zone(workspace.time_zone), hasher_of(workspace.id)
    people: dict[Identity, _Person] = {}
    problems: dict[tuple[int, str], str] = {}
    for number, row in sheet.rows:
        fields = Fields()
        person = _person(row, region=region, hasher=hasher, fields=fields)
        identity = _identity(person)
        if not fields.problems and identity is None:
            fields.problems["name"] = "it needs a name or an address"
        problems |= {(number, name): text for name, text in fields.problems.items()}
        if problems or identity is None:
            continue
        earlier = people.setdefault(identity, person)
        if earlier is not person:
            earlier.columns |= person.columns | {
                "handles": earlier.columns.get("handles", {}) | person.columns.get("handles", {})
            }
            earlier.organisation = person.organisation or earlier.organisation
            earlier.tags |= person.tags
    if problems:
        raise errors_by_row(problems)
    return people, len(sheet.rows) - len(people)


def _person(row: Mapping[str, str], *, region: str | None, hasher: AddressHasher, fields: Fields) -> _Person:
    raw: dict[str, Any] = {
        name: row[name] for name in ("name", "title", "email", "phone", "time_zone", "notes") if name in row
    }
    if "name" not in raw and (parts := [row[name] for name in ("first_name", "last_name") if name in row]):
        raw["name"] = " ".join(parts)
    if "kind" in row:
        raw["kind"] = row["kind"].casefold()
    handles = fields.read("handles", lambda: _handles(row), otherwise={})
    if handles:
        raw["handles"] = handles
    columns = read_columns(raw, region=region, hasher=hasher, fields=fields)
    tags = fields.read("tags", lambda: read_tags(_split(row.get("tags", ""))), otherwise=[])
    organisation = fields.read("organisation", lambda: line(row.get("organisation", ""), most=200))
    return _Person(columns=columns, organisation=organisation, tags=set(tags))


def _handles(row: Mapping[str, str]) -> dict[str, str]:
    handles = {}
    for item in row.get("handles", "").split(";"):
        if item.strip():
            network, equals, handle = item.partition("=")
            if not equals:
                raise ValueError("Write handles as network=handle; network=handle.")
            handles[network.strip()] = handle.strip()
    return handles | {network: row[network] for network in NETWORKS if network in row}


def _split(text: str) -> list[str]:
    return [item for item in text.replace("|", ";").replace(",", ";").split(";") if item.strip()]


def _identity(person: _Person) -> Identity | None:
    columns, name = person.columns, organisation_key(person.columns.get("name", ""))
    if columns.get("email_key"):
        return ("email", columns["email_key"])
    if columns.get("phone"):
        return ("phone", columns["phone"], name)
    if columns.get("handles"):
        network, handle = min(columns["handles"].items())
        return ("handle", network, handle.casefold())
    return ("name", name, organisation_key(person.organisation)) if name else None


def _known(*, workspace: Workspace, people: Mapping[Identity, _Person]) -> dict[Identity, Contact]:
    """The contact of each identity that this workspace has; the oldest where several fit."""
    kinds = {identity[0] for identity in people}
    rows = Contact.objects.filter(workspace=workspace, is_erased=False).order_by("-id")
    rows = rows.select_related("organisation").prefetch_related("tags")
    found: dict[Identity, Contact] = {}
    if "email" in kinds:
        for row in _in_parts(rows, "email_key", [i[1] for i in people if i[0] == "email"]):
            found["email", row.email_key] = row
    if "phone" in kinds:
        for row in _in_parts(rows, "phone", [i[1] for i in people if i[0] == "phone"]):
            found["phone", row.phone, organisation_key(row.name)] = row
    if "handle" in kinds:
        for row in rows.exclude(handles={}).iterator(chunk_size=_BATCH):
            for network, handle in row.handles.items():
                found["handle", network, handle.casefold()] = row
    if "name" in kinds:
        # Names are compared as people compare them, which no index does: only those without an address.
        for row in rows.filter(email="", phone="").iterator(chunk_size=_BATCH):
            organisation = row.organisation.name_key if row.organisation else ""
            found["name", organisation_key(row.name), organisation] = row
    return {identity: found[identity] for identity in people if identity in found}


def _in_parts(rows: Any, column: str, values: list[str]) -> Iterable[Contact]:
    for start in range(0, len(values), _BATCH):
        yield from rows.filter(**{f"{column}__in": values[start : start + _BATCH]})


def _suppressed(*, workspace: Workspace, people: Iterable[_Person]) -> dict[str, set[str]]:
    columns = [person.columns for person in people]
    return {
        kind: suppressed_keys(workspace_id=workspace.id, kind=kind, addresses=[c[kind] for c in columns if c.get(kind)])
        for kind in ("email", "phone")
    }


def _reaches(person: _Person, suppressed: Mapping[str, set[str]]) -> bool:
    # By the address a person is known by: somebody else at a suppressed number of an office may come in.
    kind = "email" if person.columns.get("email") else "phone"
    return person.columns.get(kind) in suppressed[kind]


def _changes(contact: Contact, person: _Person, *, organisation: UUID | None) -> dict[str, Any]:
    """The columns that the file changes; a blank cell changes nothing. Tags are reported under their own name."""
    wanted = {name: value for name, value in person.columns.items() if value not in ("", {})}
    if "handles" in wanted:
        wanted["handles"] = contact.handles | wanted["handles"]
    changes = {name: value for name, value in wanted.items() if getattr(contact, name) != value}
    if "time_zone" not in wanted:
        changes.pop("time_zone_is_guess", None)
    if organisation and contact.organisation_id != organisation:
        changes["organisation_id"] = organisation
    elif person.organisation and organisation is None:
        ours = contact.organisation.name_key if contact.organisation else ""
        if ours != organisation_key(person.organisation):
            changes["organisation_id"] = None
    missing = person.tags - {tag.slug for tag in contact.tags.all()} if person.tags else set()
    if missing:
        changes["tags"] = missing
    return changes


def _carry_out(*, workspace: Workspace, actor: Actor, plan: _Plan, source: str) -> ImportResult:
    people = [*plan.new, *(person for _, person in plan.known)]
    organisations = ensure_organisations(
        workspace=workspace, actor=actor, names={person.organisation for person in people if person.organisation}
    )
    made, tags = [], []
    for person in plan.new:
        guess_zone(person.columns)
        contact = Contact(workspace=workspace, created_by_id=actor.principal_id, source=source, **person.columns)
        if person.organisation:
            contact.organisation_id = organisations[person.organisation].id
        made.append(contact)
        tags += [ContactTag(workspace=workspace, contact=contact, slug=slug) for slug in sorted(person.tags)]
    changed, columns, now = [], {"updated_at"}, timezone.now()
    for contact, person in plan.known:
        organisation = organisations[person.organisation].id if person.organisation else None
        changes = _changes(contact, person, organisation=organisation)
        if not changes:
            continue
        tags += [ContactTag(workspace=workspace, contact=contact, slug=s) for s in sorted(changes.pop("tags", ()))]
        for name, value in changes.items():
            setattr(contact, name, value)
        contact.updated_at = now
        columns |= set(changes)
        changed.append(contact)
    Contact.objects.bulk_create(made, batch_size=_BATCH)
    Contact.objects.bulk_update(changed, sorted(columns), batch_size=500)
    ContactTag.objects.bulk_create(tags, batch_size=_BATCH)
    _record(workspace=workspace, actor=actor, made=made, changed=changed, skipped=plan.suppressed)
    ids = tuple(contact.id for contact in [*made, *(contact for contact, _ in plan.known)])
    return ImportResult(**_counts(plan, changed=len(changed)), contact_ids=ids)


def _record(*, workspace: Workspace, actor: Actor, made: list[Contact], changed: list[Contact], skipped: int) -> None:
    counts = {"created": len(made), "changed": len(changed), "skipped": skipped}
    entry = audit.record(action="contact.imported", actor=actor, workspace_id=workspace.id, data=counts)
    record_created(workspace=workspace, actor=actor, contact_ids=[c.id for c in made], correlation=entry.correlation)
    audit.record_many(
        actor=actor,
        correlation=entry.correlation,
        entries=[
            audit.Entry(
                action="contact.changed",
                workspace_id=workspace.id,
                subject_type=Contact._meta.label_lower,
                subjects=[contact.id for contact in changed[start : start + _SUBJECTS_IN_ONE_ENTRY]],
                data={"fields": "several fields"},
            )
            for start in range(0, len(changed), _SUBJECTS_IN_ONE_ENTRY)
        ],
    )


def _counts(plan: _Plan, *, changed: int) -> dict[str, Any]:
    return {
        "rows": len(plan.sheet.rows),
        "created": len(plan.new),
        "changed": changed,
        "unchanged": len(plan.known) - changed,
        "merged": plan.merged,
        "suppressed": plan.suppressed,
        "fields": plan.sheet.fields,
        "ignored_columns": plan.sheet.ignored,
        "encoding": plan.sheet.encoding,
    }
