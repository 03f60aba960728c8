"""Contacts: made, changed, and found or made by an address."""

from collections.abc import Iterable, Mapping
from typing import Any, NoReturn
from uuid import UUID

from django.db import IntegrityError, transaction

from contacts.addresses import AddressKind, address_key, email_key, normal_address, region_of_zone
from contacts.hashing import AddressHasher, hasher_of
from contacts.models import Contact, ContactKind, ContactTag, Organisation
from contacts.services.fields import guess_zone, read_columns, read_tags
from contacts.services.writing import Fields, line, writing
from workspaces import audit
from workspaces.actors import Actor
from workspaces.bulk import insert_objects
from workspaces.errors import Conflict, InvalidInput, NotFound, NotPermitted
from workspaces.models import PrincipalKind, Workspace

audit.register(
    {
        "contact.created": "{actor} added {count} contacts",
        "contact.changed": "{actor} changed {fields} of a contact",
    }
)

FIELDS = ("kind", "name", "title", "organisation", "email", "phone", "handles", "time_zone", "tags", "notes", "source")
KIND_OF_CHANNEL = {
    "email": AddressKind.EMAIL,
    "newsletter": AddressKind.EMAIL,
    "press": AddressKind.EMAIL,
    "calendar": AddressKind.EMAIL,
    "sms": AddressKind.PHONE,
    "voice": AddressKind.PHONE,
    "phone": AddressKind.PHONE,
    "social": AddressKind.HANDLE,
    "handle": AddressKind.HANDLE,
}
_IN_ONE_QUERY = 5_000
_SUBJECTS_IN_ONE_ENTRY = 5_000


def create_contact(
    *,
    workspace: Workspace,
    actor: Actor,
    name: str = "",
    kind: str = ContactKind.PERSON,
    title: str = "",
    organisation: Organisation | UUID | None = None,
    email: str = "",
    phone: str = "",
    handles: Mapping[str, str] | None = None,
    time_zone: str = "",
    tags: Iterable[str] = (),
    notes: str = "",
    source: str = "",
) -> Contact:
    """Add somebody, without any consent.

    A blank time zone is guessed from the phone number where its prefix leaves exactly one.
    Raises InvalidInput naming each field, Conflict where the email is another contact's.
    """
    raw = {"name": name, "kind": kind, "title": title, "email": email, "phone": phone, "handles": handles or {}}
    raw |= {"time_zone": time_zone, "notes": notes, "source": source}
    with writing(workspace=workspace, actor=actor):
        fields = Fields()
        columns = _read(raw, workspace=workspace, fields=fields)
        slugs = fields.read("tags", lambda: read_tags(tags), otherwise=[])
        organisation_id = fields.read("organisation", lambda: _organisation_id(organisation, workspace=workspace))
        if not fields.problems and not any(columns[field] for field in ("name", "email", "phone", "handles")):
            fields.problems["name"] = "Give a name or an address."
        fields.check("The contact cannot be saved like this.")
        guess_zone(columns)
        contact = Contact(
            workspace=workspace,
            organisation_id=organisation_id or None,
            created_by_id=actor.principal_id,
            **columns,
        )
        _save(contact, force_insert=True)
        _tag(contact, slugs=slugs)
        audit.record(action="contact.created", actor=actor, workspace_id=workspace.id, subject=contact)
    return contact


def update_contact(*, workspace: Workspace, actor: Actor, contact_id: UUID, **changes: Any) -> Contact:
    """Change any of FIELDS; what is not named stays.

    A consent was given for an address, so only a person may put another one in its place: a service or an agent may
    fill in an address that is missing, of a contact without consents.
    Raises InvalidInput naming each field, NotFound, NotPermitted, Conflict for an email that is taken or an erased
    contact.
    """
    unknown = set(changes) - set(FIELDS)
    if unknown:
        raise InvalidInput("Not all of that can be changed.", fields=dict.fromkeys(unknown, "There is no such field."))
    with writing(workspace=workspace, actor=actor):
        contact = Contact.objects.select_for_update(no_key=True).filter(workspace=workspace, pk=contact_id).first()
        if contact is None:
            raise NotFound("There is no such contact here.")
        if contact.is_erased:
            raise Conflict("This contact was erased and stays so. Add a new one.")
        fields = Fields()
        columns = _read(changes, workspace=workspace, fields=fields)
        slugs = fields.read("tags", lambda: read_tags(changes["tags"])) if "tags" in changes else None
        if "organisation" in changes:
            given = changes["organisation"]
            columns["organisation_id"] = (
                fields.read("organisation", lambda: _organisation_id(given, workspace=workspace)) or None
            )
        fields.check("The contact cannot be saved like this.")
        _refuse_new_address(contact=contact, columns=columns, actor=actor)
        if "phone" in columns and "time_zone" not in columns and contact.time_zone_is_guess:
            columns |= {"time_zone": "", "time_zone_is_guess": False}
        columns.setdefault("time_zone", contact.time_zone)
        guess_zone(columns)
        changed = [name for name, value in columns.items() if getattr(contact, name) != value]
        for name in changed:
            setattr(contact, name, columns[name])
        if changed:
            _save(contact, update_fields=[*changed, "updated_at"])
        if slugs is not None and _tag(contact, slugs=slugs):
            changed.append("tags")
        if changed:
            audit.record(
                action="contact.changed",
                actor=actor,
                workspace_id=workspace.id,
                subject=contact,
                data={"fields": ", ".join(_named(changed))},
            )
    return contact


