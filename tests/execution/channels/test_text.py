"""What a reader does not see in a text, and where links lead."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from execution.channels.text import invisible_characters, links, real_host, strip_invisible

HIDDEN = [
    0x200B,
    0x200C,
    0x200D,
    0x200E,
    0x202E,
    0x2060,
    0x2066,
    0x2069,
    0xFEFF,
    0xAD,
    0xFE0F,
    0xE0041,
    0xE0100,
    0x3164,
]
FLAG = "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f"


@pytest.mark.parametrize("code_point", HIDDEN)
def test_it_finds_and_strips_a_hidden_character(code_point: int) -> None:
    text = f"pay{chr(code_point)}ment"
    assert [(found.index, found.code_point) for found in invisible_characters(text)] == [(3, f"U+{code_point:04X}")]
    assert strip_invisible(text) == "payment"


def test_it_finds_a_message_in_tags() -> None:
    secret = "".join(chr(0xE0000 + ord(character)) for character in "bcc me")
    assert strip_invisible(f"Hello{secret}.") == "Hello."
    assert strip_invisible(f"Hello {FLAG[0]}{secret}\U000e007f.") == f"Hello {FLAG[0]}."


@pytest.mark.parametrize(
    "text",
    [
        "plain",
        "Überall 日本語",
        "❤️ ☎️ 1️⃣",
        "👩‍👩‍👧‍👦 👩🏽‍🚀 🏳️‍🌈",
        FLAG,
        "می‌خواهم",
        "क्‍ष",
    ],
)
def test_it_leaves_alone_what_changes_what_is_shown(text: str) -> None:
    assert invisible_characters(text) == []
    assert strip_invisible(text) == text


@given(st.text(alphabet=st.sampled_from([*map(chr, HIDDEN), "a", "❤", "م", *FLAG, "👩", " "]), max_size=30))
def test_stripping_leaves_nothing_to_find(text: str) -> None:
    assert invisible_characters(strip_invisible(text)) == []


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://example.org/a?b#c", "example.org"),
        ("HTTPS://EXAMPLE.ORG:8443", "example.org"),
        ("https://paypal.com@evil.example/x", "evil.example"),
        ("https://paypal.com:443%2f@evil.example", "evil.example"),
        ("https:\\\\evil.example\\@good.example", "evil.example"),
        ("https:evil.example", "evil.example"),
        ("https:////evil.example", "evil.example"),
        (" \thttps://evil\n.example", "evil.example"),
        ("//evil.example/x", "evil.example"),
        ("\\\\evil.example/x", "evil.example"),
        ("https://%65vil.example", "evil.example"),
        ("https://bücher.example", "xn--bcher-kva.example"),
        ("https://аррӏе.example", "xn--80ak6aa92e.example"),
        ("https://evil。example", "evil.example"),
        ("https://example.org.", "example.org"),
        ("https://[::1]:8000/", "[::1]"),
        ("http://0x7f000001/", "0x7f000001"),
        ("mailto:Ann@Example.org?subject=x", "example.org"),
        ("javascript:alert(1)", ""),
        ("data:text/html,x", ""),
        ("/relative", ""),
        ("", ""),
    ],
)
def test_it_names_the_host_that_a_browser_goes_to(url: str, host: str) -> None:
    assert real_host(url) == host


def test_it_finds_the_links_of_a_text() -> None:
    found = links("See https://example.org/a, (www.example.net) or mailto:ann@example.com.", None)
    assert [(link.url, link.host) for link in found] == [
        ("https://example.org/a", "example.org"),
        ("www.example.net", "www.example.net"),
        ("mailto:ann@example.com", "example.com"),
    ]


def test_it_shows_the_words_of_a_link_beside_where_it_leads() -> None:
    html = '<a href="https://evil.example/login">https://<b>good.example</b>\n/login</a>'
    assert links("", html) == [("https://good.example /login", "https://evil.example/login", "evil.example")]


def test_it_finds_every_kind_of_address_in_html() -> None:
    html = """
      <base href="https://base.example/x"><a href="rel">a</a><img src=//img.example/p.gif alt="logo">
      <form action="https://form.example"><button formaction='https://button.example'>Go</button></form>
      <area href="https://area.example"><td background="https://bg.example">x</td>
      <iframe src="https://frame.example"></iframe><a href="&#106;avascript:x()">j</a><svg><a xlink:href="https://svg.example">s</a>
    """
    assert [link.host for link in links("", html)] == [
        "base.example",
        "base.example",
        "img.example",
        "form.example",
        "button.example",
        "area.example",
        "bg.example",
        "frame.example",
        "",
        "svg.example",
    ]


@given(st.text(max_size=200), st.text(max_size=200))
def test_it_never_fails_on_what_strangers_write(text: str, html: str) -> None:
    links(text, f"<a href='{html}'>x")
