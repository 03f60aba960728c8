"""Reads of many rows. Each takes the workspace and filters by it, so it is right in a scope and outside one."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from contacts.addresses import AddressKind, normal_address, region_of_zone
from contacts.hashing import hasher_of
from contacts.models import (
    ConsentEvent,
    ConsentStatus,
    Contact,
    ContactTag,
    Organisation,
    Suppression,
    TimelineEvent,
)
from workspaces.errors import NotFound
from workspaces.models import Workspace
from workspaces.prepared import Prepared
from workspaces.scope import all_workspaces

_REASON = "filtered by the workspace given"
_IN_ONE_QUERY = 5_000
_SUPPRESSED = Prepared(
    lambda workspace_id, kind, hashes: (
        Suppression.objects.filter(workspace_id=workspace_id, kind=kind, lifted_at=None, address_hash__among=hashes)
        .order_by()
        .values_list("address_hash", "reason")
    ),
    workspace_id=UUID,
    kind=str,
    hashes=list[str],
)
_CONSENT_EVENTS = Prepared(
    # "granted" sorts before "withdrawn", so a withdrawal at the same moment is the last word.
    lambda workspace_id, purpose, ids: (
        ConsentEvent.objects.filter(workspace_id=workspace_id, purpose=purpose, contact_id__among=ids)
        .order_by("at", "status", "id")
        .values_list("contact_id", "status", "basis", "source", "at", "id")
    ),
    workspace_id=UUID,
    purpose=str,
    ids=list[UUID],
)
_PHONE_SIGNS = str.maketrans("", "", "+-./()")  # what people write between the digits of a phone number


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentState:
    """What is in force for one contact and purpose: the latest event."""

    status: ConsentStatus
    basis: str
    source: str
    at: datetime
    event_id: UUID

    @property
    def is_granted(self) -> bool:
        return self.status == ConsentStatus.GRANTED


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What tells where a contact is: their zone as a person stated it ("" where nobody did), and their phone."""

    time_zone: str
    phone: str


def search_contacts(
    *,
    workspace: Workspace,
    q: str = "",
    kind: str = "",
    tag: str = "",
    organisation_id: UUID | None = None,
    suppressed: bool | None = None,
) -> QuerySet[Contact]:
    """Contacts that fit, newest first by id, which a cursor can page by; with organisation and tags in few queries.

    q is looked for in name, role, email, phone and the organisation's name; several words must all be found.
    Erased contacts are left out.
    """
    with all_workspaces(_REASON):
        rows = Contact.objects.filter(workspace=workspace, is_erased=False)
        for word in q.split()[:10]:
            rows = rows.filter(_mentions(word))
        if kind:
            rows = rows.filter(kind=kind)
        if tag:
            rows = rows.filter(Exists(ContactTag.objects.filter(workspace=workspace, slug=tag, contact=OuterRef("pk"))))
        if organisation_id:
            rows = rows.filter(organisation_id=organisation_id)
        if suppressed is not None:
            is_suppressed = _suppressed_exists(workspace)
            rows = rows.filter(is_suppressed) if suppressed else rows.exclude(is_suppressed)
        found: QuerySet[Contact] = rows.select_related("organisation").order_by("-id")
        return found


def contact_named(*, workspace: Workspace, contact_id: UUID) -> Contact:
    """One contact with its organisation. Raises NotFound, also for another workspace's."""
    with all_workspaces(_REASON):
        rows = Contact.objects.filter(workspace=workspace).select_related("organisation")
        found: Contact | None = rows.filter(pk=contact_id).first()
    if found is None:
        raise NotFound("There is no such contact here.")
    return found


def organisations(*, workspace: Workspace, q: str = "") -> QuerySet[Organisation]:
    """Organisations by name, each with `contact_count`."""
    with all_workspaces(_REASON):
        rows = (
            Organisation.objects.filter(workspace=workspace, name__icontains=q.strip())
            if q.strip()
            else (Organisation.objects.filter(workspace=workspace))
        )
        found: QuerySet[Organisation] = rows.annotate(
            contact_count=Count("contacts", filter=Q(contacts__is_erased=False))
        ).order_by("name", "id")
        return found


