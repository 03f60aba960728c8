"""Files put into a shared drive."""

from collections.abc import Mapping
from typing import Any, Self

from pydantic import model_validator

from execution.channels.attachments import MAX_CONTENT, Content
from execution.channels.base import ChannelSpec
from execution.channels.fields import FileName


class FilesPayload(Content):
    """`files {name, content_type, content_base64}`."""

    name: FileName

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.octets > MAX_CONTENT:
            raise ValueError(f"has a content of more than {MAX_CONTENT // 1_048_576} MB")
        return self


def _summary(payload: Mapping[str, Any]) -> str:
    return f"File: {payload['name']} ({payload['content_type']})"


FILES = ChannelSpec(
    name="files",
    label="File",
    schema=FilesPayload,
    recipient_kind="none",
    consent_purpose=None,
    risk="medium",
    default_gate="HR_OPS",
    chunk_size=5,
    summary=_summary,
    max_bytes=16 * 1024 * 1024,
)
