"""The snapshots of one request, as they were stored."""

import json

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from execution.admin.acts import address_of
from execution.admin.request_page import load
from execution.models import Snapshot
from workspaces.admin.views import console_view, here, page


@console_view()
def snapshots(request: HttpRequest, object_id: str) -> HttpResponse:
    """One for each revision that was carried out, the newest first."""
    found = load(request, object_id)
    rows = Snapshot.objects.filter(workspace=here(request).workspace, request=found).order_by("-revision")
    shown = [(row, json.dumps(row.document, indent=2, ensure_ascii=False, sort_keys=True)) for row in rows]
    return page(
        request,
        "console/snapshots.html",
        title="Before it was carried out",
        crumbs=[
            ("Requests", reverse("admin:execution_executionrequest_changelist")),
            (str(found), address_of(found.pk)),
        ],
        shown=shown,
    )
