"""A call to another system's address."""

from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from execution.channels.base import ChannelSpec, Payload
from execution.channels.fields import WebUrl
from execution.channels.text import real_host


class WebhookPayload(Payload):
    """`webhook {url, method, json}`. GET and DELETE may go without `json`; GET may not have one."""

    url: WebUrl
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
    json_: Any = Field(default=None, alias="json")

    @model_validator(mode="after")
    def _body_fits_the_method(self) -> Self:
        if self.method == "GET" and self.json_ is not None:
            raise ValueError("must not have json with the method GET")
        if self.method in ("POST", "PUT", "PATCH") and self.json_ is None:
            raise ValueError(f"needs json with the method {self.method}")
        return self


def _summary(payload: Mapping[str, Any]) -> str:
    return f"{payload['method']} to {real_host(payload['url'])}"


WEBHOOK = ChannelSpec(
    name="webhook",
    label="Webhook",
    schema=WebhookPayload,
    recipient_kind="none",
    consent_purpose=None,
    risk="medium",
    default_gate="HR_OPS",
    chunk_size=10,
    summary=_summary,
)
