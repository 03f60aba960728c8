"""Credentials at rest and tokens for links, both under CREDENTIALS_KEY (newest first, so that keys can be rotated)."""

import base64
import hashlib
import hmac
from uuid import UUID

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings

from workspaces.errors import Unavailable


def _derived(key: str, purpose: bytes) -> bytes:
    return hashlib.blake2b(purpose, key=hashlib.sha256(key.encode()).digest(), digest_size=32).digest()


def _box() -> MultiFernet:
    return MultiFernet([Fernet(key) for key in settings.CREDENTIALS_KEY])


def encrypt(secret: str) -> str:
    """`secret` as it may lie in the database."""
    return _box().encrypt(secret.encode()).decode() if secret else ""


def decrypt(stored: str) -> str:
    """The secret again. Raises Unavailable where no key fits."""
    if not stored:
        return ""
    try:
        return _box().decrypt(stored.encode()).decode()
    except InvalidToken as error:
        raise Unavailable(
            "No CREDENTIALS_KEY fits this account's secret. Add the old key after the new one."
        ) from error


def link_token(*, purpose: str, request_id: UUID) -> str:
    """An unforgeable, opaque token for links in one message: an HMAC of its request's id (RFC 8058, section 3.1)."""
    return _token(settings.CREDENTIALS_KEY[0], purpose, request_id)


def is_link_token(*, purpose: str, request_id: UUID, token: str) -> bool:
    """Whether `token` was made for this request under any key still known."""
    told = token.encode()  # compare_digest takes no text beyond ASCII
    return any(hmac.compare_digest(_token(key, purpose, request_id).encode(), told) for key in settings.CREDENTIALS_KEY)


def _token(key: str, purpose: str, request_id: UUID) -> str:
    digest = hmac.new(_derived(key, purpose.encode()), request_id.bytes, hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest[:20]).decode().rstrip("=")
