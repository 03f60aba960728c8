"""The ladder: who is told of an alert at once, and who after how long without an answer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings

from execution.alerts.targets import MAIL, env_targets, person_target, route_target
from execution.models import AlertRoute, EscalationStep, Severity
from workspaces.models import Principal, PrincipalKind, Workspace
from workspaces.settings_store import get_setting

GRAVITY = {Severity.INFO: 0, Severity.WARNING: 1, Severity.CRITICAL: 2}
# Minutes after which people are told, where a workspace has no ladder of its own for the severity.
DEFAULT_MINUTES: Mapping[str, Sequence[int]] = {
    Severity.INFO: (0,),
    Severity.WARNING: (0,),
    Severity.CRITICAL: (0, 10, 30),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung:
    """One step: `after` it first happened these places are told, and these members under their bell too."""

    after: timedelta
    targets: frozenset[str]
    people: frozenset[UUID] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Ladder:
    """A workspace's steps by severity, in their order."""

    rungs: Mapping[str, Sequence[Rung]]

    def of(self, severity: str) -> Sequence[Rung]:
        """The steps; a severity that nobody knows climbs as a warning, rather than keeping all others waiting."""
        return self.rungs.get(severity, self.rungs[Severity.WARNING])

    def reached(self, *, severity: str, first_at: datetime, now: datetime) -> int:
        """How many steps an alert has come to."""
        return sum(first_at + rung.after <= now for rung in self.of(severity))

    def next_at(self, *, severity: str, first_at: datetime, reached: int) -> datetime | None:
        """When the next step comes; None after the last."""
        rungs = self.of(severity)
        return first_at + rungs[reached].after if reached < len(rungs) else None


def ladder_of(workspace: Workspace) -> Ladder:
    """The ladder in force. Inside the workspace's scope."""
    routes = list(AlertRoute.objects.filter(workspace=workspace, is_active=True))
    steps = list(EscalationStep.objects.filter(workspace=workspace).order_by("after_minutes", "id"))
    rungs: dict[str, Sequence[Rung]] = {}
    for severity in Severity:
        everywhere = _everywhere(severity=severity, routes=routes)
        own = [step for step in steps if step.severity == severity]
        rungs[severity] = (
            [_rung(step, everywhere=everywhere, routes=routes) for step in own]
            if own
            else _default(workspace=workspace, severity=severity, everywhere=everywhere)
        )
    return Ladder(rungs=rungs)


def _everywhere(*, severity: str, routes: Sequence[AlertRoute]) -> frozenset[str]:
    """Every way out that takes this severity."""
    gravity = GRAVITY[Severity(severity)]
    targets = {route_target(route.pk) for route in routes if GRAVITY[Severity(route.severity)] <= gravity}
    if GRAVITY[Severity(settings.ALERT_SEVERITY)] <= gravity:
        targets.update(env_targets())
        if settings.ALERT_EMAIL:
            targets.add(MAIL)
    return frozenset(targets)


def _rung(step: EscalationStep, *, everywhere: frozenset[str], routes: Sequence[AlertRoute]) -> Rung:
    after = timedelta(minutes=step.after_minutes)
    if step.route_id is None and step.person_id is None:
        return Rung(after=after, targets=everywhere)
    targets, people = set(), set()
    if step.route_id in {route.pk for route in routes}:
        targets.add(route_target(step.route_id))
    if step.person_id is not None:
        people.add(step.person_id)
        targets.add(person_target(step.person_id))
    return Rung(after=after, targets=frozenset(targets), people=frozenset(people))


def _default(*, workspace: Workspace, severity: str, everywhere: frozenset[str]) -> list[Rung]:
    """Everywhere at once; what is critical again while nobody answers, and to the person escalations go to."""
    name = get_setting(key="escalation_person", workspace=workspace)
    found = Principal.objects.filter(kind=PrincipalKind.PERSON, name=name, is_active=True).first() if name else None
    person = frozenset({found.pk} if found else ())
    mail = frozenset(person_target(pk) for pk in person)
    return [
        Rung(after=timedelta(minutes=minutes), targets=everywhere | mail, people=person)
        if minutes
        else Rung(after=timedelta(), targets=everywhere)
        for minutes in DEFAULT_MINUTES[severity]
    ]
