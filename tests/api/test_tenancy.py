"""Nothing of one workspace is readable or writable from another (P12), by any call and any id.

The calls come from the shipped addresses: a new one is crawled without being named here, and fails where it takes an
id that `CANARIES` does not provide.
"""

import itertools
import json
import re
from typing import Any

import pytest
from django.db import connection, transaction
from django.urls import get_resolver

from campaigns.services.agent_runs import perform_run
from campaigns.services.campaigns import create_campaign, save_prospects, start_campaign
from campaigns.services.tasks import create_task
from contacts.services import create_contact, create_organisation, record_consent, suppress
from execution import hold, propose, propose_plan
from execution.alerts.telling import tell_due
from execution.models import Alert, AlertRoute, EscalationStep, Notification, Snapshot
from execution.services.accounts import save_account
from execution.services.alerts import raise_alert
from execution.services.credentials import encrypt
from execution.services.limits import set_limit
from execution.services.windows import set_window
from execution.types import Proposal
from tests.api.client import Api
from tests.api.test_matrix import addresses
from tests.builders import make_token
from workspaces.scope import workspace_scope
from workspaces.services import record_seen
from workspaces.settings_store import set_setting

_numbers = itertools.count(1)
METHODS = ("get", "post", "put", "patch", "delete", "options", "head")
# Bodies that get past the shape of each call, so that its ids are looked at.
BODIES: dict[str, Any] = {
    "tasks/*": {"title": "Mine now"},
    "campaigns/*": {"tone": "mine"},
    "contacts/*": {"name": "Mine now"},
    "contacts/*/consents": {"purpose": "email", "basis": "consent", "source": "me"},
    "organisations/*": {"name": "Mine now"},
    "execution/requests/*": {"payload": {"subject": "Mine now"}},
    "execution/requests/*/resolve": {"outcome": "was_sent", "reason": "mine"},
    "execution/requests/*/retry": {"reason": "mine"},
    "execution/plans/*/approve": {"digest": "0" * 64},
    "execution/plans/*/reject": {"digest": "0" * 64},
    "execution/plans/*/continue": {"reason": "mine"},
    "limits/*": {"count": 1},
    "settings/*": {"value": 1},
    "suppressions/*/lift": {"reason": "mine"},
}


class Canary:
    """Makes strings that can come from one place alone."""

    def __init__(self) -> None:
        self.made: list[str] = []

    def __call__(self) -> str:
        self.made.append(f"kanarie{next(_numbers):04d}x")
        return self.made[-1]


@pytest.fixture
def canary() -> Canary:
    return Canary()


