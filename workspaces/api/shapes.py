"""Small parts of answers that every app uses."""

from typing import Any

from rest_framework import serializers

from workspaces.models import Principal


class Shape(serializers.Serializer):
    """The form of an answer. Read only: input has forms of its own (workspaces.api.bodies)."""


class PrincipalLabel(serializers.CharField):
    """Who, as people read it: human:rosa, service:crm, agent:outreach."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"read_only": True, "allow_null": True, **kwargs})

    def to_representation(self, value: Principal) -> str:  # type: ignore[override]
        return value.label


class Anything(serializers.JSONField):
    """A JSON value as it stands."""

    def to_representation(self, value: Any) -> Any:
        return value


class AnyObject(serializers.DictField):
    """A JSON object as it stands."""

    def to_representation(self, value: Any) -> Any:
        return value