def tags_in_use(*, workspace: Workspace) -> list[tuple[str, int]]:
    """The workspace's tags with how many contacts have each, by name."""
    with all_workspaces(_REASON):
        rows = ContactTag.objects.filter(workspace=workspace).order_by("slug").values_list("slug")
        return list(rows.annotate(Count("id")))


def places_of(*, workspace: Workspace, contact_ids: Collection[UUID]) -> dict[UUID, Place]:
    """What tells where contacts are, in one query."""
    with all_workspaces(_REASON):
        rows = Contact.objects.filter(workspace=workspace, pk__among=list(contact_ids))
        return {
            pk: Place(time_zone="" if is_guess else zone, phone=phone)
            for pk, zone, is_guess, phone in rows.values_list("pk", "time_zone", "time_zone_is_guess", "phone")
        }


def suppressed_keys(*, workspace_id: UUID, kind: str, addresses: Iterable[str]) -> set[str]:
    """Which of these addresses are suppressed, as they were given. One query for a hundred of them."""
    return set(suppression_reasons(workspace_id=workspace_id, kind=kind, addresses=addresses))


def suppression_reasons(*, workspace_id: UUID, kind: str, addresses: Iterable[str]) -> dict[str, str]:
    """Why those of these addresses are suppressed that are, by the addresses as they were given.

    Any spelling finds what was suppressed in any other (contacts.addresses). Text that is no address of this kind was
    never suppressed and is left out.
    """
    hasher = hasher_of(workspace_id)
    by_hash: dict[str, set[str]] = {}
    for given in addresses:
        normal = _normal(kind=kind, text=given)
        if normal:
            hashed = hasher(kind=kind, address=normal)
            by_hash.setdefault(hashed, set()).add(given)
    hashes = list(by_hash)
    found: dict[str, str] = {}
    with all_workspaces(_REASON):
        for start in range(0, len(hashes), _IN_ONE_QUERY):
            part = hashes[start : start + _IN_ONE_QUERY]
            for hashed, reason in _SUPPRESSED.rows(workspace_id=workspace_id, kind=kind, hashes=part):
                found |= dict.fromkeys(by_hash[hashed], reason)
    return found


def suppressions(
    *, workspace: Workspace, kind: str = "", reason: str = "", active: bool | None = True, address: str = ""
) -> QuerySet[Suppression]:
    """Suppressions, newest first by id; `address` finds one in any spelling, also after an erasure."""
    with all_workspaces(_REASON):
        rows = Suppression.objects.filter(workspace=workspace)
        if kind:
            rows = rows.filter(kind=kind)
        if reason:
            rows = rows.filter(reason=reason)
        if active is not None:
            rows = rows.filter(lifted_at__isnull=active)
        if address:
            rows = rows.filter(_filed_under(workspace=workspace, kind=kind, address=address))
        found: QuerySet[Suppression] = rows.select_related("created_by", "lifted_by").order_by("-id")
        return found


def suppressions_of(*, contact: Contact) -> list[Suppression]:
    """What keeps this contact from being written to, active ones only."""
    with all_workspaces(_REASON):
        rows = Suppression.objects.filter(workspace_id=contact.workspace_id, lifted_at=None)
        ours = Q(kind=AddressKind.EMAIL, address_hash=contact.email_hash or "-")
        ours |= Q(kind=AddressKind.PHONE, address_hash=contact.phone_hash or "-")
        for network, handle in contact.handles.items():
            hashed = hasher_of(contact.workspace_id)(kind=AddressKind.HANDLE, address=f"{network}:{handle}")
            ours |= Q(kind=AddressKind.HANDLE, address_hash=hashed)
        return list(rows.filter(ours).select_related("created_by").order_by("-id"))


