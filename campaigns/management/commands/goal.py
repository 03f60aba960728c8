from collections import Counter
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from campaigns.models import AgentRun
from campaigns.services.agent_runs import perform_run, plan_address
from campaigns.services.campaigns import create_campaign, prepare_run, save_prospects
from execution.models import ExecutionPlan, GateState, RequestGate
from workspaces.actors import system_actor
from workspaces.errors import CountersignError
from workspaces.models import Workspace
from workspaces.scope import workspace_scope


class Command(BaseCommand):
    help = "From a goal in words to drafts that wait for a person: makes a campaign and runs the outreach agent, here."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("words", metavar="WORDS", help="what the campaign is to reach, in words")
        parser.add_argument("--workspace", metavar="SLUG", required=True)
        parser.add_argument(
            "--prospects", metavar="FILE.csv", type=Path, help="whom to choose from; needs a column email"
        )
        parser.add_argument("--query", default="", help="words to look for in the contact book instead")
        parser.add_argument("--at-most", type=int, default=50, help="how many to write to")

    def handle(self, *args: Any, **options: Any) -> None:
        workspace = Workspace.objects.filter(slug=options["workspace"]).first()
        if workspace is None:
            known = ", ".join(Workspace.objects.values_list("slug", flat=True)) or "none yet"
            raise CommandError(f"There is no workspace “{options['workspace']}”. There are: {known}.")
        try:
            run = self._run(workspace=workspace, options=options)
        except CountersignError as error:
            raise CommandError(error.detail) from error
        with workspace_scope(workspace):
            self._report(workspace=workspace, run=run)

    def _run(self, *, workspace: Workspace, options: dict[str, Any]) -> AgentRun:
        actor = system_actor("shell", via="cli")
        fields: dict[str, Any] = {"goal": options["words"], "query": options["query"], "at_most": options["at_most"]}
        fields["sender_organisation"] = workspace.name
        path: Path | None = options["prospects"]
        if path is not None:
            try:
                data = path.read_bytes()
            except OSError as error:
                raise CommandError(f"{path} cannot be read: {error.strerror}.") from error
            fields["prospect_list"] = save_prospects(workspace=workspace, actor=actor, name=path.name, data=data)
        campaign = create_campaign(workspace=workspace, actor=actor, **fields)
        run = prepare_run(workspace=workspace, actor=actor, campaign_id=campaign.pk)
        return perform_run(workspace=workspace, run_id=run.pk)

    def _report(self, *, workspace: Workspace, run: AgentRun) -> None:
        for line in run.log:
            self.stdout.write(line["text"])
        self.stdout.write(run.summary)
        plan: ExecutionPlan | None = run.plan
        if plan is None:
            return
        gates = RequestGate.objects.filter(request__plan=plan, state=GateState.OPEN)
        for name, count in sorted(Counter(gates.values_list("name", flat=True)).items()):
            self.stdout.write(f"{count} waiting at {name}")
        for status, count in sorted(Counter(plan.requests.values_list("status", flat=True)).items()):
            if status != "pending":
                self.stdout.write(f"{count} {status}")
        self.stdout.write(plan_address(workspace=workspace, plan_id=plan.pk))
