"""Audit entries as sentences a person reads."""

import re

from workspaces import audit
from workspaces.models import AuditEntry

_COUNTED = re.compile(r"\b(\d+) ([a-z]+?)(?:\(s\)|s\b)")
_COUNTABLE = frozenset({"request", "contact", "row", "suppression", "draft", "task", "organisation"})


def sentence(entry: AuditEntry) -> str:
    """The entry in words, with its nouns in the right number. `entry.actor` should be loaded."""
    words = audit.sentence_for(
        action=entry.action, actor=entry.actor.label, count=len(entry.subjects) or 1, data=entry.data
    )
    return _COUNTED.sub(_in_number, words)


def _in_number(found: re.Match[str]) -> str:
    number, noun = found.groups()
    if noun not in _COUNTABLE:
        return found.group(0)
    return f"1 {noun}" if number == "1" else f"{int(number):,} {noun}s"
