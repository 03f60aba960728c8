"""Facts for the policies, derived from the frozen document and our own rows. A proposer's word is never one."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import liquid

from execution.channels.base import ChannelSpec
from execution.models import MessageTemplate
from workspaces.canonical import digest_of
from workspaces.models import Workspace

BULK_FROM = 6  # "more than five"
SEO_MINOR_FIELDS = frozenset({"title", "description", "alt_text"})


class _Bounded(liquid.Environment):
    """Liquid with limits, so that a template cannot eat the machine."""

    loop_iteration_limit = 1_000
    output_stream_limit = 50_000
    context_depth_limit = 10
    local_namespace_limit = 50_000


_liquid = _Bounded(undefined=liquid.StrictUndefined)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipients:
    """What is on record about everyone an act reaches."""

    addresses: tuple[str, ...]
    suppressed: frozenset[str]
    consent: bool


def derive(
    *,
    spec: ChannelSpec,
    document: Mapping[str, Any],
    recipients: Recipients,
    plan_size: int,
    agent: str,
    templates: Mapping[str, MessageTemplate],
    template: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """The facts about one act (policies.rules.FACTS says what each means).

    templates: the approved ones, by name. template: which one the proposer says it filled in, and with what; believed
    only where filling it in again gives the very same text.
    """
    payload = document["payload"]
    return {
        "channel": spec.name,
        "risk": spec.risk,
        "suppressed": bool(recipients.suppressed),
        "consent": recipients.consent if spec.consent_purpose else True,
        "new_address": bool(document.get("new_address")),
        "recipients": len(recipients.addresses),
        "faq": spec.name == "email" and is_faq(payload=payload, templates=templates, template=template),
        "seo_minor": spec.name == "seo" and is_minor_seo(payload=payload),
        # The provider's current value is known only to providers that report one.
        "bid_decrease": False if spec.name != "ads" else None,
        "bulk": plan_size >= BULK_FROM,
        "plan_size": plan_size,
        "agent": agent,
        "mode": document["mode"],
    }


def is_minor_seo(*, payload: Mapping[str, Any]) -> bool:
    """Only title, description or alternative text of one page change."""
    changes = payload.get("changes") or {}
    return bool(changes) and set(changes) <= SEO_MINOR_FIELDS


def is_faq(
    *, payload: Mapping[str, Any], templates: Mapping[str, MessageTemplate], template: Mapping[str, Any] | None
) -> bool:
    """Whether the mail is exactly an approved template, filled in, and nothing besides."""
    if not template or set(payload) - {"subject", "text"}:
        return False
    found = templates.get(str(template.get("name", "")))
    variables = template.get("variables", {})
    if found is None or not isinstance(variables, Mapping) or not all(map(_is_short_and_plain, variables.values())):
        return False
    try:
        subject = render(source=found.subject, variables=variables)
        text = render(source=found.text, variables=variables)
    except liquid.exceptions.LiquidError:
        return False
    return bool(subject == payload.get("subject") and text == payload.get("text"))


def _is_short_and_plain(value: Any) -> bool:
    """A blank takes a name or a date. Lines and links in it would be words that nobody approved."""
    if isinstance(value, bool | int):
        return True
    return isinstance(value, str) and len(value) <= 80 and value.isprintable() and "://" not in value


def render(*, source: str, variables: Mapping[str, Any]) -> str:
    """Fill in a Liquid template. Raises liquid's LiquidError for an unknown variable or where a limit is passed."""
    return _liquid.from_string(source).render(**dict(variables))


def template_digest(*, subject: str, text: str) -> str:
    """What a person approves when they let a template run alone."""
    return digest_of({"subject": subject, "text": text})


def approved_templates(*, workspace: Workspace, names: Collection[str]) -> dict[str, MessageTemplate]:
    """Those of `names` whose approval still covers their text. Runs inside the workspace's scope."""
    if not names:
        return {}
    found = MessageTemplate.objects.filter(workspace=workspace, name__in=names, approved_at__isnull=False)
    return {t.name: t for t in found if t.approved_digest == template_digest(subject=t.subject, text=t.text)}
