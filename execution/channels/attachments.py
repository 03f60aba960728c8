"""Contents that payloads carry: kept apart from the payload by their SHA-256, so that each is stored once."""

import hashlib
import re
from base64 import b64decode
from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field, ValidationInfo, model_validator

from execution.channels.base import Payload
from execution.channels.fields import Base64, FileName
from execution.wire.attachments import CONTENT_TYPE

MAX_CONTENT = 10 * 1024 * 1024
_SHA256 = r"^[0-9a-f]{64}$"
_COMPOSITE = re.compile(r"(?:message|multipart)/", re.IGNORECASE)


def content_type(value: str) -> str:
    """A media type, at most with a charset. Composite types may not be base64 (RFC 2045 section 6.4). ValueError."""
    if not CONTENT_TYPE.fullmatch(value):
        raise ValueError("is not a content type, such as application/pdf")
    if _COMPOSITE.match(value):
        raise ValueError("must not be message/... or multipart/...: attach a whole mail as application/octet-stream")
    return value


class Content(Payload):
    """A content and its media type: the bytes themselves, or the digest and size of bytes that are stored already."""

    content_type: Annotated[str, Field(max_length=200), AfterValidator(content_type)]
    content_base64: Base64 | None = None
    sha256: Annotated[str, Field(pattern=_SHA256)] | None = None
    size: Annotated[int, Field(ge=0, le=MAX_CONTENT, strict=True)] | None = None

    @model_validator(mode="after")
    def _either_bytes_or_reference(self, info: ValidationInfo) -> Self:
        if self.content_base64 is not None:
            if self.sha256 is not None or self.size is not None:
                raise ValueError("must have content_base64 or sha256 and size, not both")
            return self
        if self.sha256 is None or self.size is None:
            raise ValueError("needs content_base64")
        if self.sha256 not in (info.context or {}).get("known_content", ()):
            raise ValueError("refers to a content that this request does not have: send content_base64")
        return self

    @property
    def octets(self) -> int:
        """The size of the content in bytes."""
        if self.content_base64 is None:
            return self.size or 0
        return len(self.content_base64) // 4 * 3 - self.content_base64[-2:].count("=")


class Attachment(Content):
    """A file that goes with a mail."""

    filename: FileName


def detach(payload: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, bytes]]:
    """A validated payload with each `content_base64` replaced by `sha256` and `size`, and the contents by digest.

    Looks at the payload itself and at its `attachments`. What refers to stored contents already is left as it is.
    """
    contents: dict[str, bytes] = {}
    detached = _detach_one(payload, contents)
    if attachments := payload.get("attachments"):
        detached["attachments"] = [_detach_one(attachment, contents) for attachment in attachments]
    return detached, contents


def _detach_one(item: Mapping[str, Any], contents: dict[str, bytes]) -> dict[str, Any]:
    if "content_base64" not in item:
        return dict(item)
    content = b64decode(item["content_base64"])
    digest = hashlib.sha256(content).hexdigest()
    contents[digest] = content
    return {key: value for key, value in item.items() if key != "content_base64"} | {
        "sha256": digest,
        "size": len(content),
    }
