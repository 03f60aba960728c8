"""The bytes under a request's seal: what goes out, and its attachments, for whoever decides without the console."""

from uuid import UUID

from django.http import HttpResponse
from django.utils.http import content_disposition_header
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from execution.models import Part
from execution.selectors import request_detail
from workspaces.api.views import WorkspaceView, problems
from workspaces.errors import NotFound


class ContentView(WorkspaceView):
    """One content of the revision in force, by its SHA-256."""

    @extend_schema(
        operation_id="read_content",
        responses={(200, "application/octet-stream"): OpenApiTypes.BINARY, **problems(404)},
    )
    def get(self, request: Request, request_id: UUID, sha256: str) -> HttpResponse:
        """An attachment, or a piece of the message as it will be sent (all but its Date line): bytes to save."""
        document = request_detail(workspace=self.workspace, request_id=request_id).document
        payload = document["payload"]
        items = [payload, *payload.get("attachments", [])]
        names = {
            item["sha256"]: item.get("filename") or item.get("name") or "content" for item in items if "sha256" in item
        }
        names |= dict.fromkeys(document["wire"], "message.eml")
        part = Part.objects.filter(workspace=self.workspace, sha256=sha256).first() if sha256 in names else None
        if part is None:
            raise NotFound("This request has no such content.")
        # Whatever it is, it is a stranger's: a browser must save it and never show it.
        answer = HttpResponse(bytes(part.content), content_type="application/octet-stream")
        disposition = content_disposition_header(as_attachment=True, filename=names[sha256])
        answer.headers["Content-Disposition"] = disposition or "attachment"
        answer.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
        return answer
