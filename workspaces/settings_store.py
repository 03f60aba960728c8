"""Settings that change at run time: of the installation, tightened or set per workspace; every change on record.

What binds is the stricter of the environment, the installation and the workspace.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.conf import settings as environment
from django.db import transaction

from workspaces import audit
from workspaces.actors import Actor
from workspaces.errors import InvalidInput
from workspaces.guard_lock import guard_change
from workspaces.models import Mode, Principal, PrincipalKind, Setting, Workspace
from workspaces.permissions import Permission
from workspaces.signals import setting_changed

audit.register({"setting.changed": "{actor} set {key} from {was} to {now}"})

STRICTNESS = {Mode.DRY_RUN: 0, Mode.DRAFT_ONLY: 1, Mode.LIVE: 2}


def _boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    raise ValueError("Write true or false.")


def _mode(value: Any) -> str:
    if value in Mode.values:
        return str(value)
    raise ValueError("Write dry_run, draft_only or live.")


def _whole_number(low: int, high: int) -> Callable[[Any], int]:
    def parse(value: Any) -> int:
        text = str(value)
        if isinstance(value, bool) or not text.isdecimal() or not low <= int(text) <= high:
            raise ValueError(f"Write a whole number from {low} to {high}.")
        return int(text)

    return parse


def _username(value: Any) -> str:
    text = str(value).removeprefix("human:").strip()
    if text and not Principal.objects.filter(kind="person", name=text, is_active=True).exists():
        raise ValueError("Nobody with that user name is active here.")
    return text


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """One setting: how a value is read, what holds where nobody set it, and what it means."""

    parse: Callable[[Any], Any]
    default: Any
    meaning: str


KEYS: dict[str, Key] = {
    "execution_enabled": Key(
        parse=_boolean, default=True, meaning="Approved work is carried out by itself when it is due."
    ),
    "mode": Key(parse=_mode, default=Mode.LIVE.value, meaning="dry_run, draft_only or live; the stricter wins."),
    "global_pause": Key(parse=_boolean, default=False, meaning="Holds everything until a person releases it."),
    "poll_limit": Key(parse=_whole_number(1, 1000), default=10, meaning="Tasks that one poll takes up."),
    "max_attempts": Key(parse=_whole_number(1, 20), default=3, meaning="Tries before a failure goes to a person."),
    "escalation_person": Key(parse=_username, default="", meaning="User name of whom escalations go to."),
    "error_burst_failures": Key(
        parse=_whole_number(0, 1_000),
        default=10,
        meaning="So many failures among the last calls of an account, a plan or a channel set a hold; 0: never.",
    ),
    "error_burst_calls": Key(
        parse=_whole_number(1, 1_000), default=20, meaning="How many of the last calls are looked at for that."
    ),
    "error_burst_minutes": Key(parse=_whole_number(1, 1_440), default=10, meaning="And how many minutes back at most."),
    "canary_above": Key(
        parse=_whole_number(0, 10_000),
        default=500,
        meaning="Plans of more requests than this start with a small slice, and the rest waits; 0: never.",
    ),
    "canary_percent": Key(
        parse=_whole_number(1, 100), default=5, meaning="How much of such a plan the slice is, at most 100 requests."
    ),
    "canary_minutes": Key(
        parse=_whole_number(0, 10_080), default=60, meaning="How long the slice is watched once it is done."
    ),
    "canary_failures_percent": Key(
        parse=_whole_number(0, 100),
        default=5,
        meaning="More of the slice failed or bounced than this, or a complaint, and the machine holds the plan.",
    ),
    "operator_absent_hours": Key(
        parse=_whole_number(0, 720),
        default=0,
        meaning="Nobody who may decide seen for so many hours, and what runs alone waits; 0: never.",
    ),
    "sole_operator": Key(
        parse=_boolean,
        default=False,
        meaning="One person runs this workspace and may approve their own words; recorded on each decision.",
    ),
}
UNDO_PREFIX = "undo_seconds."
_UNDO = Key(
    parse=_whole_number(0, 86_400),
    default=0,
    meaning="Seconds an approved act of this channel waits and can be undone.",
)


def key_named(name: str) -> Key:
    """The setting called `name`. Raises InvalidInput with the names there are."""
    if name.startswith(UNDO_PREFIX) and name != UNDO_PREFIX:
        return _UNDO
    if name not in KEYS:
        known = ", ".join([*KEYS, UNDO_PREFIX + "CHANNEL"])
        raise InvalidInput(f"There is no setting “{name}”. There are: {known}.", fields={"key": "Unknown setting."})
    return KEYS[name]


def get_setting(*, key: str, workspace: Workspace | None) -> Any:
    """The value in force: the workspace's own, else the installation's, else the default.

    For a switch where one side is safer (`execution_enabled`, `global_pause`, `mode`) the safer of the two wins.
    """
    return effective_settings(workspace=workspace, keys=[key])[key]


def effective_settings(*, workspace: Workspace | None, keys: list[str] | None = None) -> dict[str, Any]:
    """Every setting in force (or those in `keys`), read in one query."""
    stored = stored_settings(workspace=workspace)
    names = keys if keys is not None else sorted({*KEYS, *(k for k in stored if k.startswith(UNDO_PREFIX))})
    return {name: _in_force(name=name, values=stored.get(name, {}), workspace=workspace) for name in names}


def paused_workspaces() -> set[UUID | None]:
    """The workspaces whose own `global_pause` is on; None among them: the installation's is, and so everybody's."""
    return set(Setting.objects.filter(key="global_pause", value=True).values_list("workspace_id", flat=True))


def stored_settings(*, workspace: Workspace | None) -> dict[str, dict[str, Any]]:
    """What is stored, key -> {"installation": value, "workspace": value}, each only where set."""
    rows = Setting.objects.filter(workspace=None)
    if workspace is not None:
        rows = rows | Setting.objects.filter(workspace=workspace)
    stored: dict[str, dict[str, Any]] = {}
    for row in rows:
        stored.setdefault(row.key, {})["workspace" if row.workspace_id else "installation"] = row.value
    return stored


def _in_force(*, name: str, values: Mapping[str, Any], workspace: Workspace | None) -> Any:
    default = key_named(name).default
    installation = values.get("installation", default)
    own = values.get("workspace", installation)
    if name == "execution_enabled":
        return bool(installation and own)
    if name == "global_pause":
        return bool(installation or own)
    if name == "mode":
        modes = [Mode(installation), Mode(workspace.mode if workspace else own)]
        if environment.AGENT_DRY_RUN:
            modes.append(Mode.DRY_RUN)
        return min(modes, key=STRICTNESS.__getitem__).value
    return own


def effective_mode(workspace: Workspace) -> Mode:
    """The mode in force: the strictest of AGENT_DRY_RUN, the installation's and the workspace's."""
    return Mode(get_setting(key="mode", workspace=workspace))


def set_setting(*, key: str, value: Any, workspace: Workspace | None, actor: Actor) -> Any:
    """Store a value (workspace None: the installation's, an operator's act) and return it as read.

    `mode` of a workspace is kept on the workspace itself. Raises InvalidInput naming the field `value`, NotPermitted.
    """
    parse = key_named(key).parse
    _require_right(workspace=workspace, actor=actor)
    try:
        parsed = parse(value)
    except ValueError as error:
        raise InvalidInput(f"{key}: {error}", fields={"value": str(error)}) from error
    with transaction.atomic(), guard_change(workspace=workspace):
        was = stored_settings(workspace=workspace).get(key, {}).get("workspace" if workspace else "installation")
        if key == "mode" and workspace is not None:
            was = Workspace.objects.values_list("mode", flat=True).get(pk=workspace.pk)
            Workspace.objects.filter(pk=workspace.pk).update(mode=parsed)
            workspace.mode = parsed
        else:
            Setting.objects.update_or_create(
                workspace=workspace, key=key, defaults={"value": parsed, "updated_by_id": actor.principal_id}
            )
        audit.record(
            action="setting.changed",
            actor=actor,
            workspace_id=workspace.id if workspace else None,
            data={"key": key, "was": _on_record(key, was), "now": _on_record(key, parsed)},
        )
        workspace_id = workspace.id if workspace else None
        transaction.on_commit(
            lambda: setting_changed.send_robust(sender=Setting, workspace_id=workspace_id, key=key), robust=True
        )
    return parsed


def _on_record(key: str, value: Any) -> Any:
    """A value as the audit log keeps it: a person by their id, since a name is personal data."""
    if key != "escalation_person" or not value:
        return value
    principal = Principal.objects.filter(kind=PrincipalKind.PERSON, name=value).values_list("pk", flat=True).first()
    return str(principal) if principal else "unknown"


def _require_right(*, workspace: Workspace | None, actor: Actor) -> None:
    if actor.kind == PrincipalKind.SYSTEM:
        return  # whoever has a shell on the host runs the installation
    if workspace is None:
        actor.require_operator()
    else:
        actor.require(Permission.MANAGE, workspace_id=workspace.id)
