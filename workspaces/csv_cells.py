"""Cells of a CSV file that a spreadsheet will open: a stranger's text must not become a formula there.

A spreadsheet takes a cell that begins with one of `= + - @`, a tab or a line break for a formula (OWASP, CSV
injection; ASVS 5.0, 1.2.10). Such a cell gets an apostrophe in front, which a spreadsheet shows as plain text. Reading
takes it away again, so what is exported and imported comes back the same, text that begins with apostrophes included.
"""

import re

_RISKY = re.compile(r"'*\s*[=+\-@\t\r\n＝＋－＠]")


def inert_cell(value: object) -> str:
    """`value` as the text of a cell that no spreadsheet computes; None is the empty cell."""
    text = "" if value is None else str(value)
    return "'" + text if _RISKY.match(text) else text


def read_cell(text: str) -> str:
    """What `inert_cell` was given."""
    return text[1:] if text.startswith("'") and _RISKY.match(text) else text