def consent_for(*, workspace: Workspace, contact_ids: Collection[UUID], purpose: str) -> dict[UUID, bool]:
    """For each contact with a word on it: True where a lawful basis is in force for the purpose, False where withdrawn.

    A contact nobody ever asked is not in it. One query for a few thousand.
    """
    states = consent_states(workspace=workspace, contact_ids=contact_ids, purpose=purpose)
    return {contact_id: state.is_granted for contact_id, state in states.items()}


def consent_states(*, workspace: Workspace, contact_ids: Collection[UUID], purpose: str) -> dict[UUID, ConsentState]:
    """The latest consent event of each contact for a purpose. Of two at one moment, the withdrawal counts."""
    states: dict[UUID, ConsentState] = {}
    ids = list(contact_ids)
    with all_workspaces(_REASON):
        for start in range(0, len(ids), _IN_ONE_QUERY):
            part = ids[start : start + _IN_ONE_QUERY]
            for contact_id, status, basis, source, at, event_id in _CONSENT_EVENTS.rows(
                workspace_id=workspace.pk, purpose=purpose, ids=part
            ):
                states[contact_id] = ConsentState(
                    status=ConsentStatus(status), basis=basis, source=source, at=at, event_id=event_id
                )
    return states


def consents_of(*, contact: Contact) -> QuerySet[ConsentEvent]:
    """Every consent event of a contact, newest first: the proof."""
    with all_workspaces(_REASON):
        rows = ConsentEvent.objects.filter(workspace_id=contact.workspace_id, contact=contact)
        found: QuerySet[ConsentEvent] = rows.select_related("recorded_by").order_by("-at", "-id")
        return found


def timeline_of(*, contact: Contact) -> QuerySet[TimelineEvent]:
    """What happened between us and a contact, newest first."""
    with all_workspaces(_REASON):
        rows = TimelineEvent.objects.filter(workspace_id=contact.workspace_id, contact=contact)
        found: QuerySet[TimelineEvent] = rows.order_by("-at", "-id")
        return found


def written_to(*, request_id: UUID) -> tuple[Workspace | None, str]:
    """Whose mail a request was, by the timeline, which outlives it: the workspace, and the contact's address now.

    None and "" where nobody was reached by it, or the contact was erased.
    """
    with all_workspaces("only the request's id is given, and it says which workspace"):
        rows = TimelineEvent.objects.filter(request_id=request_id, kind="contacted", is_dry_run=False)
        event = rows.select_related("contact", "workspace").first()
    return (event.workspace, event.contact.email) if event else (None, "")


def _mentions(word: str) -> Q:
    found = Q()
    for column in ("name", "title", "email", "organisation__name"):
        found |= Q(**{f"{column}__icontains": word})
    digits = word.translate(_PHONE_SIGNS)
    return found | Q(phone__contains=digits) if len(digits) >= 3 and digits.isdecimal() else found


def _suppressed_exists(workspace: Workspace) -> Q:
    rows = Suppression.objects.filter(workspace=workspace, lifted_at=None)
    return Q(Exists(rows.filter(kind=AddressKind.EMAIL, address_hash=OuterRef("email_hash")))) | Q(
        Exists(rows.filter(kind=AddressKind.PHONE, address_hash=OuterRef("phone_hash")))
    )


def _filed_under(*, workspace: Workspace, kind: str, address: str) -> Q:
    region = region_of_zone(workspace.time_zone)
    found = Q(pk=None)
    for each in [kind] if kind else AddressKind.values:
        if normal := _normal(kind=each, text=address, region=region):
            found |= Q(kind=each, address_hash=hasher_of(workspace.id)(kind=each, address=normal))
    return found


def _normal(*, kind: str, text: str, region: str | None = None) -> str:
    try:
        return normal_address(kind=kind, text=text, region=region)
    except ValueError:
        return ""
