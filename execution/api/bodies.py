"""What the calls of this app take."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from rest_framework import serializers

from execution.channels import registry
from execution.selectors.history import statuses
from execution.services.lifecycle import WAS_NOT_SENT, WAS_SENT
from execution.services.propose import MAX_IN_A_PLAN
from execution.states import SETTLED
from execution.types import Proposal
from workspaces.api.bodies import ZONE_NEEDED, Body, CommaList, Day, Moment, Text, read_moment
from workspaces.api.shapes import AnyObject
from workspaces.errors import InvalidInput

_FIELDS = (
    "channel",
    "payload",
    "to",
    "contact",
    "plan",
    "priority",
    "scheduled_for",
    "expires_at",
    "account",
    "metadata",
)
_CHANNELS = "One of the channels; each has a payload of its own."


class ProposalBody(Body):
    """One outward act. Either `to` (an address, which becomes a contact without consent) or `contact`."""

    channel = serializers.ChoiceField(registry.names(), help_text=_CHANNELS)
    payload = AnyObject(help_text="In the channel's form.")
    to = Text(required=False, allow_null=True)
    contact = serializers.UUIDField(required=False, allow_null=True)
    plan = serializers.UUIDField(required=False, allow_null=True)
    priority = serializers.IntegerField(required=False, min_value=0, max_value=100)
    scheduled_for = Moment(required=False, allow_null=True)
    expires_at = Moment(required=False, allow_null=True)
    account = serializers.UUIDField(required=False, allow_null=True)
    metadata = AnyObject(required=False)


class PlannedBody(ProposalBody):
    """The same inside a plan, which is the plan it is in."""

    plan = None  # type: ignore[assignment]  # takes the field away


class PlanBody(Body):
    """Acts proposed together: 1 to 10,000."""

    title = Text(max_length=200)
    goal = Text(required=False, max_length=20_000)
    requests = PlannedBody(many=True)


class PatchBody(Body):
    """What changes. `payload` is a JSON Merge Patch (RFC 7396): what is left out stays, null takes a field away."""

    payload = AnyObject(required=False)
    scheduled_for = Moment(required=False, allow_null=True)
    expires_at = Moment(required=False, allow_null=True)
    note = Text(required=False, max_length=300)
    digest = Text(required=False, help_text="The digest that was edited; another one in force answers 409.")


class NeededReasonBody(Body):
    """Why, in words."""

    reason = Text(max_length=2_000)


class ResolveBody(NeededReasonBody):
    outcome = serializers.ChoiceField([WAS_SENT, WAS_NOT_SENT])


class ApproveBody(Body):
    """`digest` is of what the decider saw; without `gate`, every open gate the caller may open."""

    execution_id = serializers.UUIDField()
    digest = Text()
    reason = Text(required=False, max_length=2_000)
    gate = Text(required=False, allow_null=True, max_length=40)


class RejectBody(Body):
    execution_id = serializers.UUIDField()
    reason = Text(required=False, max_length=2_000)
    digest = Text(required=False, allow_null=True)


class ChangesBody(RejectBody):
    reason = Text(max_length=2_000)


class PlanDecisionBody(Body):
    """Either `digests` (request id -> the digest seen) or the plan's `digest`."""

    digests = serializers.DictField(child=Text(), required=False, allow_empty=False)
    digest = Text(required=False)
    reason = Text(required=False, max_length=2_000)


class HoldBody(Body):
    """scope: global, workspace:SLUG, channel:NAME, agent:NAME, campaign:ID, plan:ID or account:ID."""

    scope = Text(max_length=120)
    reason = Text(required=False, max_length=300)


class LimitBody(Body):
    """At most `count` acts in any `period_seconds`."""

    name = Text(max_length=60)
    scope = Text(required=False, max_length=80)
    count = serializers.IntegerField(min_value=0, max_value=2_147_483_647)
    period_seconds = serializers.IntegerField(required=False, min_value=1, max_value=2_147_483_647)


class LimitPatchBody(LimitBody):
    name = None  # type: ignore[assignment]  # the address says which


class PendingQuery(Body):
    scope = serializers.ChoiceField(
        ["mine", "all"], required=False, help_text="What this caller may decide (a person's default), or everything."
    )
    channel = serializers.ChoiceField(registry.names(), required=False)
    gate = serializers.CharField(required=False)
    plan = serializers.UUIDField(required=False)
    campaign = serializers.UUIDField(required=False)
    agent = serializers.CharField(required=False)
    q = serializers.CharField(required=False, help_text="Words in the summary, address, contact or campaign.")


