"""Where an agent's prospects come from: an uploaded list, rows given by hand, or the contact book."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from campaigns.models import ProspectList
from campaigns.writers.base import Prospect
from contacts.addresses import email_key, normal_email
from contacts.models import Contact
from contacts.selectors import search_contacts
from execution.channels.text import invisible_characters, strip_invisible
from workspaces.errors import InvalidInput, NotFound
from workspaces.models import Workspace

MOST_CONTACTS = 2_000  # of the contact book, in one run
# Other names of columns that mean something here; the contact importer knows the usual headings already.
_ALIASES = {
    "title": "role",
    "org": "organisation",
    "organization": "organisation",
    "company": "organisation",
    "e_mail": "email",
    "email_address": "email",
    "mail": "email",
    "telephone": "phone",
    "committee": "committees",
    "type": "kind",
}
# An agent has no use for addresses, and a line that is not about the prospect says nothing.
_NOT_SHOWN = frozenset({"email", "phone", "handles", "row", "contact", "contact_id", "time_zone"})
_KINDS = {
    "person": "person",
    "office": "office",
    "organisation": "organisation",
    "organization": "organisation",
    "alliance": "organisation",
    "coalition": "organisation",
    "association": "organisation",
    "outlet": "outlet",
    "newspaper": "outlet",
}
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A prospect with what an agent is not shown: its address, and the contact it is already."""

    prospect: Prospect
    email: str = ""
    contact_id: UUID | None = None


def read_prospects(
    *,
    workspace: Workspace,
    prospect_list: UUID | None = None,
    prospects: Sequence[Mapping[str, str]] | None = None,
    query: str | None = None,
) -> list[Found]:
    """Everybody the one source given names, in its order; with none, the contact book. Inside the workspace's scope.

    Raises NotFound for a list that is not this workspace's, InvalidInput naming the row and the column.
    """
    if prospect_list is not None:
        found = ProspectList.objects.filter(workspace=workspace, pk=prospect_list).first()
        if found is None:
            raise NotFound("There is no such list in this workspace.", fields={"prospect_list": "Unknown list."})
        return from_rows(rows=found.rows, source=found.name)
    if prospects is not None:
        return from_rows(rows=prospects, source="the list given")
    rows = search_contacts(workspace=workspace, q=query or "").prefetch_related("tags")[:MOST_CONTACTS]
    return [_from_contact(contact, number=number) for number, contact in enumerate(rows, start=1)]


def from_rows(*, rows: Iterable[Mapping[str, Any]], source: str) -> list[Found]:
    """Rows of text by column, as prospects. Raises InvalidInput for an address that is none or stands there twice."""
    found: list[Found] = []
    problems: dict[str, str] = {}
    seen: dict[str, str] = {}
    for position, row in enumerate(rows, start=1):
        number = str(row.get("row") or position)
        one = _from_row(row, ref=f"p{position}", where=f"{source}, row {number}", number=number, problems=problems)
        if one.email and seen.setdefault(email_key(one.email), number) != number:
            problems[f"row {number}, email"] = f"stands in row {seen[email_key(one.email)]} already"
        found.append(one)
    if problems:
        told = "; ".join(f"{place}: {text}" for place, text in list(problems.items())[:3])
        raise InvalidInput(f"The prospects cannot be read. {told}", fields=problems)
    return found


def contact_fields(prospect: Prospect) -> dict[str, Any]:
    """What of a prospect goes onto its contact: name, kind, title, organisation, notes."""
    fields = prospect.fields
    kind = _KINDS.get(fields.get("kind", "").lower(), "")
    known = {
        "name": fields.get("name", "")[:200],
        "kind": kind,
        "title": fields.get("role", "")[:200],
        "organisation": fields.get("organisation", "")[:200],
        "notes": fields.get("notes", ""),
    }
    return {name: value for name, value in known.items() if value}


def _from_row(row: Mapping[str, Any], *, ref: str, where: str, number: str, problems: dict[str, str]) -> Found:
    fields: dict[str, str] = {}
    hidden = 0
    for heading, value in row.items():
        name = re.sub(r"\W+", "_", strip_invisible(str(heading)).strip().lower()).strip("_")[:60]
        given = _CONTROLS.sub(" ", "" if value is None else str(value))
        text = strip_invisible(given).strip()
        hidden += len(invisible_characters(given))
        if name and text:
            fields.setdefault(_ALIASES.get(name, name), text)
    name = " ".join(part for part in (fields.pop("first_name", ""), fields.pop("last_name", "")) if part)
    if name:
        fields.setdefault("name", name)
    email, unreachable = "", ""
    try:
        email = normal_email(fields["email"]) if "email" in fields else ""
    except ValueError as wrong:
        problems[f"row {number}, email"] = str(wrong)
    if not email:
        unreachable = "it has no email address"
    shown = {column: text for column, text in fields.items() if column not in _NOT_SHOWN}
    prospect = Prospect(ref=ref, source=where, fields=shown, unreachable=unreachable, hidden=hidden)
    return Found(prospect=prospect, email=email)


def _from_contact(contact: Contact, *, number: int) -> Found:
    fields = {
        "name": contact.name,
        "kind": contact.kind,
        "role": contact.title,
        "organisation": contact.organisation.name if contact.organisation else "",
        "tags": ", ".join(tag.slug.replace("-", " ") for tag in contact.tags.all()),
        "notes": contact.notes,
    }
    return Found(
        prospect=Prospect(
            ref=f"p{number}",
            source="contact book",
            fields={name: strip_invisible(text) for name, text in fields.items() if text},
            hidden=sum(len(invisible_characters(text)) for text in fields.values()),
            unreachable="" if contact.email else "it has no email address",
        ),
        email=contact.email,
        contact_id=contact.id,
    )
