"""The one registry of what people are alerted to: how grave it is, what it means, and when it is over by itself."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from execution.models import Alert, Severity

# Of unresolved alerts of one kind, of any workspace: those whose cause is gone.
Over = Callable[[QuerySet[Any]], QuerySet[Any]]
# Members whom one alert concerns by name.
Named = Callable[[Alert], frozenset[UUID]]
# The fingerprint of a hold by the setting `global_pause`, which has no row that could name it.
PAUSED = "hold:global_pause"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind. `meaning` tells a person what happened and what to do.

    over: finds those whose cause is gone; None where only a person can say so. ends: that, in words. lasts: how long
    a mere piece of news stays open after it last happened. named: who is told besides the ladder, each time it is told.
    """

    name: str
    severity: Severity
    meaning: str
    ends: str
    over: Over | None = None
    lasts: timedelta | None = None
    named: Named | None = None


_KINDS: dict[str, Kind] = {}


def register(kinds: Iterable[Kind]) -> None:
    """Add kinds, once each. Apps above this one register theirs at start. Raises ValueError for a name taken twice."""
    for kind in kinds:
        if _KINDS.get(kind.name, kind) != kind:
            raise ValueError(f"There are two kinds of alert called {kind.name}.")
        _KINDS[kind.name] = kind


def kind_named(name: str) -> Kind | None:
    """The kind called `name`; None for one that no code of this version raises."""
    return _KINDS.get(name)


def kinds() -> list[Kind]:
    """Every kind, by name."""
    return [_KINDS[name] for name in sorted(_KINDS)]
