"""What the page of a request shows: the exact act, nothing hidden, and nothing of a stranger's text alive (55, 62)."""

import html as escaping
from base64 import b64encode

import pytest

from contacts.services import suppress
from execution import hold, propose
from execution.models import ExecutionRequest, Part
from execution.services.editing import edit_request
from tests.api.conftest import EMAIL
from tests.console.browsing import body_of, read_html

pytestmark = pytest.mark.django_db
PAGE = "execution/executionrequest/{}/"
XSS = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)>",
    "<svg><script href=data:,alert(1)></script></svg>",
    '"><script>alert(1)</script>',
    "'-alert(1)-'",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "<math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
    "<a href='javascript:alert(1)'>x</a>",
    "<div style='background:url(javascript:alert(1))'>x</div>",
    "<template x-data='alert(1)'></template>",
    "<div x-init='alert(1)' hx-get='//evil.example'>x</div>",
    "{{ constructor.constructor('alert(1)')() }}",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "<base href='//evil.example/'>",
    "<meta http-equiv=refresh content='0;url=//evil.example'>",
    "</textarea><script>alert(1)</script>",
    "<details open ontoggle=alert(1)>",
]
INERT_TAGS = {"script", "link", "meta", "base", "iframe", "object", "embed", "form", "svg", "math", "style", "template"}


def page_of(console, request) -> str:
    return console.text(PAGE.format(request.pk) + "change/")


def test_it_shows_the_envelope_whole(cast, rosa, waiting):
    payload = {
        **EMAIL,
        "cc": ["Chief <chief@example.org>"],
        "bcc": ["quiet@example.org"],
        "reply_to": "answers@example.org",
    }
    page = escaping.unescape(page_of(rosa, waiting(payload=payload)))
    for shown in ("bob@example.org", "Chief <chief@example.org>", "quiet@example.org", "answers@example.org"):
        assert shown in page


def test_it_shows_where_each_link_really_leads(rosa, waiting):
    markup = '<p><a href="https://example.org@evil.example/pay">https://example.org/pay</a></p>'
    found = waiting(payload={**EMAIL, "text": "See https://xn--80ak6aa92e.com/x", "html": markup})
    page = page_of(rosa, found)
    assert ">evil.example</strong>" in page
    assert ">xn--80ak6aa92e.com</strong>" in page


def test_it_makes_invisible_characters_visible_and_counts_them(rosa, account, waiting):
    found = waiting(payload={**EMAIL, "text": "Pay\u200b now \u202eevil"})
    page = page_of(rosa, found)
    assert "2 invisible characters" in page
    assert ">U+200B</mark>" in page
    assert ">U+202E</mark>" in page
    assert "\u202e" not in page


def test_it_shows_the_text_that_is_on_the_wire(rosa, account, waiting):
    found = waiting()
    page = escaping.unescape(page_of(rosa, found))
    assert EMAIL["text"] in page
    assert "1 Main Street, Springfield" in page  # the footer is added at the freeze, and is shown
    assert "List-Unsubscribe" in page


def test_it_lists_attachments_with_size_and_hash_and_hands_them_out_as_bytes(cast, rosa, account, waiting):
    content = b"<script>alert(1)</script>"
    file = {
        "filename": "page.html",
        "content_type": "text/html",
        "content_base64": b64encode(content).decode(),
    }
    found = waiting(payload={**EMAIL, "attachments": [file]})
    page = page_of(rosa, found)
    digest = found.payload["attachments"][0]["sha256"]
    assert "page.html" in page
    assert f"{len(content)} bytes" in page
    assert digest in page
    answer = rosa.get(PAGE.format(found.pk) + f"attachment/{digest}/")
    assert answer.content == content
    assert answer["Content-Type"] == "application/octet-stream"
    assert answer["Content-Disposition"].startswith("attachment")
    assert answer["X-Content-Type-Options"] == "nosniff"
    with cast.scope():
        other_part = Part.objects.exclude(sha256=digest).order_by("pk")[0]
    assert rosa.get(PAGE.format(found.pk) + f"attachment/{other_part.sha256}/").status_code == 404


def test_it_says_why_the_policy_sent_it_here(rosa, waiting):
    page = page_of(rosa, waiting())
    assert "Words that people outside will read." in page
    assert "No consent or other lawful basis is on record for the recipient." in page


def test_it_answers_whether_it_would_go_now(cast, rosa, account, waiting):
    assert "Yes, as soon as it is approved." in page_of(rosa, waiting())
    hold(scope="channel:email", reason="A calm day", actor=cast.omar, workspace=cast.workspace)
    assert "Approved, it would still not go" in page_of(rosa, waiting())


