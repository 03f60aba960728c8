"""The demo's workspaces and campaigns. The drafts come from a real run of the outreach agent; nothing is special."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings

from campaigns.models import AgentRun, Campaign, Draft
from campaigns.services.agent_runs import perform_run
from campaigns.services.campaigns import create_campaign, prepare_run, save_prospects
from campaigns.states import RunStatus
from contacts.models import Basis, ContactKind
from contacts.selectors import consent_states
from contacts.services import record_consent
from execution.models import Limit
from execution.services.limits import set_limit
from workspaces.actors import Actor
from workspaces.models import Mode, Workspace
from workspaces.scope import workspace_scope
from workspaces.services import create_workspace
from workspaces.settings_store import set_setting

_FOLDER = Path(__file__).parent
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_UNMET = 1_000_000  # a limit that trying out the demo never meets


@dataclass(frozen=True, kw_only=True)
class Demo:
    """One workspace of the demo and its campaign; `campaign` holds fields of services.campaigns.EDITABLE."""

    slug: str
    name: str
    time_zone: str
    postal_address: str
    prospects: str
    campaign: dict[str, Any] = field(default_factory=dict)


DEMO = Demo(
    slug="demo",
    name="Clean Grid Project",
    time_zone="America/Chicago",
    postal_address="Clean Grid Project, 12 Lake Street, Springfield",
    prospects="legislative.csv",
    campaign={
        "name": "Clean Grid Act: committee vote",
        "cause": "the Clean Grid Act",
        "goal": "Win support for the Clean Grid Act before the energy committee votes on it.",
        "ask": "May we count on your support when the committee takes up the Clean Grid Act? It lets new transmission "
        "lines share the routes of old ones, so that clean power reaches homes sooner.",
        "audience": "Members of the energy committees, and alliances that speak for the grid and clean energy",
        "tone": "Respectful, brief, specific",
        "sender_name": "Robin Vale",
        "sender_role": "Director of policy",
        "sender_organisation": "Clean Grid Project",
    },
)
OTHER = Demo(
    slug="other",
    name="Riverside Neighbours",
    time_zone="Europe/London",
    postal_address="Riverside Neighbours, 4 Quay Road, Riverside",
    prospects="neighbours.csv",
    campaign={
        "name": "A crossing on Harbour Street",
        "cause": "a crossing on Harbour Street",
        "goal": "Gather neighbours who want safe streets and a crossing on Harbour Street.",
        "ask": "Would you add your name to our letter to the council?",
        "sender_name": "Sam Weir",
        "sender_organisation": "Riverside Neighbours",
    },
)


def make_workspace(*, demo: Demo, actor: Actor) -> Workspace:
    """The demo's workspace, live where its mail is caught on this machine, with limits that nobody meets and without
    canaries: whoever tries it out sees what becomes of a large plan at once.
    """
    workspace = Workspace.objects.filter(slug=demo.slug).first()
    if workspace is None:
        workspace = create_workspace(
            slug=demo.slug,
            name=demo.name,
            actor=actor,
            time_zone=demo.time_zone,
            mode=Mode.LIVE if _mail_stays_here() else Mode.DRY_RUN,
            postal_address=demo.postal_address,
        )
        with workspace_scope(workspace):
            names = list(Limit.objects.filter(workspace=workspace).values_list("name", flat=True))
        for name in names:
            set_limit(workspace=workspace, actor=actor, name=name, count=_UNMET)
        set_setting(key="canary_above", value=0, workspace=workspace, actor=actor)
    return workspace


def make_campaign(*, demo: Demo, workspace: Workspace, actor: Actor) -> Campaign:
    """The demo's campaign with its drafts proposed; goes on where an earlier call broke off."""
    with workspace_scope(workspace):
        campaign: Campaign | None = Campaign.objects.filter(workspace=workspace, name=demo.campaign["name"]).first()
    if campaign is None:
        data = (_FOLDER / demo.prospects).read_bytes()
        prospects = save_prospects(workspace=workspace, actor=actor, name=demo.prospects, data=data)
        campaign = create_campaign(workspace=workspace, actor=actor, prospect_list=prospects, **demo.campaign)
    with workspace_scope(workspace):
        run = AgentRun.objects.filter(campaign=campaign).order_by("id").first()
    if run is None:
        run = prepare_run(workspace=workspace, actor=actor, campaign_id=campaign.pk)
    if run.status != RunStatus.DONE:
        perform_run(workspace=workspace, run_id=run.pk)
    _record_basis(workspace=workspace, campaign=campaign, actor=actor)
    return campaign


def _record_basis(*, workspace: Workspace, campaign: Campaign, actor: Actor) -> None:
    """Why these may be written to: an office's published address, or a legitimate interest (GDPR article 6(1)(f))."""
    with workspace_scope(workspace):
        drafts = Draft.objects.filter(run__campaign=campaign).select_related("contact")
        contacts = {draft.contact_id: draft.contact for draft in drafts}
    known = consent_states(workspace=workspace, contact_ids=set(contacts), purpose="email")
    offices = [pk for pk, contact in contacts.items() if contact.kind == ContactKind.OFFICE and pk not in known]
    others = [pk for pk, contact in contacts.items() if contact.kind != ContactKind.OFFICE and pk not in known]
    for ids, basis, source in (
        (offices, Basis.PUBLIC_OFFICE, "address published by the office for letters from the public"),
        (others, Basis.LEGITIMATE_INTEREST, "published address of an organisation that works on this"),
    ):
        if ids:
            record_consent(
                workspace=workspace, actor=actor, contact_ids=ids, purpose="email", basis=basis, source=source
            )


def _mail_stays_here() -> bool:
    return not settings.EMAIL_URL or urlsplit(settings.EMAIL_URL).hostname in _LOOPBACK
