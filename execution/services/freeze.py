"""The freeze: from a proposal to the canonical document, its digest and the exact bytes that will be sent."""

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.conf import settings

from execution import wire
from execution.channels.attachments import detach
from execution.channels.base import ChannelSpec
from execution.sending import SenderIdentity
from execution.services.credentials import link_token
from workspaces.canonical import canonical_json, sha256_hex
from workspaces.models import Workspace

VERSION = 1
# Derived from the rest or random: a reader of a diff wants what a person changed.
DERIVED = ("wire", "message_id", "nonce", "v")


@dataclass(frozen=True, slots=True, kw_only=True)
class Frozen:
    """Everything an approval covers: the document, as text and parsed, and the parts it names by SHA-256."""

    document: dict[str, Any]
    text: str
    digest: str
    field_hashes: dict[str, str]
    parts: dict[str, bytes] = field(repr=False)


def freeze(
    *,
    workspace: Workspace,
    request_id: UUID,
    spec: ChannelSpec,
    payload: Mapping[str, Any],
    to: str,
    contact_id: UUID | None,
    sender: SenderIdentity | None,
    mode: str,
    scheduled_for: datetime | None,
    expires_at: datetime | None,
    new_address: bool,
    known_parts: Mapping[str, bytes] | None = None,
) -> Frozen:
    """Make the canonical document of one act.

    payload: as the channel validated it. new_address: the recipient was given as an address. known_parts: contents
    that `payload` already refers to by SHA-256.
    For mail the complete message is built here, but for its Date line; nothing is rendered at the time of sending.
    """
    stored, parts = detach(payload)
    document: dict[str, Any] = {
        "v": VERSION,
        "request": str(request_id),
        "workspace": str(workspace.id),
        "nonce": secrets.token_hex(8),
        "channel": spec.name,
        "mode": mode,
        "to": to,
        "contact": str(contact_id) if contact_id else None,
        "new_address": new_address,
        "sender": sender.as_document() if sender else None,
        "payload": stored,
        "window": {"scheduled_for": _iso(scheduled_for), "expires_at": _iso(expires_at)},
        "wire": [],
    }
    if spec.name == "email" and sender is not None:
        message_id = wire.message_id_for(request_id=str(request_id), domain=_domain(sender.from_email))
        blobs = {**(known_parts or {}), **parts}
        pieces = wire.build_email(
            payload=stored,
            sender=wire.Sender(name=sender.from_name, address=sender.from_email),
            to=[to],
            message_id=message_id,
            unsubscribe_url=unsubscribe_url(request_id=request_id),
            postal_address=workspace.postal_address,
            blobs=blobs,
        )
        document["message_id"] = message_id
        for piece in pieces:
            digest = sha256_hex(piece)
            parts[digest] = piece
            document["wire"].append(digest)
    encoded = canonical_json(document)
    return Frozen(
        document=document,
        text=encoded.decode(),
        digest=sha256_hex(encoded),
        field_hashes=hashes_by_field(document),
        parts=parts,
    )


def unsubscribe_url(*, request_id: UUID) -> str:
    """The recipient's own link; GET shows a page, POST unsubscribes (RFC 8058)."""
    return f"{settings.PUBLIC_URL}/u/{request_id}/{link_token(purpose='unsubscribe', request_id=request_id)}"


def flatten(document: Mapping[str, Any]) -> dict[str, Any]:
    """The document's fields by dotted path, two levels deep: payload.subject, sender.host, window.expires_at, to."""
    fields: dict[str, Any] = {}
    for key, value in document.items():
        if isinstance(value, dict):
            for inner, inner_value in value.items():
                fields[f"{key}.{inner}"] = inner_value
        else:
            fields[key] = value
    return fields


def hashes_by_field(document: Mapping[str, Any]) -> dict[str, str]:
    """A short digest of each field (64 bits: to tell fields apart, not to seal them)."""
    return {path: sha256_hex(canonical_json(value))[:16] for path, value in flatten(document).items()}


def parse(text: str) -> dict[str, Any]:
    """A document's text as a dict. Raises ValueError where somebody broke it."""
    parsed: dict[str, Any] = json.loads(text)
    return parsed


def _iso(at: datetime | None) -> str | None:
    return at.astimezone(UTC).isoformat() if at else None


def _domain(address: str) -> str:
    return address.rpartition("@")[2] or "localhost"