def ensure_contact_for_address(
    *, workspace: Workspace, actor: Actor, channel: str, address: str, name: str = ""
) -> Contact:
    """The contact with this address, made without consent where there is none.

    channel: email, press, newsletter, calendar (an email address), sms, voice (a phone number) or social
    (`network:handle`). Raises InvalidInput for a malformed address or another channel.
    """
    kind = KIND_OF_CHANNEL.get(channel)
    if kind is None:
        raise InvalidInput(f"{channel} has no addresses.", fields={"channel": f"One of {', '.join(KIND_OF_CHANNEL)}."})
    found = ensure_contacts_for_addresses(
        workspace=workspace, actor=actor, kind=kind, addresses=[address], names={address: name}
    )
    return found[address]


def ensure_contacts_for_addresses(
    *,
    workspace: Workspace,
    actor: Actor,
    kind: str,
    addresses: Iterable[str],
    names: Mapping[str, str] | None = None,
    source: str = "",
) -> dict[str, Contact]:
    """The contact of each address, keyed by the addresses as given; 10,000 in a few statements.

    kind: email, phone or handle. An address that no contact has becomes one, without consent. A number or a handle
    that several contacts share is the oldest one's.
    Raises InvalidInput where any address is malformed: `fields["to"]` says what is wrong with the first one, and
    `extra["by_address"]` maps each malformed address to what is wrong with it.
    """
    if kind not in AddressKind.values:
        raise InvalidInput(f"{kind} is no kind of address.", fields={"kind": "One of email, phone, handle."})
    normal = _normal_addresses(kind=kind, addresses=addresses, workspace=workspace)
    keys = {address: address_key(kind=kind, address=address) for address in normal.values()}
    with writing(workspace=workspace, actor=actor):
        found = _contacts_by_key(workspace=workspace, kind=kind, keys=set(keys.values()))
        if len(found) < len(set(keys.values())) and kind != AddressKind.EMAIL:
            # Nothing unique keeps two of us from adding the same number: one at a time, and look again.
            Workspace.objects.select_for_update(no_key=True).get(pk=workspace.pk)
            found = _contacts_by_key(workspace=workspace, kind=kind, keys=set(keys.values()))
        new: dict[str, Contact] = {}
        hasher = hasher_of(workspace.id)
        for given, address in normal.items():
            key = keys[address]
            if key not in found and key not in new:
                name = _one_line((names or {}).get(given, ""))
                new[key] = _unsaved(
                    workspace=workspace,
                    actor=actor,
                    hasher=hasher,
                    kind=kind,
                    address=address,
                    name=name,
                    source=source,
                )
        if new:
            found |= _insert(workspace=workspace, actor=actor, kind=kind, new=new)
    return {given: found[keys[address]] for given, address in normal.items()}


def _normal_addresses(*, kind: str, addresses: Iterable[str], workspace: Workspace) -> dict[str, str]:
    region = region_of_zone(workspace.time_zone)
    normal: dict[str, str] = {}
    problems: dict[str, str] = {}
    for given in addresses:
        try:
            normal[given] = normal_address(kind=kind, text=line(given, most=400), region=region)
        except ValueError as error:
            problems[given] = str(error)
    if problems:
        first = next(iter(problems.values()))
        raise InvalidInput(first, fields={"to": first}, by_address=problems)
    return normal


def _one_line(name: str) -> str:
    try:
        return line(name, most=200)
    except ValueError as error:
        raise InvalidInput(f"The name cannot be kept: {error}", fields={"name": str(error)}) from error


def _contacts_by_key(*, workspace: Workspace, kind: str, keys: set[str]) -> dict[str, Contact]:
    rows = Contact.objects.filter(workspace=workspace, is_erased=False).order_by("-id")
    found: dict[str, Contact] = {}
    ordered = sorted(keys)
    if kind == AddressKind.HANDLE:
        for key in ordered:
            network = key.partition(":")[0]
            for row in rows.filter(handles__has_key=network):
                if address_key(kind=kind, address=f"{network}:{row.handles[network]}") == key:
                    found[key] = row  # newest first, so the oldest stays
        return found
    column = "email_key" if kind == AddressKind.EMAIL else "phone"
    for start in range(0, len(ordered), _IN_ONE_QUERY):
        for row in rows.filter(**{f"{column}__in": ordered[start : start + _IN_ONE_QUERY]}):
            found[getattr(row, column)] = row
    return found


