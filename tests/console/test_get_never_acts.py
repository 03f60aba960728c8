"""GET shows, POST acts (P15): no page that is looked at changes a row."""

import re

import pytest
from django.contrib import admin

from tests.api.test_tenancy import rows_of
from tests.console.browsing import console_patterns
from workspaces.services import record_seen

pytestmark = pytest.mark.django_db


@pytest.fixture
def filled(theirs, other):
    """The other workspace, full of everything, as its owner sees it."""
    from tests.console.browsing import Console
    from workspaces.models import User

    return Console(User.objects.get(principal__id=other.olga.principal_id), workspace=other.workspace)


def test_it_changes_nothing_to_look_at_every_page(filled, other, theirs):
    known = {
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
    }
    # That somebody is here goes on record once in five minutes, whatever they look at.
    record_seen(workspace_id=other.workspace.pk, principal_id=other.olga.principal_id)
    before = rows_of(other.workspace)
    seen = 0
    for pattern in console_patterns():
        if any(part in pattern for part in ("^", "app_label", "<url>", "catcher/", "logout/", "autocomplete/")):
            continue
        path = pattern
        if "<" in pattern:
            model = pattern.split("/<")[0].removesuffix("/runs")
            key = "run_id" if "run_id" in pattern else known.get(model)
            if key is None:
                continue
            path = re.sub(r"<\w+:(?:object_id|run_id)>", theirs[key], pattern)
            path = re.sub(r"<\w+:sha256>", "0" * 64, path)
        asked = "verdict=approve&act=cancel&state=stopped&status=cancelled&word=erase&reason=x"
        answer = filled.get(f"{path}?{asked}&digest={theirs['digest']}")
        assert answer.status_code in (200, 302, 400, 403, 404, 405), (path, answer.status_code)
        seen += answer.status_code == 200
    assert seen > 35
    assert rows_of(other.workspace) == before


def test_no_list_lets_a_row_be_edited_or_acted_on_in_passing():
    for model, model_admin in admin.site._registry.items():
        assert not model_admin.list_editable, model
