"""Snapshots: what was known of a request when it was carried out."""

from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from execution.models import Snapshot
from workspaces.api.bodies import Body
from workspaces.api.shapes import AnyObject, Shape
from workspaces.api.views import CURSOR, LIMIT, WorkspaceView, page_of, problems
from workspaces.errors import NotFound


class SnapshotShape(Shape):
    id = serializers.UUIDField()
    request = serializers.UUIDField(source="request_id")
    revision = serializers.IntegerField()
    taken_at = serializers.DateTimeField()
    document = AnyObject(help_text="Request, contact, plan, account without secrets, policy and decisions at the mark.")


class SnapshotsQuery(Body):
    request = serializers.UUIDField(required=False)


class SnapshotsView(WorkspaceView):
    @extend_schema(
        operation_id="list_snapshots",
        parameters=[SnapshotsQuery, LIMIT, CURSOR],
        responses={200: page_of(SnapshotShape), **problems()},
    )
    def get(self, request: Request) -> Response:
        """Snapshots, the newest first; of one request with `?request=`."""
        wanted = self.query(SnapshotsQuery)
        rows = Snapshot.objects.filter(workspace=self.workspace)
        if "request" in wanted:
            rows = rows.filter(request_id=wanted["request"])
        return self.page(rows, SnapshotShape, order=("-id",))


class SnapshotView(WorkspaceView):
    @extend_schema(operation_id="read_snapshot", responses={200: SnapshotShape, **problems(404)})
    def get(self, request: Request, snapshot_id: UUID) -> Response:
        """One snapshot."""
        found = Snapshot.objects.filter(workspace=self.workspace, pk=snapshot_id).first()
        if found is None:
            raise NotFound("There is no such snapshot in this workspace.")
        return Response(self.shown(SnapshotShape, found))
