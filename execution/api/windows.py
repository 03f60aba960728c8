"""The hours in which channels may reach people."""

from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from execution.channels import registry
from execution.models import SendWindow
from execution.services.windows import delete_window, set_window
from workspaces.api.bodies import Body, Text
from workspaces.api.shapes import Shape
from workspaces.api.views import CURSOR, LIMIT, WorkspaceView, page_of, problems
from workspaces.errors import NotFound

_HOUR = "%H:%M"
_DAYS = "Digits, Monday is 0: 01234 is Monday to Friday."
_MIDNIGHT = "Without this minute; 00:00 is the midnight that ends the day."


@extend_schema_field({"type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$"})
class Hour(serializers.TimeField):
    """A time of day without seconds, such as 09:30."""


class WindowShape(Shape):
    id = serializers.UUIDField()
    channel = serializers.CharField()
    weekdays = serializers.CharField(help_text=_DAYS)
    opens = Hour(format=_HOUR)
    closes = Hour(format=_HOUR, help_text=_MIDNIGHT)


class WindowBody(Body):
    """From `opens` up to `closes` on `weekdays`, by the recipient's clock. What is left out stays as it was."""

    channel = serializers.ChoiceField(registry.names())
    weekdays = Text(required=False, max_length=7, help_text=_DAYS)
    opens = Hour(required=False, input_formats=[_HOUR])
    closes = Hour(required=False, input_formats=[_HOUR], help_text=_MIDNIGHT)


class WindowsView(WorkspaceView):
    @extend_schema(
        operation_id="list_windows", parameters=[LIMIT, CURSOR], responses={200: page_of(WindowShape), **problems()}
    )
    def get(self, request: Request) -> Response:
        """The hours of channels that have some, by channel."""
        self.query()
        return self.page(SendWindow.objects.filter(workspace=self.workspace), WindowShape, order=("channel", "id"))

    @extend_schema(
        operation_id="set_window", request=WindowBody, responses={201: WindowShape, 200: WindowShape, **problems()}
    )
    def post(self, request: Request) -> Response:
        """Give a channel hours (201), or change those it has (200)."""
        given = self.body(WindowBody)
        known = SendWindow.objects.filter(workspace=self.workspace, channel=given["channel"]).exists()
        window = set_window(workspace=self.workspace, actor=self.actor, **given)
        return self.made(self.shown(WindowShape, window), at=window.channel, new=not known)


class WindowView(WorkspaceView):
    @extend_schema(operation_id="read_window", responses={200: WindowShape, **problems(404)})
    def get(self, request: Request, channel: str) -> Response:
        """The hours of one channel."""
        found = SendWindow.objects.filter(workspace=self.workspace, channel=channel).first()
        if found is None:
            raise NotFound(f"There are no hours for {channel} in this workspace.")
        return Response(self.shown(WindowShape, found))

    @extend_schema(operation_id="delete_window", responses={204: None, **problems(404)})
    def delete(self, request: Request, channel: str) -> Response:
        """Let the channel reach people at any time again; text messages and calls at any lawful time."""
        delete_window(workspace=self.workspace, actor=self.actor, channel=channel)
        return Response(status=status.HTTP_204_NO_CONTENT)