@pytest.fixture
def theirs(other, canary) -> dict[str, str]:
    """One of everything in the other workspace, each with canaries in every field of text; ids by their name."""
    w, olga = other.workspace, other.olga
    w.postal_address = canary()
    w.save()
    body = create_organisation(workspace=w, actor=olga, name=canary(), notes=canary())
    contact = create_contact(
        workspace=w,
        actor=olga,
        name=canary(),
        title=canary(),
        organisation=body,
        email=f"{canary()}@example.org",
        handles={"mastodon": f"{canary()}@example.org"},
        tags=[canary()],
        notes=canary(),
        source=canary(),
    )
    record_consent(
        workspace=w,
        actor=olga,
        contact_ids=[contact.pk],
        purpose="email",
        basis="consent",
        source=canary(),
        evidence=canary(),
    )
    suppressed = suppress(
        workspace=w, actor=olga, kind="email", address=f"{canary()}@example.org", reason="manual", source=canary()
    )
    payload = {"subject": canary(), "text": canary(), "headers": {"X-Canary": canary()}}
    item = Proposal(
        channel="email", contact=contact.pk, payload=payload, metadata={"note": canary()}, idempotency_key=canary()
    )
    plan = propose_plan(workspace=w, actor=other.crm, title=canary(), goal=canary(), items=[item])
    request = propose(workspace=w, actor=other.crm, channel="email", contact=contact.pk, payload=payload)
    done = propose(workspace=w, actor=other.crm, channel="email", contact=contact.pk, payload=payload)
    Api(make_token(w, other.otto)[1]).post("execution/reject", {"execution_id": str(done.pk), "reason": canary()})
    raise_alert(workspace_id=w.id, kind="k", severity="info", fingerprint=canary(), title=canary(), detail=canary())
    tell_due()
    with workspace_scope(w):
        route = AlertRoute.objects.create(workspace=w, name=canary(), secret=encrypt(canary()), scheme="json")
        step = EscalationStep.objects.create(workspace=w, severity="critical", after_minutes=5, route=route)
        notice = Notification.objects.filter(workspace=w)[0]
    account = save_account(
        workspace=w,
        actor=olga,
        secret=canary(),
        name=canary(),
        channel="email",
        provider="smtp",
        host=f"{canary()}.example",
        port=25,
        from_email=f"{canary()}@example.org",
    )
    limit_name = canary()
    limit = set_limit(workspace=w, actor=olga, name=limit_name, scope="workspace", count=5, period_seconds=60)
    window = set_window(workspace=w, actor=olga, channel="press")
    hold(scope="channel:sms", reason=canary(), actor=olga, workspace=w)
    set_setting(key="escalation_person", value="otto", workspace=w, actor=olga)
    prospects = save_prospects(
        workspace=w, actor=olga, name=canary(), data=f"name,email\n{canary()},{canary()}@example.org\n".encode()
    )
    campaign = create_campaign(
        workspace=w, actor=olga, goal=canary(), cause=canary(), audience=canary(), prospect_list=prospects.pk
    )
    run = start_campaign(workspace=w, actor=olga, campaign_id=campaign.pk)
    run = perform_run(workspace=w, run_id=run.pk)
    task = create_task(workspace=w, actor=olga, title=canary(), description=canary(), metadata={"x": canary()})
    with workspace_scope(w):
        snapshot = Snapshot.objects.create(
            workspace=w, request=done, revision=1, taken_at=done.created_at, document={"note": canary()}
        )
        alert, draft = Alert.objects.exclude(kind="hold_set").get(), run.drafts.get()
    return {
        "request_id": str(request.pk),
        "done": str(done.pk),
        "plan_id": str(plan.pk),
        "contact_id": str(contact.pk),
        "organisation_id": str(body.pk),
        "suppression_id": str(suppressed.pk),
        "alert_id": str(alert.pk),
        "snapshot_id": str(snapshot.pk),
        "notification_id": str(notice.pk),
        "route_id": str(route.pk),
        "step_id": str(step.pk),
        "account": str(account.pk),
        "name": limit_name,
        "limit": str(limit.pk),
        "channel": "press",
        "window_id": str(window.pk),
        "campaign_id": str(campaign.pk),
        "prospect_list": str(prospects.pk),
        "run_id": str(run.pk),
        "task_id": str(task.pk),
        "draft_id": str(draft.pk),
        "key": "escalation_person",
        "digest": request.digest,
        "sha256": (request.document["wire"] or ["0" * 64])[0],
    }


def rows_of(workspace) -> str:
    """Every row of a workspace in every table that has its column, as text: what must not change."""
    found = []
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_name FROM information_schema.columns WHERE column_name = 'workspace_id'"
            " AND table_schema = current_schema() ORDER BY table_name"
        )
        for (table,) in cursor.fetchall():
            cursor.execute(
                f'SELECT t::text FROM "{table}" t WHERE workspace_id = %s ORDER BY 1',  # noqa: S608
                [workspace.id],
            )
            found.append(f"{table}: {cursor.fetchall()}")
    return "\n".join(found)


def parameters(path: str) -> list[str]:
    return re.findall(r"<\w+:(\w+)>", path)


