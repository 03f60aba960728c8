"""What somebody changed by SQL is never sent unseen: found by the state machine, kept as scripts."""

import pytest

from execution.models import Alert
from execution.states import Status
from tests.machine.rig import Rig
from tests.machine.world import World
from workspaces.scope import workspace_scope

pytestmark = pytest.mark.race
MALLORY = "mallory@example.org"


def test_an_edit_takes_no_recipient_from_a_changed_column(rig: Rig) -> None:
    world = World(rig)
    request = world.propose(to="bob")
    world.tamper(request, "to", MALLORY)
    world.edit(request, "ada", words=False)
    world.approve(request, "rosa")
    world.work()
    world.check()
    assert [call.act.to for call in world.promises.calls_of(request)] == [(world.bob.email,)]


def test_an_edit_of_a_changed_text_goes_where_a_person_then_approved_it_to(rig: Rig) -> None:
    world = World(rig)
    request = world.propose(to="bob")
    world.tamper(request, "to", MALLORY)
    world.tamper_with_words(request)  # nothing tells any more whom it was for
    world.edit(request, "ada", words=False)
    with workspace_scope(world.workspace):
        told = Alert.objects.get(kind="seal_mismatch")
    assert "frozen what stands there now" in told.detail
    world.approve(request, "rosa")
    world.work()
    world.check()
    assert [call.act.to for call in world.promises.calls_of(request)] == [(MALLORY,)]


def test_a_change_after_the_approval_goes_where_a_person_then_approved_it_to(rig: Rig) -> None:
    world = World(rig)
    request = world.propose(to="bob")
    world.approve(request, "rosa")
    world.tamper(request, "to", MALLORY)
    world.work()
    world.check()
    assert world.status(request) == Status.PENDING
    world.tamper(request, "to", MALLORY)  # what stands there, and is shown, already
    world.approve(request, "sam")
    world.work()
    world.check()
    assert [call.act.to for call in world.promises.calls_of(request)] == [(MALLORY,)]


def test_words_changed_after_the_approval_go_out_as_a_person_then_approved_them(rig: Rig) -> None:
    world = World(rig)
    request = world.propose()
    world.approve(request, "rosa")
    world.tamper_with_words(request)
    world.work()
    world.check()
    assert world.status(request) == Status.PENDING
    world.tamper_with_words(request)  # there is nothing left to change: what they see is what stands there
    world.approve(request, "sam")
    world.work()
    world.check()
    assert len(world.promises.calls_of(request)) == 1
