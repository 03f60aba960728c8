"""What a reader cannot see in a text, and where its links really lead. Pure functions, for ingest and for the console.

Text that a model or a stranger wrote may carry instructions or tracking marks in characters that no font shows
(OWASP LLM Top 10 2026, LLM01), or put on a different order of reading (Unicode TR36 section 2.1).
"""

import re
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

import idna

BIDI_CONTROLS = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
_INVISIBLE = re.compile(
    "["
    "\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f"  # soft hyphen, joiners and fillers of several scripts
    "\u200b-\u200d\u2060-\u2064\u206a-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb"  # zero width, word joiner, BOM
    f"{BIDI_CONTROLS}"
    "\ufe00-\ufe0f\U000e0000-\U000e01ef"  # variation selectors and tags: whole messages fit into them
    "]"
)
_FLAGS = (
    "\U0001f3f4" + "".join(chr(0xE0000 + ord(c)) for c in name) + "\U000e007f" for name in ("gbeng", "gbsct", "gbwls")
)
_SYMBOL = (
    "[\u00a9\u00ae\u203c\u2049\u2122\u2139\u2194-\u21aa\u231a-\u23ff\u24c2\u25aa-\u25fe\u2600-\u27bf"
    "\u2934\u2935\u2b05-\u2b55\u3030\u303d\u3297\u3299\U0001f000-\U0001faff]"
)
_SKIN = "[\U0001f3fb-\U0001f3ff]"
_EMOJI = re.compile(
    "|".join(_FLAGS) + f"|[0-9#*]\ufe0f\u20e3|{_SYMBOL}[\ufe0e\ufe0f]?{_SKIN}?(?:\u200d{_SYMBOL}\ufe0f?{_SKIN}?)*"
)
# Scripts whose spelling needs a (non-)joiner between two letters (RFC 5892 appendix A): Arabic to Thaana, those of
# India and Sri Lanka, Khmer, Mongolian.
_JOINING = "[\u0620-\u07bf\u08a0-\u08ff\u0900-\u0dff\u1780-\u17b3\u17b6-\u17dd\u1820-\u18aa]"
_JOINED = re.compile(f"(?<={_JOINING})[\u200c\u200d](?={_JOINING})")


@dataclass(frozen=True, slots=True)
class Invisible:
    """One character that is not shown: its place in the text (from 0) and its code point, as `U+200B`."""

    index: int
    code_point: str


class Link(NamedTuple):
    """A link: the words that carry it, its address as written, and the host it really leads to, in ASCII.

    `host` is empty for what has none (`javascript:`, a relative address); for `mailto:` it is the address's domain.
    """

    text: str
    url: str
    host: str


def invisible_characters(text: str) -> list[Invisible]:
    """The characters of `text` that no reader sees or that reorder what they see, in order.

    Not reported, because they change what is shown: variation selectors and joiners inside an emoji, the tags of the
    flags of England, Scotland and Wales, and one (non-)joiner between two letters of a script that is spelt with it.
    """
    if text.isascii():
        return []
    allowed = {at for found in _EMOJI.finditer(text) for at in range(*found.span())}
    allowed |= {found.start() for found in _JOINED.finditer(text)}
    return [
        Invisible(found.start(), f"U+{ord(found[0]):04X}")
        for found in _INVISIBLE.finditer(text)
        if found.start() not in allowed
    ]


def strip_invisible(text: str) -> str:
    """`text` without what `invisible_characters` reports. Applying it twice changes nothing more."""
    while hidden := {found.index for found in invisible_characters(text)}:
        text = "".join(character for index, character in enumerate(text) if index not in hidden)
    return text


_BARE_URL = re.compile(r"(?:\b[a-z][a-z0-9+.-]{1,20}://|\bwww\.|\bmailto:)[^\s<>\"'`]+", re.IGNORECASE)
_TRAILING = ".,;:!?)]}*_"
_WEB_SCHEMES = ("http", "https", "ws", "wss", "ftp")
_URL_ATTRIBUTES = frozenset(
    {"href", "src", "action", "formaction", "background", "poster", "cite", "data", "xlink:href"}
)
_VOID = frozenset({"img", "area", "base", "link", "input", "source", "embed", "track"})


def links(text: str, html: str | None) -> list[Link]:
    """Every link of a plain text and of an HTML body, in order, with the host a browser would go to."""
    found = []
    for match in _BARE_URL.finditer(text):
        url = match[0].rstrip(_TRAILING)
        target = f"http://{url}" if url.lower().startswith("www.") else url
        found.append(Link(url, url, real_host(target)))
    if html:
        reader = _LinkReader()
        reader.feed(html)
        reader.close()
        found += reader.found()
    return found


def real_host(url: str) -> str:
    """The host that a browser goes to for `url` (WHATWG URL, section 4.4), in ASCII and lower case, or "".

    Follows a browser where it differs from RFC 3986: tabs and line breaks vanish, a backslash is a slash, any number
    of slashes may follow the scheme, and what stands before an @ is a user name, however much it looks like a host.
    """
    url = re.sub(r"[\t\r\n]", "", url.strip("".join(map(chr, range(0x21)))))
    scheme, colon, rest = url.partition(":")
    scheme = scheme.lower()
    if not colon or not re.fullmatch(r"[a-z][a-z0-9+.-]*", scheme):
        if not re.match(r"[/\\]{2}", url):
            return ""
        scheme, rest = "https", url
    if scheme == "mailto":
        return _ascii_host(unquote(rest.partition("?")[0]).rpartition("@")[2])
    if scheme in _WEB_SCHEMES:
        authority = re.split(r"[/?#]", rest.replace("\\", "/").lstrip("/"), maxsplit=1)[0]
        host = authority.rpartition("@")[2]
        end = host.find("]") + 1 if host.startswith("[") else host.find(":")
        return _ascii_host(unquote(host[:end] if end > 0 else host))
    try:
        return _ascii_host(urlsplit(url).hostname or "")
    except ValueError:
        return ""


def _ascii_host(host: str) -> str:
    host = host.strip().lower().rstrip(".")
    if host.isascii():
        return host
    try:
        return idna.encode(host, uts46=True, transitional=False).decode("ascii")
    except idna.IDNAError:
        return host.encode("ascii", "backslashreplace").decode("ascii")


class _LinkReader(HTMLParser):
    """Collects the addresses in an HTML body. It has to see what a lenient browser sees, so nothing is skipped."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._base = ""
        self._entries: list[tuple[list[str], str]] = []
        self._open: list[list[str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self._open.clear()  # anchors do not nest: a second one ends the first (HTML 13.2.6.4.7)
        for name, value in attrs:
            if name not in _URL_ATTRIBUTES or not value:
                continue
            words: list[str] = []
            if tag == "base":
                self._base = self._base or value
            elif tag == "a" or tag not in _VOID:
                self._open.append(words)
            else:
                words += [f"<{tag}>", *(text for key, text in attrs if key == "alt" and text)]
            self._entries.append((words, value))

    def handle_endtag(self, tag: str) -> None:
        if tag == "a":
            self._open.clear()

    def handle_data(self, data: str) -> None:
        for words in self._open:
            words.append(data)

    def found(self) -> list[Link]:
        base_host = real_host(self._base)
        return [
            Link(
                " ".join("".join(words).split()),
                url.strip(),
                real_host(url) or (base_host if _is_relative(url) else ""),
            )
            for words, url in self._entries
        ]


def _is_relative(url: str) -> bool:
    return not re.match(r"\s*[A-Za-z][A-Za-z0-9+.-]*:", url)