def calls() -> list[tuple[str, str, list[str]]]:
    """Every call below /api/v1: method, address with {names}, and those names."""
    return [
        (method.upper(), "/" + re.sub(r"<\w+:(\w+)>", r"{\1}", path), parameters(path))
        for path, view in addresses(_patterns())
        if path.startswith("api/v1/") and "cron" not in path
        for method in METHODS
        if hasattr(view, method)
    ]


def _patterns() -> list[Any]:
    return get_resolver().url_patterns


@pytest.mark.parametrize("who", ["omar", "rosa", "crm"])
def test_no_call_with_an_id_of_another_workspace_does_or_shows_anything(cast, other, theirs, canary, who):
    before = rows_of(other.workspace)
    secret = cast.token_of(who)
    wrong = []
    for method, path, names in calls():
        if not names:
            continue
        assert set(names) <= set(theirs), f"{path}: provide an id for it in `theirs`"
        short = re.sub(r"\{\w+\}", "*", path.removeprefix("/api/v1/"))
        for body in (None, BODIES.get(short)) if method in ("POST", "PUT", "PATCH") else (None,):
            savepoint = transaction.savepoint()
            answer = Api(secret).call(method, path.format(**theirs), body)
            if rows_of(other.workspace) != before:
                wrong.append(f"{method} {path} changed something")
            transaction.savepoint_rollback(savepoint)
            shown = [word for word in canary.made if word in answer.text and word not in path.format(**theirs)]
            fine = answer.status in (403, 404) or (method == "OPTIONS" and answer.status == 200)
            # A malformed body may be told before the id is looked at; a setting's key is nobody's id.
            fine = fine or (body is None and answer.status in (400, 409)) or "{key}" in path
            if shown or not fine:
                wrong.append(f"{method} {path} {body}: {answer.status} {shown} {answer.text[:120]}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("who", ["omar", "vic", "crm"])
def test_no_list_shows_anything_of_another_workspace(cast, theirs, canary, who):
    api = Api(cast.token_of(who))
    lists = [path for method, path, names in calls() if method == "GET" and not names]
    assert len(lists) > 15
    for path in lists:
        answer = api.get(path)
        assert answer.status == 200, path
        assert not [word for word in canary.made if word in answer.text], path


def test_the_canaries_are_seen_at_home(other, theirs, canary):
    """What the crawls look for is really there to be found."""
    olga = Api(make_token(other.workspace, other.olga)[1])
    shown = "".join(olga.call(m, p.format(**theirs)).text for m, p, _ in calls() if m == "GET")
    unseen = [word for word in canary.made if word not in shown]
    # The postal address, an idempotency key, the account and its secret, a fingerprint and the list's rows stay inside.
    assert len(unseen) <= 10, unseen
    assert len(canary.made) >= 40


def test_a_get_changes_nothing(other, theirs):
    olga = Api(make_token(other.workspace, other.olga)[1])
    # That somebody is here goes on record once in five minutes, whatever they look at.
    record_seen(workspace_id=other.workspace.pk, principal_id=other.olga.principal_id)
    before = rows_of(other.workspace)
    for method, path, _ in calls():
        if method in ("GET", "HEAD", "OPTIONS"):
            olga.call(method, path.format(**theirs))
            assert rows_of(other.workspace) == before, path


FILTERS = [
    ("execution/pending", {"scope": "all", "plan": "{plan_id}"}),
    ("execution/pending", {"scope": "all", "campaign": "{campaign_id}"}),
    ("execution/requests", {"contact": "{contact_id}"}),
    ("execution/history", {"contact": "{contact_id}"}),
    ("execution/history", {"plan": "{plan_id}"}),
    ("alerts", {"request": "{request_id}"}),
    ("contacts", {"organisation": "{organisation_id}"}),
    ("tasks", {"plan": "{plan_id}"}),
    ("tasks", {"campaign": "{campaign_id}"}),
    ("runs", {"campaign": "{campaign_id}"}),
    ("runs", {"task": "{task_id}"}),
    ("outputs", {"run": "{run_id}"}),
    ("outputs", {"contact": "{contact_id}"}),
    ("outputs", {"campaign": "{campaign_id}"}),
]


@pytest.mark.parametrize(("path", "query"), FILTERS)
def test_a_filter_by_another_workspaces_id_finds_nothing(cast, theirs, path, query):
    answer = Api(cast.token_of("omar")).get(path, **{key: value.format(**theirs) for key, value in query.items()})
    assert answer.status == 200
    assert answer.json["results"] == []


@pytest.mark.parametrize("path", ["execution/pending", "execution/requests", "execution/history", "contacts",
                                  "campaigns", "tasks", "organisations"])  # fmt: skip
def test_no_search_finds_another_workspaces_words(cast, theirs, canary, path):
    for word in canary.made:
        assert Api(cast.token_of("omar")).get(path, q=word).json["results"] == []


def test_no_cursor_of_another_workspace_opens_it(cast, other, theirs, canary):
    olga = Api(make_token(other.workspace, other.olga)[1])
    for path in ("execution/requests", "contacts"):
        link = olga.get(path, limit=1).json["next"]
        cursor = link.partition("cursor=")[2]
        answer = Api(cast.token_of("omar")).get(path, cursor=cursor)
        assert answer.status == 200
        assert not [word for word in canary.made if word in answer.text]


MAIL = {"subject": "a", "text": "b"}
REFERENCES = [
    ("POST", "execution/requests", {"channel": "email", "contact": "{contact_id}", "payload": MAIL}),
    ("POST", "execution/requests",
     {"channel": "email", "to": "a@example.org", "plan": "{plan_id}", "payload": MAIL}),
    ("POST", "execution/requests",
     {"channel": "email", "to": "a@example.org", "account": "{account}", "payload": MAIL}),
    ("POST", "execution/plans",
     {"title": "x", "requests": [{"channel": "email", "contact": "{contact_id}", "payload": MAIL}]}),
    ("POST", "execution/approve", {"execution_id": "{request_id}", "digest": "{digest}"}),
    ("POST", "execution/reject", {"execution_id": "{request_id}"}),
    ("POST", "execution/request-changes", {"execution_id": "{request_id}", "reason": "mine"}),
    ("POST", "execution/hold", {"scope": "workspace:other", "reason": "mine"}),
    ("POST", "execution/hold", {"scope": "account:{account}", "reason": "mine"}),
    ("POST", "execution/release", {"scope": "workspace:other", "reason": "mine"}),
    ("POST", "limits", {"name": "x", "scope": "account:{account}", "count": 5, "period_seconds": 60}),
    ("PATCH", "limits/{limit}", {"count": 1}),
    ("POST", "contacts", {"name": "x", "organisation": "{organisation_id}"}),
    ("POST", "tasks", {"title": "x", "campaign": "{campaign_id}"}),
    ("POST", "goals", {"goal": "x", "prospect_list": "{prospect_list}"}),
]  # fmt: skip


@pytest.mark.parametrize(("method", "path", "body"), REFERENCES)
def test_no_body_reaches_into_another_workspace(cast, other, theirs, canary, method, path, body):
    before = rows_of(other.workspace)
    filled = json.loads(re.sub(r"\{(\w+)\}", lambda found: theirs[found.group(1)], json.dumps(body)))
    answer = Api(cast.token_of("rosa" if "approve" in path or "reject" in path else "omar")).call(
        method, path.format(**theirs), filled
    )
    assert answer.status in (400, 403, 404), answer.text
    assert answer.json["status"] == answer.status
    assert not [word for word in canary.made if word in answer.text]
    assert rows_of(other.workspace) == before


def test_a_hold_over_another_workspaces_campaign_holds_nothing_there(cast, other, theirs):
    api = Api(cast.token_of("omar"))
    api.post("execution/hold", {"scope": f"campaign:{theirs['campaign_id']}", "reason": "mine"})
    olga = Api(make_token(other.workspace, other.olga)[1])
    assert [h["scope"] for h in olga.get("execution/status").json["holds"]] == ["channel:sms"]
