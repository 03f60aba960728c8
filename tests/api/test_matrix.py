"""Who may do what: every role and service against every call that changes something or decides.

docs/developers/api.md shows the same table; a call that is not in it fails `test_every_call_is_in_the_table`.
"""

import re
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction
from django.urls import URLPattern, URLResolver, get_resolver

from campaigns.services.campaigns import create_campaign, start_campaign
from campaigns.services.tasks import create_task
from contacts.services import create_organisation, suppress
from execution import propose_plan
from execution.models import Alert
from execution.services.alerts import raise_alert
from execution.types import Proposal
from tests.api.client import Api
from tests.api.conftest import EMAIL
from tests.builders import make_person, make_token
from workspaces.models import Role

ROLES = ["owner", "admin", "approver", "author", "viewer", "service"]
EVERYONE = frozenset(ROLES)
WRITES = EVERYONE - {"viewer"}  # propose and edit work
DECIDES = frozenset({"owner", "admin", "approver"})
MANAGES = frozenset({"owner", "admin"})
PEOPLE = WRITES - {"service"}

NOBODY_ID = "01900000-0000-7000-8000-000000000000"
PROPOSAL = {"channel": "email", "to": "new@example.org", "payload": EMAIL}
GOAL = {"goal": "Win support for the water bill"}
DECISION = {"execution_id": "{request}", "digest": "{digest}", "reason": "because"}

