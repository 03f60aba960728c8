"""Pages, posts and collection items of a website."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from execution.channels.base import ChannelSpec, Payload
from execution.channels.fields import Line


class CmsPayload(Payload):
    """`cms {action, kind, resource?, title, content, status, fields?, structured_data?}`.

    `status` is the site's own word (WordPress: draft, publish, pending, private, future). `structured_data` is
    schema.org JSON-LD: one object or several.
    """

    action: Literal["create", "update"]
    kind: Literal["post", "page", "item"]
    resource: Line | None = None
    title: Line
    content: Annotated[str, Field(max_length=1_000_000)]
    status: Annotated[str, Field(pattern=r"^[a-z][a-z_-]{0,29}$")]
    fields: dict[str, Any] | None = None
    structured_data: dict[str, Any] | list[dict[str, Any]] | None = None

    @model_validator(mode="after")
    def _update_names_its_resource(self) -> Self:
        if self.action == "update" and self.resource is None:
            raise ValueError("needs resource: which post, page or item is to be updated")
        return self


def _summary(payload: Mapping[str, Any]) -> str:
    verb = "Create" if payload["action"] == "create" else "Update"
    return f"{verb} {payload['kind']} ({payload['status']}): {payload['title']}"


CMS = ChannelSpec(
    name="cms",
    label="Website content",
    schema=CmsPayload,
    recipient_kind="none",
    consent_purpose=None,
    risk="medium",
    default_gate="HR_OPS",
    chunk_size=1,
    summary=_summary,
    max_bytes=2 * 1024 * 1024,
)
