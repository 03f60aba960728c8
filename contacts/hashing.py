"""The keyed hash under which an address is suppressed and looked up."""

import hashlib
import hmac
from dataclasses import dataclass
from uuid import UUID

from django.db import transaction

from contacts.addresses import suppression_form
from contacts.models import SuppressionKey
from workspaces.scope import all_workspaces

_KEYS: dict[UUID, bytes] = {}  # a workspace's key never changes, so a process reads it once


@dataclass(frozen=True, slots=True)
class AddressHasher:
    """Hashes addresses of one workspace; got from `hasher_of`, once for many addresses."""

    _key: bytes

    def __call__(self, *, kind: str, address: str) -> str:
        """HMAC-SHA256 (hex) of a normal address in its suppression form."""
        form = suppression_form(kind=kind, address=address)
        return hmac.new(self._key, f"{kind}:{form}".encode(), hashlib.sha256).hexdigest()


def hasher_of(workspace_id: UUID) -> AddressHasher:
    """The hasher under the workspace's own key, which is made at first use."""
    known = _KEYS.get(workspace_id)
    if known is not None:
        return AddressHasher(known)
    with all_workspaces("the key is read by its workspace's id"), transaction.atomic():
        row, _ = SuppressionKey.objects.get_or_create(workspace_id=workspace_id)
    key = bytes(row.key)
    # Not before the commit: a key that is rolled back must not be remembered, or nothing hashed under it would match.
    transaction.on_commit(lambda: _KEYS.setdefault(workspace_id, key))
    return AddressHasher(key)
