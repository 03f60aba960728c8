"""What an agent may ask for while it works: contacts made of its choices, its drafts kept, its log written."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import transaction

from campaigns.agents.base import Choice, Citation, Proposal, Target
from campaigns.agents.picking import left_out_lines
from campaigns.errors import Held
from campaigns.models import AgentRun, Draft, Task, TaskMessage
from campaigns.prospects import Found, contact_fields
from campaigns.states import DraftStatus, TaskStatus
from contacts.addresses import email_key
from contacts.models import Contact
from contacts.selectors import suppressed_keys
from contacts.services import create_contact, ensure_organisations
from execution.selectors.holds import hold_on
from workspaces.actors import agent_actor
from workspaces.clock import database_now

# How long a run (and its task) belongs to the process that took it up; each step of the work begins it anew. Longer
# than one question to a model with its retries can take.
LEASE = timedelta(minutes=10)


def check_holds(run: AgentRun) -> None:
    """Raise Held where the agent, its campaign, the workspace or everything is on hold. Inside the scope."""
    held = hold_on(workspace=run.workspace, agent=run.agent, campaign_id=run.campaign_id)
    if held:
        raise Held(f"{held.address} is on hold: {held.reason} Release it, then try again.")


class RunDesk:
    """The desk (agents.base.Desk) of one run. Inside the workspace's scope."""

    def __init__(self, *, run: AgentRun, found: Mapping[str, Found]) -> None:
        self.run, self.found = run, found
        self.actor = agent_actor(workspace=run.workspace, slug=run.agent)

    def say(self, text: str) -> None:
        """A line for the log of the run, and of its task."""
        now = database_now()
        self.run.log = [*self.run.log, {"at": now.isoformat(), "text": text}]
        AgentRun.objects.filter(pk=self.run.pk).update(log=self.run.log)
        if self.run.task_id:
            TaskMessage.objects.create(
                workspace_id=self.run.workspace_id,
                task_id=self.run.task_id,
                at=now,
                text=text,
                by_id=self.actor.principal_id,
            )

    def picked(self) -> list[Target]:
        """Whom an earlier try picked; whoever was erased since, or is no longer in the source, is left out."""
        by_contact = {one.contact_id: one for one in self.found.values() if one.contact_id}
        targets = []
        gone = []
        for draft in Draft.objects.filter(run=self.run).select_related("contact").order_by("id"):
            one = by_contact.get(draft.contact_id) or self.found.get(draft.ref)
            if draft.contact.is_erased or one is None:
                gone.append(("it is not there any more", draft.ref))
                continue
            cites = tuple(Citation(**cite) for cite in draft.cites)
            targets.append(Target(contact=draft.contact_id, prospect=one.prospect, reason=draft.reason, cites=cites))
        for line in left_out_lines(gone):
            self.say(line)
        return targets

    def introduce(self, choices: Sequence[Choice]) -> list[Target]:
        """Make contacts of the prospects chosen, leaving out whoever may not be contacted."""
        self._go_on()
        offered = [(choice, self.found[choice.ref]) for choice in choices if choice.ref in self.found]
        suppressed = suppressed_keys(
            workspace_id=self.run.workspace_id, kind="email", addresses=[one.email for _, one in offered if one.email]
        )
        targets: dict[UUID, Target] = {}
        left_out = []
        with transaction.atomic():
            for choice, one in offered:
                if one.email in suppressed:
                    left_out.append(("it must not be contacted", one.prospect.source))
                    continue
                contact_id = one.contact_id or self._contact(one)
                if contact_id in targets:
                    left_out.append(("it is the same contact as another one", one.prospect.source))
                    continue
                Draft.objects.create(
                    workspace=self.run.workspace,
                    run=self.run,
                    contact_id=contact_id,
                    ref=choice.ref,
                    reason=choice.reason,
                    cites=[cite.as_dict() for cite in choice.cites],
                )
                targets[contact_id] = Target(
                    contact=contact_id, prospect=one.prospect, reason=choice.reason, cites=choice.cites
                )
            for line in left_out_lines(left_out):
                self.say(line)
            self.say(f"Picked {len(targets)} of {len(self.found)}.")
        return list(targets.values())

    def kept(self, target: Target) -> Proposal | None:
        """What an earlier try wrote for the target."""
        draft = Draft.objects.filter(run=self.run, contact_id=target.contact).exclude(writer="").first()
        if draft is None:
            return None
        return Proposal(
            contact=draft.contact_id,
            channel=draft.channel,
            payload=draft.payload,
            writer=draft.writer,
            notes=tuple(draft.notes),
            claims=tuple((claim["text"], claim["source"]) for claim in draft.claims),
        )

    def keep(self, proposal: Proposal) -> None:
        """Store what was written, and look whether the work may go on."""
        Draft.objects.filter(run=self.run, contact_id=proposal.contact).update(
            status=DraftStatus.WRITTEN,
            channel=proposal.channel,
            payload=dict(proposal.payload),
            writer=proposal.writer,
            notes=list(proposal.notes),
            claims=[{"text": text, "source": source} for text, source in proposal.claims],
        )
        self._go_on()

    def _go_on(self) -> None:
        """Raise Held where something was put on hold meanwhile; else keep the run and its task for another while."""
        check_holds(self.run)
        until = database_now() + LEASE
        AgentRun.objects.filter(pk=self.run.pk, tries=self.run.tries).update(lease_until=until)
        if self.run.task_id:
            Task.objects.filter(pk=self.run.task_id, status=TaskStatus.IN_PROGRESS).update(lease_until=until)

    def _contact(self, one: Found) -> UUID:
        """The contact with this address, made from the row where there is none. What is on record stays as it is."""
        known = Contact.objects.filter(workspace=self.run.workspace, email_key=email_key(one.email))
        found: UUID | None = known.values_list("pk", flat=True).first()
        if found:
            return found
        fields: dict[str, Any] = contact_fields(one.prospect)
        if organisation := fields.pop("organisation", ""):
            made = ensure_organisations(workspace=self.run.workspace, actor=self.actor, names=[organisation])
            fields["organisation"] = made[organisation]
            fields.setdefault("name", organisation)
        contact = create_contact(
            workspace=self.run.workspace,
            actor=self.actor,
            email=one.email,
            source=one.prospect.source[:120],
            **fields,
        )
        return contact.pk
