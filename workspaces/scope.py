"""One door to django-scopes: a query on a tenant's rows outside a scope is an error, and None is never a scope."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from django.db import models
from django_scopes import ScopedManager, scope, scopes_disabled

if TYPE_CHECKING:
    from workspaces.models import Workspace


def scoped_manager(manager_class: type[models.Manager[Any]] = models.Manager) -> Any:
    """The manager of a tenant's model: filters by the workspace in scope, refuses to work outside one."""
    return ScopedManager(workspace="workspace", _manager_class=manager_class)


@contextmanager
def workspace_scope(workspace: "Workspace") -> Iterator[None]:
    """Limit every query inside to `workspace`.

    Raises ValueError for None: django-scopes reads that as "every workspace", which is the one mistake
    this wrapper exists to stop.
    """
    if workspace is None:
        raise ValueError("A workspace is needed: None would open every workspace.")
    with scope(workspace=workspace):
        yield


@contextmanager
def all_workspaces(reason: str) -> Iterator[None]:
    """Lift the scope for machinery that serves every workspace; `reason` says why at the call."""
    if not reason:
        raise ValueError("Say why every workspace is needed.")
    with scopes_disabled():
        yield
