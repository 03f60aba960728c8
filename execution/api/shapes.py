"""How requests, gates, attempts and plans look in answers."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from execution.channels import registry
from execution.engine.canary import CanaryState
from execution.models import (
    AttemptState,
    ExecutionPlan,
    ExecutionRequest,
    GateState,
    RequestGate,
    Verdict,
)
from execution.selectors import PlanProgress
from execution.services.rights import available_actions
from execution.states import Status
from workspaces.api.shapes import AnyObject, Anything, PrincipalLabel, Shape
from workspaces.models import Mode


class DecisionShape(Shape):
    by = PrincipalLabel(source="principal")
    verdict = serializers.ChoiceField(Verdict.choices)
    reason = serializers.CharField()
    at = serializers.DateTimeField()
    via = serializers.CharField()
    digest = serializers.CharField()
    compared = serializers.BooleanField(help_text="Whether the decider named the digest they saw.")
    sole_operator = serializers.BooleanField(help_text="The decider's own words, as this workspace allowed.")


class _GatesInForce(serializers.ListSerializer):
    def get_attribute(self, instance: Any) -> Any:
        return gates_in_force(instance)


class GateShape(Shape):
    """A gate of the revision in force."""

    gate = serializers.CharField(source="name")
    state = serializers.ChoiceField(GateState.choices)
    needed = serializers.IntegerField(help_text="Distinct people who must approve.")
    deadline = serializers.DateTimeField()
    decisions = DecisionShape(many=True)

    class Meta:
        list_serializer_class = _GatesInForce


class PolicyShape(Shape):
    version = serializers.IntegerField(source="policy_version")
    matched = serializers.ListField(child=serializers.CharField(), source="policy_matched")
    reasons = serializers.ListField(child=serializers.CharField(), source="policy_reasons")


class AttemptShape(Shape):
    number = serializers.IntegerField()
    state = serializers.ChoiceField(AttemptState.choices)
    provider = serializers.CharField()
    marked_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)
    provider_message_id = serializers.CharField()
    response = serializers.CharField()
    error_kind = serializers.CharField()
    error = serializers.CharField()
    wire_digest = serializers.CharField()
    resolution = serializers.CharField()
    resolution_reason = serializers.CharField()
    resolved_by = PrincipalLabel()


class DeliveryShape(Shape):
    state = serializers.ChoiceField(["accepted", "dry_run"])
    at = serializers.DateTimeField(allow_null=True)
    provider = serializers.CharField()
    message_id = serializers.CharField()


class OriginShape(Shape):
    kind = serializers.CharField(source="origin_kind")
    id = serializers.UUIDField(source="origin_id", allow_null=True)
    label = serializers.CharField(source="origin_label")  # type: ignore[assignment]
    url = serializers.CharField(source="origin_url")


class CampaignRefShape(Shape):
    id = serializers.UUIDField(source="campaign_id")
    label = serializers.CharField(source="campaign_label")  # type: ignore[assignment]

    def get_attribute(self, instance: Any) -> Any:
        return instance if instance.campaign_id else None


class ChangeShape(Shape):
    field = serializers.CharField()
    was = Anything()
    now = Anything()


class RevisionShape(Shape):
    number = serializers.IntegerField()
    digest = serializers.CharField()
    author = PrincipalLabel()
    note = serializers.CharField()
    created_at = serializers.DateTimeField()
    drift = ChangeShape(many=True)


class RequestShape(Shape):
    """One outward act. `payload` is what was frozen; contents stand in it as sha256 and size."""

    id = serializers.UUIDField()
    channel = serializers.ChoiceField(registry.names())
    status = serializers.ChoiceField(Status.choices)
    mode = serializers.ChoiceField(Mode.choices)
    to = serializers.CharField()
    contact = serializers.UUIDField(source="contact_id", allow_null=True)
    contact_name = serializers.SerializerMethodField()
    summary = serializers.CharField()
    payload = serializers.SerializerMethodField()
    digest = serializers.CharField(help_text="SHA-256 over everything an approval covers; send it with a decision.")
    revision = serializers.IntegerField()
    author = serializers.SerializerMethodField()
    drift = serializers.SerializerMethodField()
    plan = serializers.UUIDField(source="plan_id", allow_null=True)
    gates = GateShape(many=True)
    policy = PolicyShape(source="*")
    runs_alone = serializers.BooleanField()
    attempts = AttemptShape(many=True)
    delivery = serializers.SerializerMethodField()
    dry_run = serializers.BooleanField(source="is_dry_run", help_text="Carried out as a dry run only.")
    account = serializers.UUIDField(source="account_id", allow_null=True)
    priority = serializers.IntegerField()
    metadata = AnyObject()
    origin = OriginShape(source="*")
    agent = serializers.CharField()
    campaign = CampaignRefShape(allow_null=True)
    proposed_by = PrincipalLabel()
    scheduled_for = serializers.DateTimeField(allow_null=True)
    expires_at = serializers.DateTimeField(allow_null=True)
    due_at = serializers.DateTimeField(allow_null=True)
    undo_until = serializers.DateTimeField(allow_null=True)
    wait_reason = serializers.CharField()
    last_error = serializers.CharField()
    deliverable_url = serializers.CharField()
    created_at = serializers.DateTimeField()
    approved_at = serializers.DateTimeField(allow_null=True)
    settled_at = serializers.DateTimeField(allow_null=True)

    def get_contact_name(self, request: ExecutionRequest) -> str:
        return str(request.contact) if request.contact else ""

    @extend_schema_field(AnyObject())
    def get_payload(self, request: ExecutionRequest) -> dict[str, Any]:
        return request.payload

    @extend_schema_field(serializers.CharField(help_text="Who wrote the revision in force."))
    def get_author(self, request: ExecutionRequest) -> str:
        return request.current.author.label if request.current else ""

    @extend_schema_field(ChangeShape(many=True))
    def get_drift(self, request: ExecutionRequest) -> list[dict[str, Any]]:
        return list(request.current.drift) if request.current else []

    @extend_schema_field(DeliveryShape(allow_null=True))
    def get_delivery(self, request: ExecutionRequest) -> dict[str, Any] | None:
        done = [a for a in request.attempts.all() if a.state in (AttemptState.SUCCEEDED, AttemptState.DRY_RUN)]
        if not done:
            return None
        last = done[-1]
        return {
            "state": "accepted" if last.state == AttemptState.SUCCEEDED else "dry_run",
            "at": last.ended_at,
            "provider": last.provider,
            # A mail server names nothing; there the message's own id, which was sealed with it, is what is known.
            "message_id": last.provider_message_id or request.document.get("message_id", ""),
        }


class RequestDetailShape(RequestShape):
    """The same with its revisions and what this caller may do with it now."""

    revisions = RevisionShape(many=True)
    wire = serializers.SerializerMethodField()
    actions = serializers.SerializerMethodField()

    @extend_schema_field(
        serializers.ListField(
            child=serializers.CharField(),
            help_text="SHA-256 of each piece of the message as it will be sent, in order; contents/SHA256 has it.",
        )
    )
    def get_wire(self, request: ExecutionRequest) -> list[str]:
        return list(request.document["wire"])

    @extend_schema_field(serializers.ListField(child=serializers.CharField()))
    def get_actions(self, request: ExecutionRequest) -> list[str]:
        return sorted(available_actions(actor=self.context["actor"], request=request))


class PendingShape(RequestShape):
    """A request in the queue, with the deadline it is ordered by."""

    deadline = serializers.DateTimeField()


def gates_in_force(request: ExecutionRequest) -> list[RequestGate]:
    """The gates of the revision in force, but for those that others took the place of."""
    gates = [g for g in request.gates.all() if g.revision == request.revision and g.state != GateState.SUPERSEDED]
    return sorted(gates, key=lambda gate: (gate.opened_at, gate.name))


class ProgressShape(Shape):
    total = serializers.IntegerField()
    settled = serializers.IntegerField(help_text="Need nothing more.")
    performed = serializers.IntegerField(help_text="Were carried out, dry runs included.")
    performed_dry = serializers.IntegerField(help_text="Of those, only as a dry run.")
    fraction = serializers.FloatField(help_text="Settled of all, 0 to 1.")


class PlanShape(Shape):
    """A plan with how far it is."""

    id = serializers.UUIDField()
    title = serializers.CharField()
    goal = serializers.CharField()
    size = serializers.IntegerField()
    proposed_by = PrincipalLabel()
    campaign = CampaignRefShape(allow_null=True)
    counts = serializers.SerializerMethodField()
    progress = serializers.SerializerMethodField()
    created_at = serializers.DateTimeField()

    @extend_schema_field(serializers.DictField(child=serializers.IntegerField()))
    def get_counts(self, plan: ExecutionPlan) -> dict[str, int]:
        return self._progress(plan).counts

    @extend_schema_field(ProgressShape())
    def get_progress(self, plan: ExecutionPlan) -> Any:
        return ProgressShape(self._progress(plan)).data

    def _progress(self, plan: ExecutionPlan) -> PlanProgress:
        progress: PlanProgress = plan.progress  # type: ignore[attr-defined]  # put there by the view, a page at once
        return progress


class PlanRequestShape(Shape):
    id = serializers.UUIDField()
    digest = serializers.CharField()
    status = serializers.ChoiceField(Status.choices)
    channel = serializers.CharField()
    to = serializers.CharField()
    summary = serializers.CharField()


class CanaryShape(Shape):
    """The slice of a large plan that goes first."""

    state = serializers.ChoiceField([state.value for state in CanaryState])
    size = serializers.IntegerField()
    settled = serializers.IntegerField()
    failed = serializers.IntegerField(help_text="Failed or bounced.")
    complained = serializers.IntegerField()
    until = serializers.DateTimeField(allow_null=True, help_text="The end of the watch, once it is known.")
    words = serializers.CharField()


class PlanDetailShape(PlanShape):
    """The same with its digest, over the digests of its requests, and those requests in short."""

    digest = serializers.SerializerMethodField()
    canary = CanaryShape(allow_null=True, help_text="Null where all may go at once.")
    requests = serializers.SerializerMethodField()

    @extend_schema_field(serializers.CharField())
    def get_digest(self, plan: ExecutionPlan) -> str:
        digest: str = plan.digest  # type: ignore[attr-defined]
        return digest

    @extend_schema_field(PlanRequestShape(many=True))
    def get_requests(self, plan: ExecutionPlan) -> list[dict[str, Any]]:
        rows = ExecutionRequest.objects.filter(plan=plan).order_by("id")
        return [
            {**row, "id": str(row["id"])} for row in rows.values("id", "digest", "status", "channel", "to", "summary")
        ]