def test_it_shows_the_contact_with_consent_and_suppression(cast, rosa, waiting):
    found = waiting(contact=cast.alice.pk, to=None)
    page = page_of(rosa, found)
    assert "Alice Adams" in page
    assert ">Consent</span>" in page
    suppress(workspace=cast.workspace, actor=cast.ada, kind="email", address=cast.alice.email, reason="opt_out")
    assert "This address must not be written to" in page_of(rosa, found)


def test_it_shows_each_revision_with_its_difference(cast, rosa, waiting):
    found = waiting()
    edit_request(
        workspace=cast.workspace,
        actor=cast.ada,
        request_id=found.pk,
        payload={**EMAIL, "subject": "A calmer subject"},
        note="Calmer",
    )
    page = page_of(rosa, found)
    assert "Revision 2" in page
    assert "Calmer" in page
    assert "A calmer subject" in page
    assert EMAIL["subject"] in page


def test_it_tells_of_a_change_made_behind_it(cast, rosa, waiting):
    from django.db import connection

    found = waiting()
    rosa.post(PAGE.format(found.pk) + "decide/", {"verdict": "approve", "digest": found.digest})
    with connection.cursor() as cursor:
        cursor.execute('UPDATE execution_executionrequest SET "to" = %s WHERE id = %s', ["eve@example.org", found.pk])
    page = page_of(rosa, found)
    assert "No." in page


@pytest.mark.parametrize("payload", XSS)
def test_it_leaves_a_stranger_s_text_dead_wherever_it_is_shown(cast, owner, waiting, payload):
    """In subject, text, contact, plan, reason, note; on lists, pages and the pane: no tag of it is ever a tag."""
    contact = cast.bob
    found = waiting(
        payload={"subject": payload[:400], "text": payload, "html": payload},
        actor=cast.writer,
        contact=contact.pk,
        to=None,
    )
    with cast.scope():
        type(contact).objects.filter(pk=contact.pk).update(name=payload[:200], title=payload[:200], notes=payload)
        ExecutionRequest.objects.filter(pk=found.pk).update(
            summary=payload[:300], origin_label=payload[:200], last_error=payload, campaign_label=payload[:200]
        )
    paths = [
        "",
        "queue/?scope=all",
        f"queue/{found.pk}/",
        PAGE.format(found.pk) + "change/",
        "execution/executionrequest/",
        "contacts/contact/",
        f"contacts/contact/{contact.pk}/change/",
        f"contacts/contact/{contact.pk}/edit/",
    ]
    reference = {path: read_html(owner.text(path)) for path in paths}
    for path, reader in reference.items():
        assert not reader.inline_scripts, path
        for tag, attributes in reader.tags:
            events = [name for name in attributes if name.startswith("on")]
            assert not events, (path, tag, attributes)
            assert "evil.example" not in " ".join(attributes.values()).replace(escaping.escape(payload), "") or tag in (
                "input",
                "textarea",
                "a",
            ), (path, tag, attributes)
            assert not attributes.get("href", "").lower().startswith("javascript:"), (path, tag)
            assert "srcdoc" not in attributes, path
    preview = owner.get(PAGE.format(found.pk) + "preview/")
    reader = read_html(body_of(preview))
    tags = {tag for tag, _ in reader.tags} - {"meta", "style"}
    assert not tags & INERT_TAGS
    assert all(not name.startswith(("on", "x-", "hx-", "href")) for _, found_ in reader.tags for name in found_)


