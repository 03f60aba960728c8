"""Message templates, and a person's approval of one for running alone."""

from uuid import UUID

import liquid
from django.db import transaction

from execution import audit_actions  # noqa: F401  (registers the actions recorded here)
from execution.models import MessageTemplate
from execution.services.facts import render, template_digest
from workspaces import audit
from workspaces.actors import Actor
from workspaces.clock import database_now
from workspaces.errors import Conflict, InvalidInput, NotFound, NotPermitted
from workspaces.guard_lock import guard_change
from workspaces.models import Workspace
from workspaces.permissions import Permission
from workspaces.scope import workspace_scope


def save_template(*, workspace: Workspace, actor: Actor, name: str, subject: str, text: str) -> MessageTemplate:
    """Make or change a template; a change voids its approval. Raises InvalidInput where it is no valid Liquid."""
    actor.require(Permission.PROPOSE, workspace_id=workspace.id)
    problems = {}
    for field, source in (("subject", subject), ("text", text)):
        try:
            render(source=source, variables={})
        except liquid.exceptions.UndefinedError:
            continue  # blanks are what a template is for
        except liquid.exceptions.LiquidError as error:
            problems[field] = str(error)
    if not subject.strip() or not text.strip():
        problems["text"] = "Subject and text are needed."
    if problems:
        raise InvalidInput("The template cannot be saved like this.", fields=problems)
    with workspace_scope(workspace), transaction.atomic(), guard_change(workspace=workspace):
        template, _ = MessageTemplate.objects.update_or_create(
            workspace=workspace,
            name=name,
            defaults={
                "subject": subject,
                "text": text,
                "approved_by": None,
                "approved_at": None,
                "approved_digest": "",
                "saved_by_id": actor.principal_id,
            },
        )
        audit.record(
            action="template.saved",
            actor=actor,
            workspace_id=workspace.id,
            subject=template,
            data={"template": name, "digest": template_digest(subject=subject, text=text)},
        )
    return template


def approve_template(*, workspace: Workspace, actor: Actor, template_id: UUID | str, digest: str) -> MessageTemplate:
    """Let mails that are exactly this template go by themselves. A person other than whoever wrote it.

    digest: of the subject and text shown. Raises Conflict where it changed since, NotPermitted, NotFound.
    """
    if not actor.is_person:
        raise NotPermitted("Only a person lets something run alone.")
    actor.require(Permission.DECIDE, workspace_id=workspace.id)
    with workspace_scope(workspace), transaction.atomic(), guard_change(workspace=workspace):
        template = MessageTemplate.objects.select_for_update().filter(workspace=workspace, pk=template_id).first()
        if template is None:
            raise NotFound("There is no such template in this workspace.")
        if template.saved_by_id == actor.principal_id:
            raise NotPermitted("You wrote this template. Someone else has to approve it.")
        if digest != template_digest(subject=template.subject, text=template.text):
            raise Conflict("The template changed since you saw it. Look at it again.")
        template.approved_by_id, template.approved_at = actor.principal_id, database_now()
        template.approved_digest = digest
        template.save(update_fields=["approved_by", "approved_at", "approved_digest"])
        audit.record(
            action="template.approved",
            actor=actor,
            workspace_id=workspace.id,
            subject=template,
            data={"template": template.name, "digest": digest},
        )
    return template