def _unsaved(
    *,
    workspace: Workspace,
    actor: Actor,
    hasher: AddressHasher,
    kind: str,
    address: str,
    name: str,
    source: str,
) -> Contact:
    columns: dict[str, Any] = {"name": name, "source": source}
    if kind == AddressKind.HANDLE:
        network, _, handle = address.partition(":")
        columns["handles"] = {network: handle}
    else:
        columns |= {kind: address, f"{kind}_hash": hasher(kind=kind, address=address)}
        if kind == AddressKind.EMAIL:
            columns["email_key"] = email_key(address)
        guess_zone(columns)
    return Contact(workspace=workspace, created_by_id=actor.principal_id, **columns)


def _insert(*, workspace: Workspace, actor: Actor, kind: str, new: Mapping[str, Contact]) -> dict[str, Contact]:
    """Insert them; where somebody else was faster by email, theirs stands."""
    insert_objects(new.values(), ignore_conflicts=kind == AddressKind.EMAIL)
    found = dict(new)
    if kind == AddressKind.EMAIL:
        found = _contacts_by_key(workspace=workspace, kind=kind, keys=set(new))
    made = [contact.id for key, contact in new.items() if found[key].id == contact.id]
    record_created(workspace=workspace, actor=actor, contact_ids=made)
    return found


def record_created(
    *, workspace: Workspace, actor: Actor, contact_ids: list[UUID], correlation: UUID | None = None
) -> None:
    """Put new contacts on record, a few thousand to an entry."""
    audit.record_many(
        actor=actor,
        correlation=correlation,
        entries=[
            audit.Entry(
                action="contact.created",
                workspace_id=workspace.id,
                subject_type=Contact._meta.label_lower,
                subjects=contact_ids[start : start + _SUBJECTS_IN_ONE_ENTRY],
            )
            for start in range(0, len(contact_ids), _SUBJECTS_IN_ONE_ENTRY)
        ],
    )


def _read(raw: Mapping[str, Any], *, workspace: Workspace, fields: Fields) -> dict[str, Any]:
    region = region_of_zone(workspace.time_zone)
    return read_columns(raw, region=region, hasher=hasher_of(workspace.id), fields=fields)


def _organisation_id(given: Organisation | UUID | str | None, *, workspace: Workspace) -> UUID | None:
    if given is None or given == "":
        return None
    try:
        wanted = given.pk if isinstance(given, Organisation) else UUID(str(given))
    except ValueError as error:
        raise ValueError("Give the id of an organisation.") from error
    if not Organisation.objects.filter(workspace=workspace, pk=wanted).exists():
        raise ValueError("There is no such organisation here.")
    return wanted


def _refuse_new_address(*, contact: Contact, columns: Mapping[str, Any], actor: Actor) -> None:
    if actor.kind not in (PrincipalKind.AGENT, PrincipalKind.SERVICE):
        return
    for name in ("email", "phone"):
        if name in columns and columns[name] != getattr(contact, name):
            if getattr(contact, name):
                raise NotPermitted(f"{actor.label} may not change the {name} on record. Ask a person to do it.")
            if contact.consents.exists():
                raise NotPermitted(
                    f"{actor.label} may not add an address to a contact with consents. Ask a person to do it."
                )


def _save(contact: Contact, **how: Any) -> None:
    try:
        with transaction.atomic():
            contact.save(**how)
    except IntegrityError as error:
        _explain(contact, error)


def _explain(contact: Contact, error: IntegrityError) -> NoReturn:
    other = Contact.objects.filter(workspace_id=contact.workspace_id, email_key=contact.email_key)
    holder = other.exclude(pk=contact.pk).values_list("pk", flat=True).first() if contact.email_key else None
    if holder is None:
        raise error
    raise Conflict(
        "Another contact has this email.", fields={"email": "Another contact has it."}, contact=str(holder)
    ) from error


def _tag(contact: Contact, *, slugs: list[str]) -> bool:
    """Make the contact's tags these. Returns whether anything changed."""
    have = set(ContactTag.objects.filter(contact=contact).values_list("slug", flat=True))
    gone, new = have - set(slugs), sorted(set(slugs) - have)
    if gone:
        ContactTag.objects.filter(contact=contact, slug__in=gone).delete()
    ContactTag.objects.bulk_create(
        [ContactTag(workspace_id=contact.workspace_id, contact=contact, slug=slug) for slug in new]
    )
    return bool(gone or new)


def _named(columns: Iterable[str]) -> list[str]:
    derived = {"email_key", "email_hash", "phone_hash", "time_zone_is_guess"}
    return sorted({name.removesuffix("_id") for name in columns} - derived)
