"""Posts on social networks."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from execution.channels.base import ChannelSpec, Payload
from execution.channels.fields import WebUrl, not_blank

Network = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,39}$")]


class SocialPayload(Payload):
    """`social {network, text, link?, media_urls?}`. Each network's own length is its provider's to check."""

    network: Network
    text: Annotated[str, Field(max_length=25_000), AfterValidator(not_blank)]
    link: WebUrl | None = None
    media_urls: Annotated[list[WebUrl], Field(max_length=20)] | None = None


def _summary(payload: Mapping[str, Any]) -> str:
    return f"Post on {payload['network']}: {payload['text'][:80]}"


SOCIAL = ChannelSpec(
    name="social",
    label="Social post",
    schema=SocialPayload,
    recipient_kind="none",
    consent_purpose=None,
    risk="high",
    default_gate="HR_SOCIAL",
    chunk_size=1,
    summary=_summary,
    overdue_seconds=21_600,
)
