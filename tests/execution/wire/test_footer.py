"""The way out (RFC 8058, RFC 2369) and the sender's postal address, in the header and before the reader's eyes."""

import pytest

from tests.execution.wire.reading import body, built, parsed

URL = "https://example.org/u/abc?x=1&y=2"
ADDRESS = "Clean Grid <Coalition>\n1 Main St\nSpringfield"


def test_it_sets_both_fields_of_one_click_unsubscribe() -> None:
    message = parsed(built(unsubscribe_url=URL, unsubscribe_mailto="u@example.org"))
    assert message["list-unsubscribe"] == f"<{URL}>, <mailto:u@example.org>"
    assert message["list-unsubscribe-post"] == "List-Unsubscribe=One-Click"


def test_it_does_not_promise_one_click_without_an_address_to_post_to() -> None:
    message = parsed(built(unsubscribe_mailto="u@example.org"))
    assert message["list-unsubscribe"] == "<mailto:u@example.org>"
    assert message["list-unsubscribe-post"] is None


def test_a_mail_without_any_has_no_footer_and_no_field() -> None:
    message = parsed(built({"text": "only this", "html": "<p>only this</p>"}))
    assert message["list-unsubscribe"] is None
    assert body(message, "plain") == "only this"
    assert body(message, "html") == "<p>only this</p>"


def test_the_text_ends_in_the_address_and_the_link() -> None:
    message = parsed(built({"text": "Dear all"}, unsubscribe_url=URL, postal_address=ADDRESS))
    assert body(message, "plain") == f"Dear all\n\n{ADDRESS}\n\nUnsubscribe: {URL}"


@pytest.mark.parametrize(
    ("html", "before"),
    [
        ("<html><body><p>x</p></body></html>", "</body></html>"),
        ("<HTML><BODY><p>x</p></BODY ></HTML>", "</BODY ></HTML>"),
        ("<html><p>x</p></html>", "</html>"),
        ("<html><body>x<!-- </body> --></body></html>", "</body></html>"),
        ("<p>x</p>", ""),
        ("<p>x</p><!-- y -->", ""),
    ],
)
def test_the_html_shows_them_before_its_end(html: str, before: str) -> None:
    shown = body(parsed(built({"html": html}, unsubscribe_url=URL, postal_address=ADDRESS)), "html")
    start = shown.index("<p style=")
    end = shown.index("</p>", start) + 4
    assert shown[end:].strip() == before
    assert shown[:start].strip() == html.removesuffix(before)
    assert "Clean Grid &lt;Coalition&gt;<br>\n1 Main St<br>\nSpringfield" in shown
    assert '<a href="https://example.org/u/abc?x=1&amp;y=2">Unsubscribe</a>' in shown


def test_a_comment_left_open_does_not_swallow_the_footer() -> None:
    shown = body(parsed(built({"html": "<p>x</p><!-- </body>"}, unsubscribe_url=URL)), "html")
    assert shown.startswith("<p>x</p><!-- </body>-->\n<p style=")