class RequestsQuery(Body):
    status = CommaList(choices=statuses(), required=False)
    channel = serializers.ChoiceField(registry.names(), required=False)
    contact = serializers.UUIDField(required=False)
    plan = serializers.UUIDField(required=False)
    campaign = serializers.UUIDField(required=False)
    agent = serializers.CharField(required=False)
    since = Day(required=False, help_text="From this time on; a date is its beginning in the workspace's zone.")
    until = Day(required=False, help_text="Before this time.")
    q = serializers.CharField(required=False, help_text="Words in the summary, address, contact or campaign.")


class HistoryQuery(RequestsQuery):
    status = CommaList(choices=sorted(SETTLED), required=False)


def read_proposal(data: Mapping[str, Any], *, idempotency_key: str | None = None, planned: bool = False) -> Proposal:
    """A proposal from JSON. What it says is checked by the service; here only what it is made of.

    Raises InvalidInput naming each field.
    """
    problems: dict[str, str] = {}
    known = [name for name in _FIELDS if not (planned and name == "plan")]
    for name in data:
        if name not in known:
            problems[str(name)] = f"This cannot be set here. There are: {', '.join(known)}."
    values: dict[str, Any] = {"priority": data.get("priority", 50), "payload": data.get("payload")}
    if "channel" not in data:
        problems["channel"] = "This field is required."
    if "payload" not in data:
        problems["payload"] = "This field is required."
    for name in ("channel", "to"):
        values[name] = _read(data, name, _text, problems)
    for name in ("contact", "account", *([] if planned else ["plan"])):
        values[name] = _read(data, name, _uuid, problems)
    for name in ("scheduled_for", "expires_at"):
        values[name] = _read(data, name, _moment, problems)
    values["metadata"] = _read(data, "metadata", _object, problems) or {}
    if problems:
        told = "; ".join(f"{name}: {text}" for name, text in list(problems.items())[:5])
        raise InvalidInput(f"This cannot be proposed. {told}", fields=problems)
    values.pop("plan", None)
    return Proposal(idempotency_key=idempotency_key, **values)


def read_plan(data: Mapping[str, Any], *, idempotency_key: str | None = None) -> tuple[str, str, list[Proposal]]:
    """Title, goal and proposals of a plan; with a key, each act has its own, made of it and its place.

    Raises InvalidInput with every error under the place of its request.
    """
    problems = {name: "This cannot be set here." for name in data if name not in ("title", "goal", "requests")}
    title = _read(data, "title", _text, problems) or ""
    goal = _read(data, "goal", _text, problems) or ""
    if not title.strip():
        problems.setdefault("title", "A plan needs a title.")
    if len(title) > 200:
        problems["title"] = "200 characters at most."
    items = data.get("requests")
    if not isinstance(items, list) or not 1 <= len(items) <= MAX_IN_A_PLAN:
        problems["requests"] = f"A list of 1 to {MAX_IN_A_PLAN:,} requests."
        items = []
    proposals = []
    for index, item in enumerate(items):
        key = f"{idempotency_key}#{index}" if idempotency_key else None
        try:
            if not isinstance(item, Mapping):
                raise InvalidInput("A request is an object.", fields={"": "A request is an object."})
            proposals.append(read_proposal(item, idempotency_key=key, planned=True))
        except InvalidInput as error:
            for name, text in error.fields.items():
                problems[f"requests.{index}.{name}".rstrip(".")] = text
    if problems:
        raise InvalidInput("The plan is not valid; none of it was proposed.", fields=dict(list(problems.items())[:200]))
    return title, goal, proposals


def _read(data: Mapping[str, Any], name: str, reader: Any, problems: dict[str, str]) -> Any:
    value = data.get(name)
    if value is None:
        if name in data and name == "channel":
            problems[name] = "This field may not be null."
        return None
    try:
        return reader(value)
    except ValueError as error:
        problems[name] = str(error)
        return None


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("Write text.")
    return value


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError("Write a JSON object.")
    return value


def _uuid(value: Any) -> UUID:
    try:
        return UUID(value) if isinstance(value, str) else _refuse()
    except ValueError as error:
        raise ValueError("Write an id (a UUID).") from error


def _refuse() -> UUID:
    raise ValueError


def _moment(value: Any) -> datetime:
    moment = read_moment(value)
    if moment is None:
        raise ValueError(ZONE_NEEDED)
    return moment
