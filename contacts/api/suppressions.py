"""Addresses that must not be written to."""

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from contacts import selectors, services
from contacts.addresses import AddressKind
from contacts.api.bodies import LiftBody, SuppressionBody, SuppressionsQuery
from contacts.api.shapes import SuppressionShape
from workspaces.api.views import CURSOR, LIMIT, WorkspaceView, page_of, problems
from workspaces.errors import NotFound


class _SuppressionView(WorkspaceView):
    def detail(self, suppression_id: UUID) -> Any:
        found = selectors.suppressions(workspace=self.workspace, active=None).filter(pk=suppression_id).first()
        if found is None:
            raise NotFound("There is no such suppression here.")
        return self.shown(SuppressionShape, found)


class SuppressionsView(_SuppressionView):
    @extend_schema(
        operation_id="list_suppressions",
        parameters=[SuppressionsQuery, LIMIT, CURSOR],
        responses={200: page_of(SuppressionShape), **problems()},
    )
    def get(self, request: Request) -> Response:
        """Suppressions, newest first; those in force unless asked otherwise."""
        wanted = self.query(SuppressionsQuery)
        wanted["active"] = {"true": True, "false": False, "all": None}[wanted.get("active", "true")]
        return self.page(selectors.suppressions(workspace=self.workspace, **wanted), SuppressionShape)

    @extend_schema(operation_id="suppress", request=SuppressionBody, responses={201: SuppressionShape, **problems()})
    def post(self, request: Request) -> Response:
        """Never write to an address again, in whatever spelling."""
        given = self.body(SuppressionBody)
        given.setdefault("kind", _kind_of(given["address"]))
        made = services.suppress(workspace=self.workspace, actor=self.actor, **given)
        return self.made(self.detail(made.pk), at=made.pk)


class SuppressionView(_SuppressionView):
    @extend_schema(operation_id="read_suppression", responses={200: SuppressionShape, **problems(404)})
    def get(self, request: Request, suppression_id: UUID) -> Response:
        """One suppression."""
        return Response(self.detail(suppression_id))

    @extend_schema(operation_id="delete_suppression", responses={204: None, **problems(404, 409)})
    def delete(self, request: Request, suppression_id: UUID) -> Response:
        """Lift one that needs no reason (a bounce, one set by hand)."""
        services.lift_suppression(workspace=self.workspace, actor=self.actor, suppression_id=suppression_id)
        return Response(status=status.HTTP_204_NO_CONTENT)


class LiftView(_SuppressionView):
    @extend_schema(
        operation_id="lift_suppression", request=LiftBody, responses={200: SuppressionShape, **problems(404, 409)}
    )
    def post(self, request: Request, suppression_id: UUID) -> Response:
        """Let an address be written to again: a person who may decide, with a reason where its owner asked for it."""
        services.lift_suppression(
            workspace=self.workspace, actor=self.actor, suppression_id=suppression_id, **self.body(LiftBody)
        )
        return Response(self.detail(suppression_id))


def _kind_of(address: str) -> AddressKind:
    head = address.partition("@")[0]
    if ":" in head:
        return AddressKind.HANDLE
    return AddressKind.EMAIL if "@" in address else AddressKind.PHONE
