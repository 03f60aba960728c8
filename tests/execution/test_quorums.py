"""Gates that take several people, and what each of them may still do."""

from typing import Any

import pytest

from execution.models import ExecutionRequest
from execution.services import decisions
from execution.services.gates import update_gate
from execution.services.policies import publish
from execution.services.rights import available_actions
from execution.states import Status
from tests.builders import Cast, make_person
from tests.execution.arranged import propose_email
from workspaces.actors import Actor
from workspaces.errors import Conflict, NotPermitted
from workspaces.models import Role


@pytest.fixture
def waiting(cast: Cast) -> ExecutionRequest:
    """A mail that two people have to approve."""
    update_gate(workspace=cast.workspace, actor=cast.omar, name="HR_LANG", quorum=2)
    return propose_email(cast)


def approve(cast: Cast, request: ExecutionRequest, by: Actor, **more: Any) -> ExecutionRequest:
    return decisions.approve(workspace=cast.workspace, actor=by, request_id=request.id, digest=request.digest, **more)


def reject(cast: Cast, request: ExecutionRequest, by: Actor) -> ExecutionRequest:
    return decisions.reject(workspace=cast.workspace, actor=by, request_id=request.id)


def test_one_person_counts_once_however_often_they_approve(cast: Cast, waiting: ExecutionRequest) -> None:
    for _ in range(3):
        assert approve(cast, waiting, cast.rosa).status == Status.PENDING
    assert approve(cast, waiting, cast.sam).status == Status.APPROVED


def test_whoever_approved_does_not_reject_unheard(cast: Cast, waiting: ExecutionRequest) -> None:
    approve(cast, waiting, cast.rosa)
    with pytest.raises(Conflict, match="You approved this at HR_LANG already"):
        reject(cast, waiting, cast.rosa)


def test_whoever_approved_does_not_ask_for_changes_unheard(cast: Cast, waiting: ExecutionRequest) -> None:
    approve(cast, waiting, cast.rosa)
    with pytest.raises(Conflict):
        decisions.request_changes(
            workspace=cast.workspace, actor=cast.rosa, request_id=waiting.id, reason="On second thought."
        )


def test_another_persons_rejection_ends_it_whoever_approved_before(cast: Cast, waiting: ExecutionRequest) -> None:
    approve(cast, waiting, cast.rosa)
    assert reject(cast, waiting, cast.sam).status == Status.REJECTED


def test_a_gate_that_nobody_defined_is_for_administrators(cast: Cast) -> None:
    rules = [{"name": "x", "when": {}, "then": {"gates": ["HR_UNHEARD_OF"]}, "reason": "A test."}]
    publish(workspace=cast.workspace, actor=cast.omar, rules=rules)
    request = propose_email(cast)
    with pytest.raises(NotPermitted):
        approve(cast, request, cast.rosa)
    assert approve(cast, request, make_person(cast.workspace, "adam", role=Role.ADMIN)).status == Status.APPROVED


@pytest.mark.parametrize("name", ["omar", "rosa", "sam", "ada", "vic", "crm", "writer"])
def test_what_a_member_is_offered_is_what_is_accepted(cast: Cast, name: str) -> None:
    request, actor = propose_email(cast, actor=cast.sam), getattr(cast, name)
    with cast.scope():
        offered = "approve" in available_actions(actor=actor, request=request)
    try:
        approve(cast, request, actor)
        accepted = True
    except NotPermitted:
        accepted = False
    assert offered is accepted
