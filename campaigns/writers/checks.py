"""What an approver is told about words before reading them: blanks left open, and what no source accounts for."""

import re
from collections.abc import Mapping

from campaigns.writers.base import Prospect
from execution.channels.text import invisible_characters, strip_invisible

_PLACEHOLDER = re.compile(
    r"\[(?:your|insert|name|recipient|date|organisation|organization|title|link|x+)\b[^\]\n]*\]|\{\{|\{%|<insert", re.I
)
_ADDRESS = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_LINK = re.compile(r"(?:https?://|www\.)[^\s<>\"')\]]+", re.I)
_NUMBER = re.compile(r"(?<![\w.])[$€£]?\d[\d.,]*\d%?|(?<![\w.])[$€£]\d|(?<![\w.])\d%")


def clean(text: str) -> tuple[str, int]:
    """`text` without the characters no reader sees, and how many those were."""
    return strip_invisible(text), len(invisible_characters(text))


def hidden_notes(*, prospect: Prospect, answer: int = 0) -> list[str]:
    """What an approver is told of invisible characters, in what was read and in what a model answered."""
    notes = []
    if prospect.hidden:
        notes.append(f"{prospect.hidden} characters that no reader sees were taken out of what {prospect.source} says.")
    if answer:
        notes.append(f"{answer} characters that no reader sees were taken out of the model's answer.")
    return notes


def flags(*, subject: str, text: str, brief: Mapping[str, str], prospect: Mapping[str, str]) -> list[str]:
    """What in an email nobody vouches for, in words for its approver.

    brief, prospect: the fields that were given. A number may come from either. A link or an address must come from the
    brief: a prospect's fields are a stranger's words, and a link is what a stranger would like to have sent around.
    """
    words = f"{subject}\n{text}"
    ours = "\n".join(brief.values()).lower()
    given = "\n".join([ours, *prospect.values()]).lower()
    found = []
    for blank in _each(_PLACEHOLDER, words):
        found.append(f"A blank was left open: {blank[:60]}")
    for address in _each(_ADDRESS, words):
        if address.lower() not in ours:
            found.append(f"Names an address that the brief does not give: {address[:120]}")
    rest = _ADDRESS.sub(" ", words)
    for link in _each(_LINK, rest):
        if link.lower() not in ours:
            found.append(f"Links to where the brief does not: {link[:200]}")
    rest = _LINK.sub(" ", rest)
    for number in _each(_NUMBER, rest):
        if number.lower() not in given:
            found.append(f"States a number that no source gave: {number[:40]}")
    return found


def _each(pattern: re.Pattern[str], text: str) -> list[str]:
    return list(dict.fromkeys(match[0].rstrip(".,;:!?") for match in pattern.finditer(text)))
