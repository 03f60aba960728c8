"""Requests in the states that tests of this app begin with, made by the shipped services."""

from typing import Any

from execution import propose
from execution.engine.drain import drain
from execution.models import Alert, ExecutionRequest, ProviderAccount
from execution.services import decisions
from execution.services.accounts import save_account
from tests.builders import Cast
from workspaces.models import AuditEntry

PAYLOAD = {"subject": "The hearing on Tuesday", "text": "Dear Alice,\n\nthe hearing is on Tuesday at ten.\n"}


def propose_email(cast: Cast, **more: Any) -> ExecutionRequest:
    """A mail that Ada proposes to Alice; it waits at HR_LANG."""
    arguments: dict[str, Any] = {"actor": cast.ada, "contact": cast.alice, "payload": PAYLOAD, **more}
    if "to" in more:
        arguments.pop("contact")
    return propose(workspace=cast.workspace, channel="email", **arguments)


def approved_email(cast: Cast, **more: Any) -> ExecutionRequest:
    """The same, approved by Rosa."""
    request = propose_email(cast, **more)
    return decisions.approve(workspace=cast.workspace, actor=cast.rosa, request_id=request.id, digest=request.digest)


def again(cast: Cast, request: ExecutionRequest) -> ExecutionRequest:
    """The request as it stands now."""
    with cast.scope():
        return ExecutionRequest.objects.select_related("current").get(pk=request.pk)


def put(cast: Cast, request: ExecutionRequest, **columns: Any) -> None:
    """Change columns of a request behind the services' back."""
    with cast.scope():
        ExecutionRequest.objects.filter(pk=request.pk).update(**columns)


def drain_due(cast: Cast, *requests: ExecutionRequest) -> None:
    """One drain in this thread: over what is due, or over just these."""
    drain(workspace=cast.workspace, request_ids=[r.pk for r in requests] or None, lanes=1)


def alerts(cast: Cast) -> list[str]:
    """The kinds of the alerts there are, the oldest first."""
    with cast.scope():
        return list(Alert.objects.order_by("first_at").values_list("kind", flat=True))


def other_account(cast: Cast) -> ProviderAccount:
    """What goes through it is never in one chunk with what goes through the default account."""
    return save_account(
        workspace=cast.workspace,
        actor=cast.omar,
        name="Another",
        channel="email",
        provider="recorder",
        host="mail.example.com",
        security="none",
        from_email="other@example.org",
        secret="another secret",
    )


def refusals(request: ExecutionRequest) -> list[Any]:
    """Who was refused a decision on the request, as the audit log says."""
    entries = AuditEntry.objects.filter(action="request.decision_refused", subject_id=request.pk)
    return list(entries.order_by("id").values_list("actor_id", flat=True))
