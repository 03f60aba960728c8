"""For each guard a way to break a promise where that guard is missing, in a few steps.

A step is the name of one of the world's acts with its arguments; an act upon a request is upon the one proposed last.
"""

import inspect
from dataclasses import dataclass
from typing import Any

from execution.engine.guards import GUARDS
from tests.machine.world import World

MOST_STEPS = 15
Step = tuple[str, dict[str, Any]]


def step(act: str, **arguments: Any) -> Step:
    return act, arguments


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """`breaks`: the promise that falls. `story`: what happens, in words."""

    breaks: str
    story: str
    steps: tuple[Step, ...]


PROPOSED_AND_APPROVED = (step("propose"), step("approve"))

SCRIPTS: dict[str, Script] = {
    "approved": Script(
        breaks="preflight",
        story="“Would it go now?” says yes of a mail that was withdrawn after its approval.",
        steps=(*PROPOSED_AND_APPROVED, step("cancel"), step("foretell")),
    ),
    "identity": Script(
        breaks="P16",
        story="A copy of the database, whose hold somebody took away by SQL.",
        steps=(
            *PROPOSED_AND_APPROVED,
            step("restore"),
            step("take_away_the_hold"),
            step("let_pass", seconds=61.0),
            step("work"),
        ),
    ),
    "expiry": Script(
        breaks="P1",
        story="A mail goes out after the time it was approved for.",
        steps=(step("propose", expires_in=60.0), step("approve"), step("let_pass", seconds=61.0), step("work")),
    ),
    "seal": Script(
        breaks="P1",
        story="Somebody changes the recipient by SQL.",
        steps=(*PROPOSED_AND_APPROVED, step("tamper", column="to", value="mallory@example.org"), step("work")),
    ),
    "sender": Script(
        breaks="P1",
        story="Somebody points the account at another host.",
        steps=(*PROPOSED_AND_APPROVED, step("move_account", host="mallory.example.org"), step("work")),
    ),
    "policy": Script(
        breaks="P1",
        story="Whoever approved it has left the workspace since.",
        steps=(*PROPOSED_AND_APPROVED, step("set_active", name="rosa", active=False), step("work")),
    ),
    "mode": Script(
        breaks="P7",
        story="The workspace went back to dry runs.",
        steps=(*PROPOSED_AND_APPROVED, step("set_mode", mode="dry_run"), step("work")),
    ),
    "hold": Script(
        breaks="P6",
        story="Somebody holds the channel.",
        steps=(*PROPOSED_AND_APPROVED, step("hold", scope="channel:email"), step("work")),
    ),
    "suppression": Script(
        breaks="P10",
        story="The recipient of a copy opts out, and the policy in force has forgotten such people.",
        steps=(
            step("publish", policy="forgetful"),
            step("propose", copy_to="alice"),
            step("approve"),
            step("suppress", name="alice"),
            step("work"),
        ),
    ),
    "account": Script(
        breaks="account",
        story="The account was stopped.",
        steps=(*PROPOSED_AND_APPROVED, step("stop_account"), step("work")),
    ),
    "auto_execution": Script(
        breaks="switch",
        story="A bell rings while carrying out is switched off.",
        steps=(*PROPOSED_AND_APPROVED, step("switch", enabled=False), step("work")),
    ),
    "operator": Script(
        breaks="operator",
        story="What runs alone goes on although nobody who may decide was seen for an hour; it goes once one is.",
        steps=(
            step("set_absence", hours=1),
            step("publish", policy="alone"),
            step("look_in", name="rosa"),
            step("let_pass", seconds=3_601.0),
            step("propose", to="alice"),
            step("work"),
            step("look_in", name="rosa"),
            step("work"),
            step("went"),
        ),
    ),
    "schedule": Script(
        breaks="P1",
        story="“Run now” takes up a mail before its time.",
        steps=(step("propose", due_in=60.0), step("approve"), step("work", only_the_last=True)),
    ),
    "undo_window": Script(
        breaks="undo",
        story="“Run now” takes up a mail while its approval can still be taken back.",
        steps=(step("set_undo", seconds=30), *PROPOSED_AND_APPROVED, step("work", only_the_last=True)),
    ),
    "stale": Script(
        breaks="stale",
        story="Nobody carries anything out for more than a day.",
        steps=(*PROPOSED_AND_APPROVED, step("let_pass", seconds=86_500.0), step("work")),
    ),
    "canary": Script(
        breaks="canary",
        story="A whole plan goes at once, where one of it is to go first and be watched for an hour.",
        steps=(
            step("set_canary", above=2, minutes=60),
            step("propose_plan", count=3),
            step("approve_plan"),
            step("work"),
            step("let_pass", seconds=3_500.0),
            step("work"),
            step("let_pass", seconds=101.0),
            step("work"),
            step("all_went"),
        ),
    ),
    "quiet_hours": Script(
        breaks="P9",
        story="A mail is due in the middle of the recipient's night.",
        steps=(
            step("set_hours", opens=8, closes=21),
            step("give_zone", name="bob", zone="Pacific/Chatham"),
            step("let_pass_until", hour=3, zone="Pacific/Chatham"),
            *PROPOSED_AND_APPROVED,
            step("work"),
        ),
    ),
    "limits": Script(
        breaks="P8",
        story="Two mails, where one a day is allowed.",
        steps=(step("set_limit", count=1), *PROPOSED_AND_APPROVED, *PROPOSED_AND_APPROVED, step("work")),
    ),
}

if missing := {guard.name for guard in GUARDS} ^ set(SCRIPTS):
    raise AssertionError(f"Every guard has a script, and every script a guard; not so: {', '.join(sorted(missing))}.")


def play(script: Script, world: World) -> None:
    """Take the steps, and hold every promise after each. Raises Broken."""
    try:
        for act, arguments in script.steps:
            method = getattr(world, act)
            if "request_id" in inspect.signature(method).parameters:
                arguments = {"request_id": world.last, **arguments}
            method(**arguments)
            world.check()
    finally:
        world.release_everything()
        world.leave()