# call -> (who may, body). Whoever may not is answered 403; whoever may, anything but 401 and 403.
TABLE: dict[str, tuple[frozenset[str], Any]] = {
    "GET me": (EVERYONE, None),
    "GET settings": (EVERYONE, None),
    "PATCH settings": (MANAGES, {"poll_limit": 5}),
    "GET settings/poll_limit": (EVERYONE, None),
    "PUT settings/poll_limit": (MANAGES, {"value": 5}),
    "GET contacts": (EVERYONE, None),
    "POST contacts": (WRITES, {"name": "Dora"}),
    "GET contacts/{contact}": (EVERYONE, None),
    "PATCH contacts/{contact}": (WRITES, {"title": "Director"}),
    "GET contacts/{contact}/timeline": (EVERYONE, None),
    "GET contacts/{contact}/consents": (EVERYONE, None),
    "POST contacts/{contact}/consents": (PEOPLE, {"purpose": "email", "basis": "consent", "source": "a form"}),
    "POST contacts/{contact}/erase": (MANAGES, None),
    "GET organisations": (EVERYONE, None),
    "POST organisations": (WRITES, {"name": "Another body"}),
    "GET organisations/{organisation}": (EVERYONE, None),
    "PATCH organisations/{organisation}": (WRITES, {"notes": "x"}),
    "GET suppressions": (EVERYONE, None),
    "POST suppressions": (WRITES, {"address": "no@example.org"}),
    "GET suppressions/{suppression}": (EVERYONE, None),
    "DELETE suppressions/{suppression}": (DECIDES, None),
    "POST suppressions/{suppression}/lift": (DECIDES, {"reason": "because"}),
    "GET execution/status": (EVERYONE, None),
    "GET execution/requests": (EVERYONE, None),
    "POST execution/requests": (WRITES, PROPOSAL),
    "GET execution/requests/{request}": (EVERYONE, None),
    "PATCH execution/requests/{request}": (WRITES, {"payload": {"subject": "Changed"}}),
    # The one who proposed it is another service: withdrawing is for its author, its proposer or an approver.
    "POST execution/requests/{request}/cancel": (DECIDES, None),
    "POST execution/requests/{request}/run": (DECIDES, None),
    "POST execution/requests/{request}/resolve": (DECIDES, {"outcome": "was_sent", "reason": "because"}),
    "POST execution/requests/{request}/retry": (DECIDES, {"reason": "because"}),
    "POST execution/requests/{request}/undo": (DECIDES, None),
    "POST execution/requests/{request}/reseal": (WRITES, None),
    "GET execution/requests/{request}/contents/{sha256}": (EVERYONE, None),
    "GET execution/requests/{request}/preflight": (EVERYONE, None),
    "GET execution/plans": (EVERYONE, None),
    "POST execution/plans": (WRITES, {"title": "P", "goal": "g", "requests": [PROPOSAL]}),
    "GET execution/plans/{plan}": (EVERYONE, None),
    "POST execution/plans/{plan}/approve": (DECIDES, {"digest": "{plan_digest}"}),
    "POST execution/plans/{plan}/reject": (DECIDES, {"digest": "{plan_digest}"}),
    "POST execution/plans/{plan}/continue": (DECIDES, {"reason": "because"}),
    "GET execution/pending": (EVERYONE, None),
    "POST execution/approve": (DECIDES, DECISION),
    "POST execution/reject": (DECIDES, DECISION),
    "POST execution/request-changes": (DECIDES, DECISION),
    "GET execution/history": (EVERYONE, None),
    "POST execution/hold": (WRITES, {"scope": "channel:sms", "reason": "because"}),
    "POST execution/release": (DECIDES, {"scope": "channel:email", "reason": "because"}),
    "GET limits": (EVERYONE, None),
    "POST limits": (MANAGES, {"name": "x", "scope": "workspace", "count": 5, "period_seconds": 60}),
    "GET limits/email_send": (EVERYONE, None),
    "PATCH limits/email_send": (MANAGES, {"count": 60}),
    "DELETE limits/email_send": (MANAGES, None),
    "GET windows": (EVERYONE, None),
    "POST windows": (MANAGES, {"channel": "press", "opens": "09:00"}),
    "GET windows/email": (EVERYONE, None),
    "DELETE windows/email": (MANAGES, None),
    "GET alerts": (EVERYONE, None),
    "GET alerts/{alert}": (EVERYONE, None),
    "POST alerts/{alert}/acknowledge": (WRITES, None),
    "GET snapshots": (EVERYONE, None),
    "GET snapshots/{snapshot}": (EVERYONE, None),
    "GET notifications": (EVERYONE, None),
    "POST notifications/read": (EVERYONE, None),
    "POST notifications/{notification}/read": (EVERYONE, None),
    "GET tasks": (EVERYONE, None),
    "POST tasks": (WRITES, {"title": "Call"}),
    "GET tasks/{task}": (EVERYONE, None),
    "PATCH tasks/{task}": (WRITES, {"priority": "high"}),
    "GET tasks/{task}/approve": (EVERYONE, None),
    "POST tasks/{task}/approve": (DECIDES, None),
    "GET tasks/{task}/reject": (EVERYONE, None),
    "POST tasks/{task}/reject": (DECIDES, None),
    "GET tasks/{task}/messages": (EVERYONE, None),
    "GET campaigns": (EVERYONE, None),
    "POST campaigns": (WRITES, GOAL),
    "GET campaigns/{campaign}": (EVERYONE, None),
    "PATCH campaigns/{campaign}": (WRITES, {"tone": "warm"}),
    "POST campaigns/{campaign}/start": (WRITES, None),
    "GET goals": (EVERYONE, None),
    "POST goals": (WRITES, GOAL),
    "GET prospect-lists": (EVERYONE, None),
    "POST prospect-lists": (WRITES, {"name": "x", "csv": "name,email\nA,a@example.org\n"}),
    "GET runs": (EVERYONE, None),
    "GET runs/{run}": (EVERYONE, None),
    "POST runs/{run}/retry": (WRITES, None),
    "GET outputs": (EVERYONE, None),
    "GET outputs/{output}": (EVERYONE, None),
    "GET metrics": (EVERYONE, None),
}
# Not of a workspace: the cron secret's, and public.
ELSEWHERE = {"cron/tasks/execute"}


