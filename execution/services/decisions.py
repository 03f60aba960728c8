"""A person decides. One path for one request and for a plan of ten thousand."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import transaction

from execution import audit_actions  # noqa: F401  (registers the actions recorded here)
from execution.errors import SealBroken, StaleApproval
from execution.models import ExecutionPlan, ExecutionRequest, Verdict
from execution.services.alerts import tell_seal_broken
from execution.services.deciding import decide
from execution.states import Status
from execution.transitions import entry_for
from workspaces.actors import Actor
from workspaces.audit.record import record_many
from workspaces.canonical import digest_of
from workspaces.errors import CountersignError, InvalidInput, NotFound, NotPermitted
from workspaces.models import Workspace
from workspaces.permissions import Permission
from workspaces.scope import workspace_scope


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """A request of a batch that was not decided, and why, in words."""

    id: UUID
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanDecision:
    """How many requests of a batch were decided, and which were not."""

    decided: int
    skipped: list[Skipped]


def approve(
    *,
    workspace: Workspace,
    actor: Actor,
    request_id: UUID | str,
    digest: str | None = None,
    reason: str = "",
    gate: str | None = None,
) -> ExecutionRequest:
    """Approve what `digest` stands for, at `gate` or at every open gate this person may open.

    digest: of what the decider saw; without it the decision binds to the present one and records that nobody's screen
    was compared. The same person approving the same again changes nothing.

    Raises StaleApproval with the field diff, Conflict where it is decided otherwise, NotPermitted for an author, for
    whoever is not a person and for members without the right (recorded), NotFound.
    """
    return _decide_one(
        workspace=workspace,
        actor=actor,
        request_id=request_id,
        verdict=Verdict.APPROVE,
        digest=digest,
        reason=reason,
        gate=gate,
    )


def reject(
    *, workspace: Workspace, actor: Actor, request_id: UUID | str, reason: str = "", digest: str | None = None
) -> ExecutionRequest:
    """Reject for good. Raises as `approve`."""
    return _decide_one(
        workspace=workspace, actor=actor, request_id=request_id, verdict=Verdict.REJECT, digest=digest, reason=reason
    )


def request_changes(
    *, workspace: Workspace, actor: Actor, request_id: UUID | str, reason: str, digest: str | None = None
) -> ExecutionRequest:
    """Send it back to its author with a reason. Raises as `approve`, and InvalidInput without a reason."""
    if not reason.strip():
        raise InvalidInput("Say what should change.", fields={"reason": "Needed: the author reads it."})
    return _decide_one(
        workspace=workspace,
        actor=actor,
        request_id=request_id,
        verdict=Verdict.REQUEST_CHANGES,
        digest=digest,
        reason=reason,
    )


def decide_plan(
    *,
    workspace: Workspace,
    actor: Actor,
    plan_id: UUID | str,
    verdict: Verdict,
    digests: Mapping[str, str] | None = None,
    digest: str | None = None,
    reason: str = "",
) -> PlanDecision:
    """Decide the requests of a plan that wait: those in `digests` (id -> digest seen), or all of them under the
    plan's own digest. One decision for each request; what cannot be decided is skipped with the reason.

    Raises StaleApproval where the plan's digest is not the present one, InvalidInput, NotPermitted, NotFound.
    """
    with workspace_scope(workspace):
        plan = ExecutionPlan.objects.filter(workspace=workspace, pk=plan_id).first()
        if plan is None:
            raise NotFound("There is no such plan in this workspace.")
        if (digests is None) == (digest is None):
            raise InvalidInput(
                "Send either `digests` or the plan's `digest`.", fields={"digests": "One of the two is needed."}
            )
        with _refusals_recorded(workspace=workspace, actor=actor, subject_id=plan.pk):
            _require_decider(workspace=workspace, actor=actor)
        with transaction.atomic():
            if digests is None:
                current = plan_digest(plan=plan)
                if digest != current:
                    raise StaleApproval(current_digest=current, diff=[], what="plan")
                waiting = ExecutionRequest.objects.filter(workspace=workspace, plan=plan, status=Status.PENDING)
                seen: dict[UUID, str | None] = dict(waiting.values_list("id", "digest"))
            else:
                seen = _uuids(digests)
                inside = set(
                    ExecutionRequest.objects.filter(workspace=workspace, plan=plan, id__in=seen).values_list(
                        "id", flat=True
                    )
                )
                strangers = [i for i in seen if i not in inside]
                if strangers:
                    raise InvalidInput(
                        "Some of these requests are not in this plan.",
                        fields={f"digests.{i}": "Not a request of this plan." for i in strangers[:20]},
                    )
            outcome = decide(workspace=workspace, actor=actor, verdict=verdict, seen=seen, reason=reason, gate=None)
        _record_refusals(workspace=workspace, actor=actor, errors=outcome.errors)
    skipped = [Skipped(id=i, why=error.detail) for i, error in outcome.errors.items()]
    skipped += [Skipped(id=i, why="You decided this already.") for i in outcome.already]
    return PlanDecision(decided=len(outcome.decided), skipped=skipped)


def plan_digest(*, plan: ExecutionPlan) -> str:
    """Over the digests of the plan's requests. Runs inside the workspace's scope."""
    pairs = ExecutionRequest.objects.filter(plan=plan).order_by("id").values_list("id", "digest")
    return digest_of([[str(i), digest] for i, digest in pairs])


def _decide_one(
    *,
    workspace: Workspace,
    actor: Actor,
    request_id: UUID | str,
    verdict: Verdict,
    digest: str | None,
    reason: str,
    gate: str | None = None,
) -> ExecutionRequest:
    with workspace_scope(workspace):
        found = ExecutionRequest.objects.filter(workspace=workspace, pk=request_id).first()
        subject = found.pk if found else UUID(str(request_id))
        with _refusals_recorded(workspace=workspace, actor=actor, subject_id=subject):
            _require_decider(workspace=workspace, actor=actor)
            if found is None:
                raise NotFound("There is no such request in this workspace.")
            with transaction.atomic():
                outcome = decide(
                    workspace=workspace, actor=actor, verdict=verdict, seen={found.pk: digest}, reason=reason, gate=gate
                )
                for error in outcome.errors.values():
                    raise error
        return ExecutionRequest.objects.select_related("current").get(pk=found.pk)


class _refusals_recorded:
    """Puts a refused decision on record, in a transaction of its own: the refused one is rolled back."""

    def __init__(self, *, workspace: Workspace, actor: Actor, subject_id: UUID) -> None:
        self.workspace, self.actor, self.subject_id = workspace, actor, subject_id

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, CountersignError):
            _record_refusals(workspace=self.workspace, actor=self.actor, errors={self.subject_id: error})


def _record_refusals(*, workspace: Workspace, actor: Actor, errors: Mapping[UUID, CountersignError]) -> None:
    """Put on record who was refused what, one entry for each reason; an alert for each seal that is broken."""
    refused: dict[str, list[UUID]] = defaultdict(list)
    for subject_id, error in errors.items():
        if isinstance(error, NotPermitted | NotFound | SealBroken):
            refused[error.detail].append(subject_id)
        if isinstance(error, SealBroken):
            tell_seal_broken(
                workspace_id=workspace.id,
                request_id=subject_id,
                title="A waiting request was changed behind Countersign",
                detail=error.detail,
            )
    for why, ids in refused.items():
        record_refusal(workspace=workspace, actor=actor, ids=ids, why=why)


def record_refusal(*, workspace: Workspace, actor: Actor, ids: Sequence[UUID], why: str) -> None:
    """Put on record that `actor` tried to decide on these and was refused."""
    with transaction.atomic():
        entry = entry_for(action="request.decision_refused", workspace_id=workspace.id, ids=ids, data={"why": why})
        record_many(actor=actor, entries=[entry])


def _require_decider(*, workspace: Workspace, actor: Actor) -> None:
    if not actor.is_person:
        raise NotPermitted(f"{actor.label} is not a person. Only people decide.")
    actor.require(Permission.DECIDE, workspace_id=workspace.id)


def _uuids(digests: Mapping[str, object]) -> dict[UUID, str | None]:
    seen: dict[UUID, str | None] = {}
    problems: dict[str, str] = {}
    for key, digest in digests.items():
        if not isinstance(digest, str):
            problems[f"digests.{key}"] = "A digest is text."
            continue
        try:
            seen[UUID(str(key))] = digest
        except ValueError:
            problems[f"digests.{key}"] = "Not an id."
    if problems:
        raise InvalidInput("Some of the digests cannot be read.", fields=problems)
    return seen
