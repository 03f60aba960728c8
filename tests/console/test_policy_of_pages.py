"""What a page may load and run: the strict policy on our own pages, unfold's one addition on its pages (55)."""

import pytest
from django.contrib import admin

from tests.console.browsing import read_html

pytestmark = pytest.mark.django_db

OURS = [
    "",
    "queue/",
    "settings/",
    "retention/",
    "execution/hold/set/",
    "execution/policyversion/publish/",
    "contacts/contact/import/",
    "workspaces/membership/new/",
    "workspaces/token/new/",
    "password_change/",
]


def lists() -> list[str]:
    return sorted(f"{model._meta.app_label}/{model._meta.model_name}/" for model in admin.site._registry)


def directives(answer) -> dict[str, str]:
    parts = [part.strip() for part in answer["Content-Security-Policy"].split(";")]
    return {part.split(" ")[0]: part.partition(" ")[2] for part in parts if part}


@pytest.mark.parametrize("path", OURS)
def test_our_pages_run_nothing_but_our_own_files(owner, path):
    answer = owner.get(path)
    policy = directives(answer)
    assert policy["script-src"] == "'self'"
    assert policy["style-src"] == "'self'"
    assert policy["default-src"] == "'none'"
    assert policy["frame-ancestors"] == "'none'"
    reader = read_html(answer.content.decode())
    assert reader.inline_scripts == []
    for tag, attributes in reader.tags:
        assert tag != "style"
        assert "style" not in attributes, (tag, attributes)
        assert not [name for name in attributes if name.startswith(("on", "x-", "@", ":", "hx-"))], (tag, attributes)
        for name in ("src", "href", "action"):
            assert not attributes.get(name, "").startswith(("http:", "https:", "//")), (tag, attributes)


def test_the_pages_of_a_request_and_a_plan_are_ours(cast, rosa, waiting):
    found = waiting()
    for path in (f"execution/executionrequest/{found.pk}/change/", f"queue/{found.pk}/"):
        assert directives(rosa.get(path))["script-src"] == "'self'"


@pytest.mark.parametrize("path", lists())
def test_unfold_s_pages_get_eval_and_no_inline_script(owner, path):
    answer = owner.get(path)
    assert directives(answer)["script-src"] == "'self' 'unsafe-eval'"
    reader = read_html(answer.content.decode())
    assert reader.inline_scripts == []
    for tag, attributes in reader.tags:
        assert not [name for name in attributes if name.startswith("on")], (tag, attributes)
        assert not attributes.get("src", "").startswith(("http:", "https:", "//")), (tag, attributes)


def test_the_login_is_ours_too(client):
    answer = client.get("/admin/login/")
    assert directives(answer)["script-src"] == "'self'"
    assert read_html(answer.content.decode()).inline_scripts == []


@pytest.mark.parametrize("path", ["", "queue/", "execution/executionrequest/", "contacts/contact/add/"])
def test_every_field_has_a_name_for_who_cannot_see_it(owner, waiting, path):
    waiting()
    reader = read_html(owner.text(path))
    labelled = {attributes.get("for") for tag, attributes in reader.tags if tag == "label"}
    stack: list[str] = []
    for tag, attributes in reader.tags:
        stack.append(tag)
        if tag not in ("input", "select", "textarea") or attributes.get("type") in ("hidden", "submit"):
            continue
        named = {"aria-label", "aria-labelledby", "title", "placeholder"} & set(attributes)
        inside_label = "label" in stack[-4:]
        assert named or inside_label or attributes.get("id") in labelled, attributes


def test_each_page_says_its_mode_and_offers_the_kill_switch(owner):
    for path in (*OURS, *lists()):
        page = owner.text(path)
        assert 'class="cs-mode cs-mode--live"' in page, path
        assert "/execution/hold/set/" in page, path
