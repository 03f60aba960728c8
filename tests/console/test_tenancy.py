"""Nothing of another workspace is seen or changed through the console (P12), by any address and any id.

The addresses come from the URLconf: a page added later is crawled without being named here.
"""

import re
from typing import Any

import pytest
from django.contrib import admin

from contacts.models import Contact
from execution.models import GateDefinition, Hold, MessageTemplate, PolicyVersion
from execution.services.templates import save_template
from tests.api.test_tenancy import rows_of
from tests.builders import OtherCast
from tests.console.browsing import Console, body_of, console_patterns
from workspaces.models import AuditEntry, Membership, Token

pytestmark = pytest.mark.django_db

# Which of the other workspace's rows stands in an address of a model's pages.
IDS = {
    "execution/executionrequest": "request_id",
    "execution/executionplan": "plan_id",
    "execution/alert": "alert_id",
    "execution/provideraccount": "account",
    "execution/limit": "limit",
    "execution/sendwindow": "window_id",
    "contacts/contact": "contact_id",
    "contacts/organisation": "organisation_id",
    "contacts/suppression": "suppression_id",
    "campaigns/campaign": "campaign_id",
    "campaigns/task": "task_id",
    "queue": "request_id",
    "snapshots": "request_id",
    "notifications": "notification_id",
    "execution/alertroute": "route_id",
    "execution/escalationstep": "step_id",
}
# Bodies that get past a form's first look, so that the id is looked at.
BODY = {
    "verdict": "approve",
    "digest": "0" * 64,
    "act": "cancel",
    "reason": "mine now",
    "outcome": "was_sent",
    "state": "stopped",
    "status": "cancelled",
    "word": "erase",
    "kind": "email",
    "purpose": "email",
    "basis": "consent",
    "source": "query",
    "reach": "all",
    "name": "Mine now",
}
FREE = re.compile(r"^(login|logout|jsi18n|r/|\^)")


@pytest.fixture
def their_ids(theirs: dict[str, str], other: OtherCast) -> dict[str, str]:
    """The same, with rows that the API does not name."""
    save_template(workspace=other.workspace, actor=other.olga, name="faq", subject="Hi", text="Hello")
    with other.scope():
        found: dict[str, Any] = {
            "execution/gatedefinition": GateDefinition.objects.first(),
            "execution/policyversion": PolicyVersion.objects.first(),
            "execution/messagetemplate": MessageTemplate.objects.first(),
            "execution/hold": Hold.objects.get(workspace=other.workspace),
        }
    membership = Membership.objects.get(workspace=other.workspace, principal_id=other.otto.principal_id)
    found["workspaces/membership"] = membership
    found["workspaces/token"] = Token.objects.filter(membership__workspace=other.workspace).first()
    found["workspaces/auditentry"] = AuditEntry.objects.filter(workspace=other.workspace).first()
    ids = {model: theirs[key] for model, key in IDS.items()}
    return ids | {model: str(row.pk) for model, row in found.items()} | {"runs": theirs["run_id"]}


def addresses(ids: dict[str, str]) -> list[str]:
    """Every address below admin/ that takes an id, with the other workspace's id of that kind in it."""
    filled = []
    for pattern in console_patterns():
        if FREE.match(pattern) or "<" not in pattern or "app_label" in pattern or "<url>" in pattern:
            continue
        model = pattern.split("/<")[0].removesuffix("/runs")
        key = "runs" if "<uuid:run_id>" in pattern else model
        if pattern.endswith("/<path:object_id>/"):
            continue  # sends on to the page itself, whatever the id
        if pattern.startswith("catcher/"):
            continue  # a message's name is no id; tests/console/test_catcher.py has it
        assert key in ids, f"{pattern}: name a row of the other workspace for it in this test"
        path = re.sub(r"<\w+:(?:object_id|run_id)>", ids[key], pattern)
        filled.append(re.sub(r"<\w+:sha256>", "0" * 64, path))
    return filled


def test_it_knows_no_id_of_another_workspace(cast, other, owner, their_ids, canary):
    before = rows_of(other.workspace)
    for path in addresses(their_ids):
        for call in (owner.get, owner.post):
            answer = call(path, BODY) if call == owner.post else call(path)
            assert answer.status_code in (403, 404, 405), (path, answer.status_code)
            text = body_of(answer)
            assert not [one for one in canary.made if one in text], path
    assert rows_of(other.workspace) == before


def test_it_shows_no_word_of_another_workspace_on_any_list_page_search_filter_or_export(
    cast, other, owner, theirs, canary
):
    lists = [f"{model._meta.app_label}/{model._meta.model_name}/" for model in admin.site._registry]
    pages = ["", "queue/", "queue/?scope=all", "settings/", "catcher/", "pulse/", "notifications/",
             "execution/hold/set/",
             "execution/policyversion/publish/", "workspaces/token/new/", "workspaces/membership/new/",
             "contacts/contact/add/", "campaigns/campaign/add/", "campaigns/task/add/"]  # fmt: skip
    words = [canary.made[0], "kanarie", "example.org"]
    for path in [*pages, *lists, *(f"{path}?q={word}" for path in lists for word in words)]:
        text = owner.get(path).content.decode()
        # What was asked for stands in the search field again.
        asked = path.partition("?q=")[2]
        leaked = [one for one in canary.made if one in text and one != asked]
        assert not leaked, (path, leaked)
    for path in lists:
        text = body_of(owner.post(path + "export/"))
        assert not [one for one in canary.made if one in text], path


def test_it_finds_nothing_of_another_workspace_by_filters(owner, theirs, canary):
    queries = [
        f"execution/executionrequest/?contact={theirs['contact_id']}",
        f"workspaces/auditentry/?subject={theirs['request_id']}",
        f"queue/?scope=all&plan={theirs['plan_id']}",
        f"queue/?scope=all&campaign={theirs['campaign_id']}",
        "contacts/contact/?tag=kanarie",
        "execution/alert/?kind=k",
    ]
    for path in queries:
        text = owner.text(path)
        assert not [one for one in canary.made if one in text], path


def test_it_completes_no_name_of_another_workspace(owner, theirs, canary):
    query = "autocomplete/?app_label=contacts&model_name=contact&field_name=organisation&term="
    for term in ("", canary.made[1], "kanarie"):
        answer = owner.get(query + term)
        assert answer.status_code == 200
        assert answer.json()["results"] == []


def test_it_refuses_a_reference_to_a_row_of_another_workspace(cast, other, owner, theirs):
    answer = owner.post(
        "contacts/contact/add/",
        {"kind": "person", "name": "Mallory", "organisation": theirs["organisation_id"], "handles": "{}"},
    )
    assert answer.status_code == 200  # the form again
    assert "Mallory" in answer.content.decode()
    with cast.scope():
        assert not Contact.objects.filter(name="Mallory").exists()


def test_it_keeps_sessions_apart_from_the_address(other, cast, theirs):
    """A member of the other workspace at this one's addresses is told that there is no such workspace."""
    console = Console(cast.user_of("rosa"), workspace=other.workspace)
    for pattern in console_patterns():
        if FREE.match(pattern) or "<" in pattern:
            continue
        assert console.get(pattern).status_code == 404, pattern
