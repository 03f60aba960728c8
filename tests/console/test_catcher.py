"""The demo's mail catcher: each workspace sees what its own requests sent, and nothing of it is alive."""

import pytest

from execution.catcher import store_message
from tests.console.browsing import body_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def caught(settings, tmp_path):
    """Puts a message into the catcher that looks as if `request_id` had sent it."""
    settings.MAIL_CATCHER_PORT = 2525
    settings.MAIL_CATCHER_DIR = tmp_path

    def store(request_id, subject="Hello", body="Hi there", kind="plain"):
        content = (
            f"Message-ID: <{request_id}@example.org>\r\nSubject: {subject}\r\nFrom: a@example.org\r\n"
            f"Content-Type: text/{kind}; charset=utf-8\r\n\r\n{body}\r\n"
        )
        return store_message(envelope_from="a@example.org", envelope_to=["b@example.org"], content=content.encode())

    return store


def test_it_shows_this_workspace_s_messages_alone(cast, rosa, waiting, theirs, caught):
    mine = caught(waiting().pk, subject="Mine")
    other = caught(theirs["request_id"], subject="Theirs")
    nobody = caught("00000000-0000-0000-0000-000000000000", subject="Nobody's")
    page = rosa.text("catcher/")
    assert "Mine" in page
    assert "Theirs" not in page
    assert "Nobody" not in page
    assert "Hi there" in rosa.text(f"catcher/{mine}/")
    for name in (other, nobody, "nonsense", "..%2f..%2fetc%2fpasswd"):
        assert rosa.get(f"catcher/{name}/").status_code == 404
        assert rosa.get(f"catcher/{name}/preview/").status_code == 404


def test_it_shows_html_in_a_frame_that_can_do_nothing(rosa, waiting, caught):
    name = caught(waiting().pk, body="<p>Hi<script>alert(1)</script><img src=//t.example/x></p>", kind="html")
    assert 'sandbox=""' in rosa.text(f"catcher/{name}/")
    answer = rosa.get(f"catcher/{name}/preview/")
    text = body_of(answer)
    assert "<script" not in text
    assert "t.example" not in text
    assert "default-src 'none'" in answer["Content-Security-Policy"]


def test_it_is_not_there_where_mail_goes_out_for_real(rosa, waiting, caught, settings):
    caught(waiting().pk)
    settings.MAIL_CATCHER_PORT = 0
    assert rosa.get("catcher/").status_code == 404
    assert "/catcher/" not in rosa.text("")


def test_it_has_a_friendly_word_while_it_is_empty(rosa, caught):
    assert "Nothing caught yet" in rosa.text("catcher/")
