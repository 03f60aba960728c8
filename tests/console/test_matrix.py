"""Who may see and do what at the console: one table, every cell held (reliability 53)."""

import pytest
from django.contrib import admin

from contacts.models import Suppression
from execution import propose_plan
from execution.models import AlertRoute, EscalationStep
from execution.services.credentials import encrypt
from execution.types import Proposal
from tests.api.conftest import EMAIL
from tests.console.browsing import console_patterns

pytestmark = pytest.mark.django_db

OMAR, ROSA, ADA, VIC = "omar", "rosa", "ada", "vic"  # owner, approver, author, viewer
EVERYONE = {OMAR, ROSA, ADA, VIC}
WRITERS = {OMAR, ROSA, ADA}
DECIDERS = {OMAR, ROSA}
MANAGERS = {OMAR}

PAGES: dict[str, set[str]] = {
    "": EVERYONE,
    "queue/": EVERYONE,
    "uncertain/": EVERYONE,
    "overdue/": EVERYONE,
    "restored/": EVERYONE,
    "retention/": MANAGERS,
    "pulse/": EVERYONE,
    "notifications/": EVERYONE,
    "settings/": EVERYONE,
    "password_change/": EVERYONE,
    "execution/hold/set/": WRITERS,
    "execution/policyversion/publish/": MANAGERS,
    "execution/gatedefinition/add/": MANAGERS,
    "execution/limit/add/": MANAGERS,
    "execution/sendwindow/add/": MANAGERS,
    "execution/provideraccount/add/": MANAGERS,
    "execution/messagetemplate/add/": WRITERS,
    "execution/executionrequest/add/": set(),
    "execution/executionplan/add/": set(),
    "execution/alert/add/": set(),
    "execution/alertroute/add/": MANAGERS,
    "execution/escalationstep/add/": MANAGERS,
    "contacts/contact/add/": WRITERS,
    "contacts/contact/import/": WRITERS,
    "contacts/organisation/add/": WRITERS,
    "contacts/suppression/add/": WRITERS,
    "campaigns/campaign/add/": WRITERS,
    "campaigns/task/add/": WRITERS,
    "workspaces/membership/new/": MANAGERS,
    "workspaces/token/new/": EVERYONE,
    "workspaces/auditentry/add/": set(),
    **{f"{model._meta.app_label}/{model._meta.model_name}/": EVERYONE for model in admin.site._registry},
}
# What changes something: (address, body), and who may; the rest are refused with 403.
ACTS: dict[str, tuple[dict[str, str], set[str]]] = {
    "execution/hold/set/": ({"scope": "workspace", "reason": "Calm"}, WRITERS),
    "notifications/read/": ({}, EVERYONE),
    "overdue/decide/": ({"act": "release", "reason": "Still true."}, DECIDERS),
    "uncertain/settle/": ({"outcome": "was_sent", "reason": "Seen."}, DECIDERS),
    "restored/": ({"reason": "It is the one."}, MANAGERS),
    "retention/": ({"days": "400"}, MANAGERS),
    "execution/alertroute/{route}/test/": ({}, MANAGERS),
    "execution/escalationstep/{step}/remove/": ({}, MANAGERS),
    "settings/": ({"key": "poll_limit", "value": "11"}, MANAGERS),
    "execution/policyversion/publish/": ({"rules": "[]", "note": "None"}, MANAGERS),
    "workspaces/membership/new/": ({"kind": "service", "name": "robot", "role": "viewer"}, MANAGERS),
    "contacts/contact/import/": ({}, WRITERS),
    "execution/executionrequest/{request}/edit/": ({}, WRITERS),
    "execution/executionrequest/{request}/decide/": ({"verdict": "reject", "digest": "{digest}"}, DECIDERS),
    "execution/executionplan/{plan}/continue/": ({"reason": "I called three of them."}, DECIDERS),
    "contacts/contact/{contact}/consent/": ({"purpose": "email", "status": "withdrawn", "source": "a call"}, WRITERS),
    "contacts/contact/{contact}/suppress/": ({"kind": "email", "reason": "manual"}, WRITERS),
    "contacts/contact/{contact}/erase/": ({"word": "erase"}, MANAGERS),
    "contacts/suppression/{suppression}/lift/": ({"reason": "They asked."}, DECIDERS),
}


@pytest.mark.parametrize("path", sorted(PAGES))
def test_it_shows_a_page_to_whom_the_table_says(at, path):
    for name in sorted(EVERYONE):
        answer = at(name).get(path)
        expected = (200, 302) if name in PAGES[path] else (403,)
        assert answer.status_code in expected, (name, path, answer.status_code)


@pytest.mark.parametrize("path", sorted(ACTS))
@pytest.mark.parametrize("name", sorted(EVERYONE))
def test_it_lets_those_act_whom_the_table_says(cast, at, waiting, path, name):
    found = waiting()
    with cast.scope():
        suppression = Suppression.objects.filter(kind="email").get()
    with cast.scope():
        route = AlertRoute.objects.create(workspace=cast.workspace, name="Chat", secret=encrypt("file:///x"))
        step = EscalationStep.objects.create(workspace=cast.workspace, severity="critical", after_minutes=5)
    item = Proposal(channel="email", contact=cast.bob.pk, payload=EMAIL)
    plan = propose_plan(workspace=cast.workspace, actor=cast.writer, title="Letters", items=[item])
    names = {
        "route": route.pk,
        "step": step.pk,
        "request": found.pk,
        "digest": found.digest,
        "plan": plan.pk,
        "contact": cast.bob.pk,
        "suppression": suppression.pk,
    }
    body, allowed = ACTS[path]
    data = {key: value.format(**names) for key, value in body.items()}
    answer = at(name).post(path.format(**names), data)
    if name in allowed:
        assert answer.status_code in (200, 302, 400), (name, path, answer.status_code)
    else:
        assert answer.status_code == 403, (name, path, answer.status_code)


def test_it_names_every_page_without_an_id():
    """A page added later has to be put into the table."""
    known = {*PAGES, *ACTS, "queue/decide/", "execution/hold/release/", "catcher/", "search/", "autocomplete/"}
    # Each of these only sends on to a page that the table has.
    known |= {
        "workspaces/membership/add/",
        "workspaces/token/add/",
        "execution/hold/add/",
        "execution/policyversion/add/",
    }
    known |= {"login/", "logout/", "jsi18n/", "password_change/done/"}
    found = {path for path in console_patterns() if "<" not in path and "export/" not in path and "^" not in path}
    assert sorted(found - known) == []


def test_it_offers_nobody_a_button_that_is_refused(at, waiting):
    """What a member may not do is not shown."""
    waiting()
    viewer = at(VIC)
    for path in sorted(PAGES):
        answer = viewer.get(path)
        if answer.status_code != 200:
            continue
        page = answer.content.decode()
        for refused in (
            "/hold/set/",
            "/hold/release/",
            "/export/",
            "policyversion/publish/",
            "membership/new/",
            "/import/",
        ):
            assert refused not in page, (path, refused)
