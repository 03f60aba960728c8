"""Settings that change at run time, and who the caller is."""

from typing import Any

from django.db import transaction
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from workspaces.actors import Actor
from workspaces.api.bodies import Body
from workspaces.api.shapes import Anything, Shape
from workspaces.api.views import PatchView, WorkspaceView, problems
from workspaces.errors import InvalidInput, NotFound
from workspaces.models import Mode, Workspace
from workspaces.permissions import RIGHTS
from workspaces.settings_store import (
    KEYS,
    UNDO_PREFIX,
    effective_settings,
    key_named,
    set_setting,
    stored_settings,
)

WORKSPACE, INSTALLATION = "workspace", "installation"
SCOPE = OpenApiParameter(
    "scope",
    str,
    enum=[WORKSPACE, INSTALLATION],
    description="Whose setting is written: this workspace's (default), or the installation's (an operator's act).",
)


class ScopeQuery(Body):
    scope = serializers.ChoiceField([WORKSPACE, INSTALLATION], required=False, default=WORKSPACE)


class ValueBody(Body):
    value = Anything()


class SettingsShape(Shape):
    """The value in force of each setting, by its name; the undo windows as undo_seconds.CHANNEL."""

    execution_enabled = serializers.BooleanField()
    mode = serializers.ChoiceField(Mode.choices)
    global_pause = serializers.BooleanField()
    poll_limit = serializers.IntegerField()
    max_attempts = serializers.IntegerField()
    escalation_person = serializers.CharField()
    sole_operator = serializers.BooleanField()


class SettingShape(Shape):
    key = serializers.CharField()
    value = Anything(help_text="The one in force: the stricter of environment, installation and workspace.")
    workspace = Anything(help_text="This workspace's own; null where not set.")
    installation = Anything(help_text="The installation's; null where not set.")
    default = Anything()
    meaning = serializers.CharField()


class SettingsView(PatchView):
    @extend_schema(operation_id="read_settings", responses={200: SettingsShape, **problems()})
    def get(self, request: Request) -> Response:
        """What is in force in this workspace."""
        self.query()
        return Response(effective_settings(workspace=self.workspace))

    @extend_schema(
        operation_id="change_settings",
        parameters=[SCOPE],
        request={"application/json": {"type": "object", "additionalProperties": True}},
        responses={200: SettingsShape, **problems()},
    )
    def patch(self, request: Request) -> Response:
        """Set some, by name; all or none."""
        scope = self.query(ScopeQuery)["scope"]
        if not self.given:
            raise InvalidInput("Name a setting.", fields=dict.fromkeys(KEYS, "May be set."))
        problems_found: dict[str, str] = {}
        with transaction.atomic():
            for key, value in self.given.items():
                try:
                    _set(key=key, value=value, scope=scope, workspace=self.workspace, actor=self.actor)
                except InvalidInput as error:
                    problems_found[str(key)] = error.fields.get("value", error.detail)
            if problems_found:
                words = " ".join(f"{key}: {text}" for key, text in problems_found.items())
                raise InvalidInput(words, fields=problems_found)
        return Response(effective_settings(workspace=self.workspace))


class SettingView(PatchView):
    @extend_schema(operation_id="read_setting", responses={200: SettingShape, **problems(404)})
    def get(self, request: Request, key: str) -> Response:
        """One setting: what is in force, and where it comes from."""
        return Response(self._detail(key))

    @extend_schema(
        operation_id="set_setting",
        parameters=[SCOPE],
        request=ValueBody,
        responses={200: SettingShape, **problems(404)},
    )
    def put(self, request: Request, key: str) -> Response:
        """Set it."""
        scope = self.query(ScopeQuery)["scope"]
        if set(self.given) != {"value"}:
            raise InvalidInput('Send {"value": ...} and nothing else.', fields={"value": "Needed, and alone."})
        _named(key)
        _set(key=key, value=self.given["value"], scope=scope, workspace=self.workspace, actor=self.actor)
        return Response(self._detail(key))

    def _detail(self, key: str) -> dict[str, Any]:
        setting = _named(key)
        stored = stored_settings(workspace=self.workspace).get(key, {})
        own = self.workspace.mode if key == "mode" else stored.get("workspace")
        data = {
            "key": key,
            "value": effective_settings(workspace=self.workspace, keys=[key])[key],
            "workspace": own,
            "installation": stored.get("installation"),
            "default": setting.default,
            "meaning": setting.meaning,
        }
        shown: dict[str, Any] = self.shown(SettingShape, data)
        return shown


class MeWorkspaceShape(Shape):
    id = serializers.UUIDField()
    slug = serializers.CharField()
    name = serializers.CharField()
    time_zone = serializers.CharField()
    mode = serializers.ChoiceField(Mode.choices)


class MeShape(Shape):
    actor = serializers.CharField(source="actor.label")
    kind = serializers.CharField(source="actor.kind")
    role = serializers.CharField(source="actor.role")
    is_operator = serializers.BooleanField(source="actor.is_operator")
    workspace = MeWorkspaceShape()
    rights = serializers.SerializerMethodField()

    @extend_schema_field(serializers.ListField(child=serializers.CharField()))
    def get_rights(self, caller: Any) -> list[str]:
        return sorted(RIGHTS[caller.actor.role])


class MeView(WorkspaceView):
    @extend_schema(operation_id="me", responses={200: MeShape, **problems()})
    def get(self, request: Request) -> Response:
        """Who this token or session stands for, and what they may do here."""
        return Response(self.shown(MeShape, self._caller))


def _named(key: str) -> Any:
    try:
        return key_named(key)
    except InvalidInput as error:
        raise NotFound(error.detail) from error


def _set(*, key: str, value: Any, scope: str, workspace: Workspace, actor: Actor) -> None:
    if len(key) > 64 or (key.startswith(UNDO_PREFIX) and not key[len(UNDO_PREFIX) :].isidentifier()):
        raise InvalidInput(f"There is no setting “{key[:64]}”.", fields={"key": "Unknown setting."})
    set_setting(key=key, value=value, workspace=workspace if scope == WORKSPACE else None, actor=actor)
