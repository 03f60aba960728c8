"""What the queue calls. Each is a bell: it may ring twice, late or never, and nothing is lost or done twice."""

from campaigns.services import agent_runs
from campaigns.services.polling import poll_tasks
from campaigns.services.reconcile import reconcile_all
from execution.queue import ring
from workspaces.errors import CountersignError
from workspaces.models import Workspace


def perform_run(workspace_id: str, run_id: str) -> None:
    """Do a run. What it refused or could not do stands on the run, where people look."""
    try:
        agent_runs.perform_run(workspace=Workspace.objects.get(pk=workspace_id), run_id=run_id)
    except CountersignError:
        return


def poll() -> None:
    """The scheduled poll: tasks, then requests, then what follows from both."""
    poll_tasks(manual=False)
    ring()
    reconcile_all()
