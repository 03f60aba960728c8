"""Organisations that contacts belong to."""

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from contacts import selectors, services
from contacts.api.bodies import OrganisationBody, OrganisationsQuery
from contacts.api.shapes import OrganisationShape
from contacts.models import Organisation
from workspaces.api.views import CURSOR, LIMIT, PatchView, WorkspaceView, page_of, problems
from workspaces.errors import NotFound


class OrganisationsView(WorkspaceView):
    @extend_schema(
        operation_id="list_organisations",
        parameters=[OrganisationsQuery, LIMIT, CURSOR],
        responses={200: page_of(OrganisationShape), **problems()},
    )
    def get(self, request: Request) -> Response:
        """Organisations, by name."""
        rows = selectors.organisations(workspace=self.workspace, **self.query(OrganisationsQuery))
        return self.page(rows, OrganisationShape, order=("name", "id"))

    @extend_schema(
        operation_id="create_organisation",
        request=OrganisationBody,
        responses={201: OrganisationShape, **problems(409)},
    )
    def post(self, request: Request) -> Response:
        """Add one."""
        made = services.create_organisation(workspace=self.workspace, actor=self.actor, **self.body(OrganisationBody))
        return self.made(self.shown(OrganisationShape, made), at=made.pk)


class OrganisationView(PatchView):
    @extend_schema(operation_id="read_organisation", responses={200: OrganisationShape, **problems(404)})
    def get(self, request: Request, organisation_id: UUID) -> Response:
        """One organisation."""
        return Response(self.detail(organisation_id))

    @extend_schema(
        operation_id="change_organisation",
        request=OrganisationBody,
        responses={200: OrganisationShape, **problems(404, 409)},
    )
    def patch(self, request: Request, organisation_id: UUID) -> Response:
        """Change what is named; the rest stays."""
        changes = self.body(OrganisationBody, partial=True)
        services.update_organisation(
            workspace=self.workspace, actor=self.actor, organisation_id=organisation_id, **changes
        )
        return Response(self.detail(organisation_id))

    def detail(self, organisation_id: UUID) -> Any:
        found = Organisation.objects.filter(workspace=self.workspace, pk=organisation_id).first()
        if found is None:
            raise NotFound("There is no such organisation here.")
        return self.shown(OrganisationShape, found)
