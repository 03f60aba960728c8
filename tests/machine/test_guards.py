"""Each guard earns its place: without it a promise falls, and with it the same steps break none."""

import pytest

from execution.engine.guards import GUARDS
from tests.machine.promises import Broken
from tests.machine.rig import Rig
from tests.machine.scripts import MOST_STEPS, SCRIPTS, play
from tests.machine.world import World

pytestmark = pytest.mark.race
NAMES = [guard.name for guard in GUARDS]


@pytest.mark.parametrize("name", NAMES)
def test_without_the_guard_a_promise_falls(rig: Rig, name: str) -> None:
    world = World(rig, guards=[guard for guard in GUARDS if guard.name != name])
    with pytest.raises(Broken) as broken:
        play(SCRIPTS[name], world)
    assert broken.value.promise == SCRIPTS[name].breaks


@pytest.mark.parametrize("name", NAMES)
def test_with_every_guard_the_same_steps_break_none(rig: Rig, name: str) -> None:
    play(SCRIPTS[name], World(rig))


@pytest.mark.parametrize("name", NAMES)
def test_a_script_is_short(name: str) -> None:
    assert len(SCRIPTS[name].steps) <= MOST_STEPS
