"""Alerts of a workspace, and what each member is notified of."""

from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from execution.models import Alert, Severity
from execution.services.alerts import acknowledge
from execution.services.notifications import mark_all_read, mark_read, notifications_of
from workspaces.api.bodies import Body
from workspaces.api.shapes import PrincipalLabel, Shape
from workspaces.api.views import CURSOR, LIMIT, WorkspaceView, page_of, problems
from workspaces.errors import NotFound


class AlertShape(Shape):
    id = serializers.UUIDField()
    kind = serializers.CharField()
    severity = serializers.ChoiceField(Severity.choices)
    title = serializers.CharField()
    detail = serializers.CharField()
    request = serializers.UUIDField(source="request_id", allow_null=True)
    count = serializers.IntegerField()
    first_at = serializers.DateTimeField()
    last_at = serializers.DateTimeField()
    state = serializers.SerializerMethodField()
    acknowledged_by = PrincipalLabel()
    acknowledged_at = serializers.DateTimeField(allow_null=True)
    resolved_at = serializers.DateTimeField(allow_null=True)

    @extend_schema_field(serializers.ChoiceField(["open", "acknowledged", "resolved"]))
    def get_state(self, alert: Alert) -> str:
        if alert.resolved_at:
            return "resolved"
        return "acknowledged" if alert.acknowledged_at else "open"


class AlertsQuery(Body):
    state = serializers.ChoiceField(["open", "acknowledged", "resolved"], required=False)
    severity = serializers.ChoiceField(Severity.choices, required=False)
    kind = serializers.CharField(required=False)
    request = serializers.UUIDField(required=False)


class NotificationShape(Shape):
    id = serializers.UUIDField()
    alert = AlertShape()
    at = serializers.DateTimeField(help_text="When the member was last told.")
    count = serializers.IntegerField(help_text="How often it had happened by then.")
    read_at = serializers.DateTimeField(allow_null=True)


class NotificationsQuery(Body):
    unread = serializers.BooleanField(required=False)


class ReadShape(Shape):
    read = serializers.IntegerField(help_text="How many were unread.")


class AlertsView(WorkspaceView):
    @extend_schema(
        operation_id="list_alerts",
        parameters=[AlertsQuery, LIMIT, CURSOR],
        responses={200: page_of(AlertShape), **problems()},
    )
    def get(self, request: Request) -> Response:
        """Alerts, the one that happened last first."""
        wanted = self.query(AlertsQuery)
        rows: QuerySet[Alert] = Alert.objects.select_related("acknowledged_by").filter(workspace=self.workspace)
        state = wanted.pop("state", None)
        if state == "open":
            rows = rows.filter(acknowledged_at=None, resolved_at=None)
        elif state == "acknowledged":
            rows = rows.filter(acknowledged_at__isnull=False, resolved_at=None)
        elif state == "resolved":
            rows = rows.filter(resolved_at__isnull=False)
        if "request" in wanted:
            wanted["request_id"] = wanted.pop("request")
        return self.page(rows.filter(**wanted), AlertShape, order=("-last_at", "-id"))


class AlertView(WorkspaceView):
    @extend_schema(operation_id="read_alert", responses={200: AlertShape, **problems(404)})
    def get(self, request: Request, alert_id: UUID) -> Response:
        """One alert."""
        found = Alert.objects.select_related("acknowledged_by").filter(workspace=self.workspace, pk=alert_id).first()
        if found is None:
            raise NotFound("There is no such alert in this workspace.")
        return Response(self.shown(AlertShape, found))


class AcknowledgeView(WorkspaceView):
    @extend_schema(operation_id="acknowledge_alert", request=None, responses={200: AlertShape, **problems(404)})
    def post(self, request: Request, alert_id: UUID) -> Response:
        """Say that a person has seen it."""
        self.body(Body)
        return Response(
            self.shown(AlertShape, acknowledge(workspace=self.workspace, actor=self.actor, alert_id=alert_id))
        )


class NotificationsView(WorkspaceView):
    @extend_schema(
        operation_id="list_notifications",
        parameters=[NotificationsQuery, LIMIT, CURSOR],
        responses={200: page_of(NotificationShape), **problems()},
    )
    def get(self, request: Request) -> Response:
        """What the caller is notified of, the newest first."""
        wanted = self.query(NotificationsQuery)
        rows = notifications_of(workspace=self.workspace, actor=self.actor).select_related("alert__acknowledged_by")
        if "unread" in wanted:
            rows = rows.filter(read_at__isnull=wanted["unread"])
        return self.page(rows, NotificationShape, order=("-at", "-id"))


class NotificationReadView(WorkspaceView):
    @extend_schema(operation_id="read_notification", request=None, responses={200: NotificationShape, **problems(404)})
    def post(self, request: Request, notification_id: UUID) -> Response:
        """Mark one of the caller's own as read."""
        self.body(Body)
        read = mark_read(workspace=self.workspace, actor=self.actor, notification_id=notification_id)
        return Response(self.shown(NotificationShape, read))


class NotificationsReadView(WorkspaceView):
    @extend_schema(operation_id="read_all_notifications", request=None, responses={200: ReadShape, **problems()})
    def post(self, request: Request) -> Response:
        """Mark all of the caller's own as read."""
        self.body(Body)
        return Response(self.shown(ReadShape, {"read": mark_all_read(workspace=self.workspace, actor=self.actor)}))