@pytest.fixture
def things(cast, waiting) -> dict[str, str]:
    """One of everything that an address can name; held, suppressed, alerted about."""
    item = Proposal(channel="email", to="plan@example.org", payload=EMAIL)
    plan = propose_plan(workspace=cast.workspace, actor=cast.writer, title="A plan", items=[item])
    raise_alert(workspace_id=cast.workspace.id, kind="k", severity="info", fingerprint="f", title="t")
    suppressed = suppress(
        workspace=cast.workspace, actor=cast.ada, kind="email", address="gone@example.org", reason="manual"
    )
    body = create_organisation(workspace=cast.workspace, actor=cast.ada, name="A body")
    campaign = create_campaign(workspace=cast.workspace, actor=cast.writer, **GOAL)
    run = start_campaign(workspace=cast.workspace, actor=cast.writer, campaign_id=campaign.pk)
    task = create_task(workspace=cast.workspace, actor=cast.writer, title="A task")
    request = waiting(actor=cast.writer)
    owner = Api(cast.token_of("omar"))
    owner.post("execution/hold", {"scope": "channel:email", "reason": "x"})
    plan_digest = owner.get(f"execution/plans/{plan.pk}").json["digest"]
    with cast.scope():
        alert = Alert.objects.exclude(kind="hold_set").get()
    return {
        "request": str(request.pk),
        "digest": request.digest,
        "sha256": request.document["wire"][0] if request.document["wire"] else "0" * 64,
        "plan": str(plan.pk),
        "plan_digest": plan_digest,
        "contact": str(cast.bob.pk),
        "organisation": str(body.pk),
        "suppression": str(suppressed.pk),
        "alert": str(alert.pk),
        "campaign": str(create_campaign(workspace=cast.workspace, actor=cast.writer, **GOAL).pk),
        "run": str(run.pk),
        "task": str(task.pk),
        "output": NOBODY_ID,
        "notification": NOBODY_ID,
        "snapshot": NOBODY_ID,
    }


def filled(value: Any, things: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: filled(inner, things) for key, inner in value.items()}
    if isinstance(value, str) and value.startswith("{"):
        return value.format(**things)
    return value


@pytest.fixture
def caller_of(cast):
    def make(role: str) -> Api:
        if role == "service":
            return Api(cast.token_of("crm"))
        if role == "owner":
            return Api(cast.token_of("omar"))
        person = make_person(cast.workspace, f"some-{role}", role=Role(role))
        return Api(make_token(cast.workspace, person)[1])

    return make


@pytest.mark.parametrize("role", ROLES)
def test_each_role_may_do_just_what_the_table_says(cast, things, caller_of, role):
    api = caller_of(role)
    wrong = []
    for call, (allowed, body) in TABLE.items():
        method, path = call.split(" ")
        savepoint = transaction.savepoint()
        answer = api.call(method, path.format(**things), filled(body, things))
        transaction.savepoint_rollback(savepoint)
        refused = answer.status in (401, 403)
        if refused == (role in allowed) or answer.status >= 500 or (answer.status == 400):
            wrong.append(f"{role} {call}: {answer.status} {answer.text[:200]}")
    assert not wrong, "\n".join(wrong)


def addresses(patterns: list[Any], prefix: str = "") -> list[tuple[str, Any]]:
    """Every address below, with the view's class."""
    found: list[tuple[str, Any]] = []
    for pattern in patterns:
        path = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            found += addresses(pattern.url_patterns, path)
        elif isinstance(pattern, URLPattern):
            found.append((path, getattr(pattern.callback, "cls", None)))
    return found


def test_every_call_is_in_the_table():
    named = {re.sub(r"\{[a-z0-9_]+\}|(?<=settings/)\w+|(?<=limits/)\w+|(?<=windows/)\w+", "*", call) for call in TABLE}
    missing = []
    for path, view in addresses(get_resolver().url_patterns):
        if not path.startswith("api/v1/") or path.removeprefix("api/v1/") in ELSEWHERE:
            continue
        short = re.sub(r"<[^>]+>", "*", path.removeprefix("api/v1/"))
        missing += [
            f"{method.upper()} {short}"
            for method in ("get", "post", "put", "patch", "delete")
            if hasattr(view, method) and f"{method.upper()} {short}" not in named
        ]
    assert not missing, "Say in TABLE who may call these, and test it: " + ", ".join(missing)


WORDS = {
    EVERYONE: "every member",
    WRITES: "owner, admin, approver, author, service",
    PEOPLE: "owner, admin, approver, author",
    DECIDES: "owner, admin, approver",
    MANAGES: "owner, admin",
}


def table_in_words() -> str:
    """The table as docs/developers/api.md shows it."""
    rows = [f"| `{call}` | {WORDS[allowed]} |" for call, (allowed, _) in TABLE.items()]
    return "\n".join(["| call | who may |", "|---|---|", *rows])


def test_the_documentation_shows_this_table():
    page = (Path(__file__).parents[2] / "docs/developers/api.md").read_text()
    assert table_in_words() in page, "Put this into docs/developers/api.md:\n" + table_in_words()
