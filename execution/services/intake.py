"""What many proposals have in common, read once: the people, accounts, rules and gates of their workspace."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from contacts import selectors as people
from contacts.models import Contact
from contacts.services import ensure_contacts_for_addresses
from execution.channels.base import ChannelSpec
from execution.models import GateDefinition, PolicyVersion, ProviderAccount
from execution.sending import SenderIdentity, account_for, identity_for
from execution.services.facts import Recipients
from execution.services.policies import current_policy
from execution.types import Proposal
from workspaces.actors import Actor
from workspaces.errors import CountersignError, InvalidInput
from workspaces.models import Workspace
from workspaces.settings_store import effective_mode


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """A proposal whose channel and payload are sound."""

    proposal: Proposal
    spec: ChannelSpec
    payload: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """The workspace as one propose sees it."""

    workspace: Workspace
    mode: str
    policy: PolicyVersion
    gates: dict[str, GateDefinition]
    _accounts: dict[tuple[str, str], tuple[ProviderAccount | None, SenderIdentity | None]]

    def sender(
        self, *, channel: str, account_id: UUID | str | None
    ) -> tuple[ProviderAccount | None, SenderIdentity | None]:
        """The account and what of it goes under the seal. Raises InvalidInput for an unknown account."""
        key = (channel, str(account_id or ""))
        if key not in self._accounts:
            account = account_for(workspace=self.workspace, channel=channel, account_id=account_id)
            identity = identity_for(workspace=self.workspace, channel=channel, account=account)
            self._accounts[key] = (account, identity)
        return self._accounts[key]


def ground_of(workspace: Workspace) -> Ground:
    """Read what every proposal of this call needs. Runs inside the workspace's scope."""
    return Ground(
        workspace=workspace,
        mode=effective_mode(workspace),
        policy=current_policy(workspace=workspace),
        gates={gate.name: gate for gate in GateDefinition.objects.filter(workspace=workspace)},
        _accounts={},
    )


def contacts_for(
    *, workspace: Workspace, actor: Actor, checked: Sequence[Checked]
) -> tuple[list[Contact | None], dict[int, CountersignError]]:
    """The contact of each proposal: the one named, or the one its address becomes (without consent).

    Also returns, by index, an error for each that names a contact this workspace does not have.
    """
    named = {i for c in checked if (i := _uuid(c.proposal.contact)) is not None}
    found = {c.id: c for c in Contact.objects.filter(workspace=workspace, id__among=named, is_erased=False)}
    by_kind: dict[str, set[str]] = defaultdict(set)
    for c in checked:
        if c.proposal.contact is None and c.proposal.to and c.spec.recipient_kind != "none":
            by_kind[c.spec.recipient_kind].add(c.proposal.to)
    made: dict[tuple[str, str], Contact] = {}
    malformed: dict[str, str] = {}
    for kind, addresses in by_kind.items():
        ensured, wrong = _ensured(workspace=workspace, actor=actor, kind=kind, addresses=addresses)
        made.update({(kind, address): contact for address, contact in ensured.items()})
        malformed.update(wrong)
    contacts: list[Contact | None] = []
    problems: dict[int, CountersignError] = {}
    for index, c in enumerate(checked):
        contact = None
        if c.proposal.contact is not None:
            contact_id = _uuid(c.proposal.contact)
            contact = found.get(contact_id) if contact_id else None
            if contact is None:
                problems[index] = InvalidInput(
                    "There is no such contact.", fields={"contact": "No contact of this workspace has this id."}
                )
        elif c.proposal.to and c.proposal.to in malformed:
            problems[index] = InvalidInput("The address is not valid.", fields={"to": malformed[c.proposal.to]})
        elif c.proposal.to and c.spec.recipient_kind != "none":
            contact = made.get((c.spec.recipient_kind, c.proposal.to))
        contacts.append(contact)
    return contacts, problems


def _ensured(
    *, workspace: Workspace, actor: Actor, kind: str, addresses: set[str]
) -> tuple[dict[str, Contact], dict[str, str]]:
    """The contact of each sound address, and what is wrong with each of the others."""
    try:
        return ensure_contacts_for_addresses(
            workspace=workspace, actor=actor, kind=kind, addresses=sorted(addresses)
        ), {}
    except InvalidInput as error:
        wrong: dict[str, str] = error.extra.get("by_address", {})
        sound = sorted(addresses - set(wrong))
        if not wrong or not sound:
            return {}, wrong
        return ensure_contacts_for_addresses(workspace=workspace, actor=actor, kind=kind, addresses=sound), wrong


def recipients_of(
    *, workspace: Workspace, checked: Sequence[Checked], addresses: Sequence[str], contacts: Sequence[Contact | None]
) -> list[Recipients]:
    """What is on record about everyone each proposal reaches, in a few queries for all of them."""
    everyone: dict[str, set[str]] = defaultdict(set)
    reached: list[tuple[str, ...]] = []
    for c, to in zip(checked, addresses, strict=True):
        kind = _kind(c.spec)
        extra = c.spec.extra_recipients(c.payload)
        reached.append(tuple(dict.fromkeys([*([to] if to else []), *extra])))
        everyone[kind].update(reached[-1])
    suppressed = {
        kind: people.suppressed_keys(workspace_id=workspace.id, kind=kind, addresses=sorted(found))
        for kind, found in everyone.items()
    }
    consents: dict[str, Mapping[UUID, bool]] = {}
    for purpose in {c.spec.consent_purpose for c in checked} - {None}:
        ids = {contact.id for contact in contacts if contact is not None}
        consents[str(purpose)] = people.consent_for(workspace=workspace, contact_ids=ids, purpose=str(purpose))
    rows = []
    for c, contact, reach in zip(checked, contacts, reached, strict=True):
        held = consents.get(str(c.spec.consent_purpose), {})
        # Only the addressee's consent is on record; a copy to anyone else is never covered by it.
        consent = contact is not None and bool(held.get(contact.id)) and len(reach) <= 1
        rows.append(
            Recipients(
                addresses=reach,
                suppressed=frozenset(a for a in reach if a in suppressed[_kind(c.spec)]),
                consent=consent,
            )
        )
    return rows


def _kind(spec: ChannelSpec) -> str:
    return spec.recipient_kind if spec.recipient_kind != "none" else "email"


def address_of(*, checked: Checked, contact: Contact | None) -> str:
    """Where the act lands, in its normal form. Raises InvalidInput where the contact has no such address."""
    kind = checked.spec.recipient_kind
    if kind == "none":
        return checked.proposal.to or ""
    if contact is None:
        raise InvalidInput(
            "Say who it goes to: `contact` or `to`.", fields={"to": "An address or a contact is needed."}
        )
    address = contact.email if kind == "email" else contact.phone
    if not address:
        raise InvalidInput(
            f"{contact.name} has no {kind} on record.",
            fields={"contact": f"This contact has no {kind}. Add one first."},
        )
    return str(address)


def fields_of(*, errors: Mapping[int, CountersignError], indexed: bool) -> dict[str, str]:
    """The errors by field; in a plan each under its place, as in `requests.3.payload.subject`."""
    fields: dict[str, str] = {}
    for index, error in errors.items():
        for name, text in (error.fields or {"": error.detail}).items():
            fields[f"requests.{index}.{name}".rstrip(".") if indexed else name] = text
    return fields


def _uuid(value: UUID | str | None) -> UUID | None:
    try:
        return UUID(str(value)) if value is not None else None
    except ValueError:
        return None
