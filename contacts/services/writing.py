"""What every write here begins with, and how text from outside is taken in."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import transaction

from workspaces.actors import Actor
from workspaces.errors import InvalidInput
from workspaces.models import Workspace
from workspaces.permissions import Permission
from workspaces.scope import workspace_scope

_FORBIDDEN_IN_LINE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_FORBIDDEN_IN_PROSE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")


@contextmanager
def writing(*, workspace: Workspace, actor: Actor, permission: Permission = Permission.PROPOSE) -> Iterator[None]:
    """A transaction in the workspace's scope, for an actor who may. Raises NotPermitted."""
    actor.require(permission, workspace_id=workspace.id)
    with transaction.atomic(), workspace_scope(workspace):
        yield


def line(value: Any, *, most: int) -> str:
    """One line of text without control characters, its outer space gone. Raises ValueError."""
    text = _text(value).strip()
    if _FORBIDDEN_IN_LINE.search(text):
        raise ValueError("Leave out line breaks and control characters.")
    if len(text) > most:
        raise ValueError(f"{most} characters at most.")
    return text


def prose(value: Any, *, most: int = 20_000) -> str:
    """Text of several lines without other control characters. Raises ValueError."""
    text = _text(value).replace("\r\n", "\n").replace("\r", "\n").strip()
    if _FORBIDDEN_IN_PROSE.search(text):
        raise ValueError("Leave out control characters.")
    if len(text) > most:
        raise ValueError(f"{most} characters at most.")
    return text


def one_of(value: Any, *, allowed: list[str]) -> str:
    """`value` where it is one of `allowed`. Raises ValueError naming them."""
    if value not in allowed:
        raise ValueError(f"One of {', '.join(allowed)}.")
    return str(value)


class Fields:
    """Collects what is wrong with each field, so that a caller hears of everything at once."""

    def __init__(self) -> None:
        self.problems: dict[str, str] = {}

    def read(self, name: str, reader: Callable[[], Any], *, otherwise: Any = "") -> Any:
        """What `reader` returns; on its ValueError, the problem is noted and `otherwise` returned."""
        try:
            return reader()
        except ValueError as error:
            self.problems[name] = str(error)
            return otherwise

    def check(self, detail: str) -> None:
        """Raise InvalidInput with `detail` where anything was wrong."""
        if self.problems:
            told = "; ".join(f"{name}: {text}" for name, text in list(self.problems.items())[:5])
            raise InvalidInput(f"{detail} {told}", fields=self.problems)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("Write text.")
    return value