def test_it_shows_html_in_a_frame_that_can_do_nothing(rosa, waiting):
    markup = '<p style="color:red;background:url(https://t.example/x)">Hi<img src="https://t.example/p.gif"></p>'
    found = waiting(payload={**EMAIL, "html": markup})
    (frame,) = [attributes for tag, attributes in read_html(page_of(rosa, found)).tags if tag == "iframe"]
    assert frame["sandbox"] == ""
    answer = rosa.get(frame["src"])
    policy = answer["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "img-src data:" in policy
    assert "sandbox" in policy
    assert "script-src" not in policy
    assert "frame-ancestors 'self'" in policy
    assert answer["X-Frame-Options"] == "SAMEORIGIN"
    assert "t.example" not in body_of(answer)


# What one may do with it besides deciding


def act(console, request, name, **fields):
    return console.post(PAGE.format(request.pk) + "act/", {"act": name, **fields})


def status_of(cast, request) -> str:
    with cast.scope():
        return str(ExecutionRequest.objects.get(pk=request.pk).status)


def test_it_withdraws(cast, rosa, waiting):
    found = waiting()
    act(rosa, found, "cancel", reason="Not needed any more")
    assert status_of(cast, found) == "cancelled"


def test_it_edits_as_a_new_revision(cast, at, waiting):
    found = waiting()
    ada = at("ada")
    form = ada.text(PAGE.format(found.pk) + "edit/")
    assert EMAIL["subject"] in form
    data = {
        "digest": found.digest,
        "payload__subject": "A better subject",
        "payload__text": EMAIL["text"],
        "note": "Better",
    }
    assert ada.post(PAGE.format(found.pk) + "edit/", data).status_code == 302
    with cast.scope():
        after = ExecutionRequest.objects.get(pk=found.pk)
        assert (after.revision, after.payload["subject"], after.status) == (2, "A better subject", "pending")
        assert after.current is not None
        assert after.current.author_id == cast.ada.principal_id


def test_it_shows_what_is_wrong_with_an_edit_at_its_field(cast, at, waiting):
    found = waiting()
    data = {"digest": found.digest, "payload__subject": "Fine", "payload__text": "Hi", "payload__cc": "not-an-address"}
    answer = at("ada").post(PAGE.format(found.pk) + "edit/", data)
    assert answer.status_code == 400
    assert "not an email address" in answer.content.decode()
    with cast.scope():
        assert ExecutionRequest.objects.get(pk=found.pk).revision == 1


def test_it_refuses_an_edit_of_what_somebody_changed_meanwhile(cast, at, waiting):
    found = waiting()
    edit_request(workspace=cast.workspace, actor=cast.rosa, request_id=found.pk, payload={**EMAIL, "subject": "Hers"})
    data = {"digest": found.digest, "payload__subject": "His", "payload__text": "Hi"}
    answer = at("ada").post(PAGE.format(found.pk) + "edit/", data)
    assert answer.status_code == 400
    with cast.scope():
        assert ExecutionRequest.objects.get(pk=found.pk).payload["subject"] == "Hers"


@pytest.mark.parametrize("name", ["run", "retry", "resolve", "undo", "reseal"])
def test_it_refuses_what_is_not_on_offer(cast, at, waiting, name):
    found = waiting()
    assert act(at("vic"), found, name).status_code == 403
    assert status_of(cast, found) == "pending"


def test_it_takes_an_approval_back_inside_the_undo_window(cast, rosa, owner, waiting):
    owner.post("settings/", {"key": "undo_seconds.email", "value": "600"})
    found = waiting()
    rosa.post(PAGE.format(found.pk) + "decide/", {"verdict": "approve", "digest": found.digest})
    page = page_of(rosa, found)
    assert "data-countdown=" in page
    act(rosa, found, "undo")
    assert status_of(cast, found) == "pending"


def test_it_settles_an_uncertain_one_only_with_a_reason(cast, rosa, waiting):
    found = waiting()
    with cast.scope():
        ExecutionRequest.objects.filter(pk=found.pk).update(status="uncertain")
    assert "Did it happen?" in page_of(rosa, found)
    act(rosa, found, "resolve", outcome="was_sent", reason="")
    assert status_of(cast, found) == "uncertain"
    act(rosa, found, "resolve", outcome="was_sent", reason="It is in the recipient's inbox.")
    assert status_of(cast, found) == "succeeded"


def test_it_runs_now(cast, rosa, waiting):
    found = waiting()
    rosa.post(PAGE.format(found.pk) + "decide/", {"verdict": "approve", "digest": found.digest})
    answer = rosa.get(PAGE.format(found.pk) + "change/")
    assert b"Run now" in answer.content


@pytest.mark.parametrize(
    ("channel", "payload", "to"),
    [
        ("sms", {"text": "Hello there"}, "+12025550123"),
        ("social", {"network": "mastodon", "text": "Hello world"}, None),
        ("webhook", {"url": "https://example.org/hook", "method": "POST", "json": {"a": [1, 2]}}, None),
        ("mcp", {"server": "crm", "tool": "update", "arguments": {"id": 7}}, None),
    ],
)
def test_it_shows_and_edits_any_channel_field_by_field(cast, rosa, channel, payload, to):
    found = propose(workspace=cast.workspace, actor=cast.crm, channel=channel, payload=payload, to=to)
    page = escaping.unescape(page_of(rosa, found))
    for value in payload.values():
        if isinstance(value, str):
            assert value in page
    assert rosa.get(PAGE.format(found.pk) + "edit/").status_code == 200
