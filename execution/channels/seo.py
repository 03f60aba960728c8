"""What search engines are told about one page."""

from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field, model_validator

from execution.channels.base import ChannelSpec, Payload
from execution.channels.fields import Line, WebUrl, single_line


class SeoChanges(Payload):
    """The fields that change; what is absent stays as it is."""

    title: Line | None = None
    description: Annotated[str, Field(max_length=1_000), AfterValidator(single_line)] | None = None
    alt_text: Annotated[str, Field(max_length=1_000), AfterValidator(single_line)] | None = None
    canonical: WebUrl | None = None
    structured_data: dict[str, Any] | list[dict[str, Any]] | None = None

    @model_validator(mode="after")
    def _something_changes(self) -> Self:
        if not self.model_dump(exclude_none=True):
            raise ValueError("must name at least one of title, description, alt_text, canonical, structured_data")
        return self


class SeoPayload(Payload):
    """`seo {url, changes: {title?, description?, alt_text?, canonical?, structured_data?}}`."""

    url: WebUrl
    changes: SeoChanges


def _summary(payload: Mapping[str, Any]) -> str:
    return f"Search listing of {payload['url']}: {', '.join(payload['changes'])}"


SEO = ChannelSpec(
    name="seo",
    label="Search listing",
    schema=SeoPayload,
    recipient_kind="none",
    consent_purpose=None,
    risk="low",
    default_gate="HR_LANG",
    chunk_size=5,
    summary=_summary,
)
