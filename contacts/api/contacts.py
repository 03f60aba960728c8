"""Contacts: found, read, made, changed, erased; what happened with them, and what they agreed to."""

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from contacts import selectors, services
from contacts.api.bodies import ConsentBody, ContactBody, ContactsQuery
from contacts.api.shapes import ConsentShape, ContactShape, TimelineShape
from contacts.models import ConsentStatus
from workspaces.api.bodies import Body
from workspaces.api.views import CURSOR, LIMIT, PatchView, WorkspaceView, page_of, problems


class _ContactView(WorkspaceView):
    def detail(self, contact_id: UUID) -> Any:
        contact = selectors.contact_named(workspace=self.workspace, contact_id=contact_id)
        return self.shown(ContactShape, contact)


class ContactsView(_ContactView):
    @extend_schema(
        operation_id="list_contacts",
        parameters=[ContactsQuery, LIMIT, CURSOR],
        responses={200: page_of(ContactShape), **problems()},
    )
    def get(self, request: Request) -> Response:
        """Contacts, newest first."""
        wanted = self.query(ContactsQuery)
        if "organisation" in wanted:
            wanted["organisation_id"] = wanted.pop("organisation")
        if "suppressed" in wanted:
            wanted["suppressed"] = wanted["suppressed"] == "true"
        rows = selectors.search_contacts(workspace=self.workspace, **wanted).prefetch_related("tags")
        return self.page(rows, ContactShape)

    @extend_schema(operation_id="create_contact", request=ContactBody, responses={201: ContactShape, **problems(409)})
    def post(self, request: Request) -> Response:
        """Add somebody, without any consent."""
        made = services.create_contact(workspace=self.workspace, actor=self.actor, **self.body(ContactBody))
        return self.made(self.detail(made.pk), at=made.pk)


class ContactView(_ContactView, PatchView):
    @extend_schema(operation_id="read_contact", responses={200: ContactShape, **problems(404)})
    def get(self, request: Request, contact_id: UUID) -> Response:
        """One contact."""
        return Response(self.detail(contact_id))

    @extend_schema(
        operation_id="change_contact", request=ContactBody, responses={200: ContactShape, **problems(404, 409)}
    )
    def patch(self, request: Request, contact_id: UUID) -> Response:
        """Change what is named; the rest stays."""
        changes = self.body(ContactBody, partial=True)
        services.update_contact(workspace=self.workspace, actor=self.actor, contact_id=contact_id, **changes)
        return Response(self.detail(contact_id))


class TimelineView(WorkspaceView):
    @extend_schema(
        operation_id="list_timeline",
        parameters=[LIMIT, CURSOR],
        responses={200: page_of(TimelineShape), **problems(404)},
    )
    def get(self, request: Request, contact_id: UUID) -> Response:
        """What happened between us and a contact, newest first."""
        self.query()
        contact = selectors.contact_named(workspace=self.workspace, contact_id=contact_id)
        return self.page(selectors.timeline_of(contact=contact), TimelineShape, order=("-at", "-id"))


class ConsentsView(WorkspaceView):
    @extend_schema(
        operation_id="list_consents",
        parameters=[LIMIT, CURSOR],
        responses={200: page_of(ConsentShape), **problems(404)},
    )
    def get(self, request: Request, contact_id: UUID) -> Response:
        """Every consent event of a contact, newest first; the first of a purpose counts."""
        self.query()
        contact = selectors.contact_named(workspace=self.workspace, contact_id=contact_id)
        return self.page(selectors.consents_of(contact=contact), ConsentShape, order=("-at", "-id"))

    @extend_schema(operation_id="record_consent", request=ConsentBody, responses={201: ConsentShape, **problems(404)})
    def post(self, request: Request, contact_id: UUID) -> Response:
        """Record a lawful basis, or that it was withdrawn."""
        given = self.body(ConsentBody)
        granted = given.pop("status") == ConsentStatus.GRANTED
        given |= {"workspace": self.workspace, "actor": self.actor, "contact_ids": [contact_id]}
        if granted:
            (event,) = services.record_consent(**{"basis": "", "source": "", **given})
        else:
            given.pop("basis", None)
            (event,) = services.withdraw_consent(**given)
        found = selectors.consents_of(contact=event.contact).get(pk=event.pk)
        return self.made(self.shown(ConsentShape, found), at=event.pk)


class EraseView(WorkspaceView):
    @extend_schema(operation_id="erase_contact", request=None, responses={204: None, **problems(404)})
    def post(self, request: Request, contact_id: UUID) -> Response:
        """Blank everything personal about a contact, and never write to them again."""
        self.body(Body)
        services.erase_contact(workspace=self.workspace, actor=self.actor, contact_id=contact_id)
        return Response(status=status.HTTP_204_NO_CONTENT)
