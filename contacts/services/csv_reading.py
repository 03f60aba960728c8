"""Reading a CSV file that somebody uploads: its encoding, its separator, its header, within bounds."""

import csv
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, count

from workspaces.csv_cells import read_cell
from workspaces.errors import InvalidInput

MAX_BYTES = 10 * 1024 * 1024
MAX_ROWS = 50_000
MAX_COLUMNS = 100
MAX_CELL = 20_000  # characters
_MAX_LINE = 500_000
_MAX_ERRORS = 100
_ARCHIVES = (b"PK\x03\x04", b"\x1f\x8b", b"BZh", b"\xd0\xcf\x11\xe0", b"7z\xbc\xaf", b"%PDF")

NETWORKS = ("bluesky", "facebook", "instagram", "linkedin", "mastodon", "threads", "tiktok", "x", "youtube")
FIELDS = (
    "name",
    "first_name",
    "last_name",
    "kind",
    "title",
    "organisation",
    "email",
    "phone",
    "time_zone",
    "tags",
    "handles",
    "notes",
    *NETWORKS,
)
_WORDS: dict[str, str] = {
    "full name": "name",
    "contact": "name",
    "contact name": "name",
    "given name": "first_name",
    "surname": "last_name",
    "family name": "last_name",
    "type": "kind",
    "role": "title",
    "position": "title",
    "job title": "title",
    "organization": "organisation",
    "company": "organisation",
    "office": "organisation",
    "outlet": "organisation",
    "mail": "email",
    "e mail": "email",
    "email address": "email",
    "e mail address": "email",
    "telephone": "phone",
    "tel": "phone",
    "mobile": "phone",
    "phone number": "phone",
    "timezone": "time_zone",
    "tag": "tags",
    "note": "notes",
    "comments": "notes",
    "twitter": "x",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """A CSV file as read. rows: (number in the file, field -> text), the header being row 1; ignored: other headers."""

    encoding: str
    fields: tuple[str, ...]
    ignored: tuple[str, ...]
    rows: list[tuple[int, dict[str, str]]]


def read_sheet(*, data: bytes, mapping: Mapping[str, str] | None = None) -> Sheet:
    """Read a CSV file in UTF-8 (with or without its mark), UTF-16 with its mark, or Windows-1252.

    mapping: header -> one of FIELDS, or "" to leave a column out; where it is None the usual headers are recognised.
    Raises InvalidInput that says what is wrong and in which row, before much memory is spent.
    """
    encoding, header, records = _open(data)
    columns = _columns(header, mapping)
    rows = list(_rows(records, columns=columns, width=len(header)))
    if not rows:
        raise _refused("The file has a header and no rows.")
    return Sheet(
        encoding=encoding,
        fields=tuple(dict.fromkeys(name for name in columns if name)),
        ignored=tuple(title for title, name in zip(header, columns, strict=True) if not name),
        rows=rows,
    )


def read_table(*, data: bytes) -> list[tuple[int, dict[str, str]]]:
    """Read a CSV file keeping every column: a usual header under its field's name, another as `committee_work`.

    Returns (number in the file, column -> text) for each row that is not empty. Raises InvalidInput as `read_sheet`.
    """
    _, header, records = _open(data)
    columns = [_recognised(title) or re.sub(r"\W+", "_", title.casefold()).strip("_") for title in header]
    rows = list(_rows(records, columns=columns, width=len(header)))
    if not rows:
        raise _refused("The file has a header and no rows.")
    return rows


def _open(data: bytes) -> tuple[str, list[str], Iterator[tuple[int, list[str]]]]:
    if len(data) > MAX_BYTES:
        raise _refused(f"The file has {len(data):,} bytes; {MAX_BYTES:,} at most. Split it.")
    if data.startswith(_ARCHIVES):
        raise _refused("This is an archive, a workbook or a PDF. Save the sheet as CSV and upload that.")
    text, encoding = _decode(data)
    if "\x00" in text:
        raise _refused("The file holds NUL characters, so it is not a CSV file.")
    lines = _lines(text)
    first = next(lines, "")
    separator = _separator(first)
    records = _records(chain([first], lines), separator=separator)
    _, cells = next(records, (1, []))
    header = [cell.strip() for cell in cells]
    if not any(header):
        raise _refused("The first row is empty; it must name the columns.")
    if len(header) > MAX_COLUMNS:
        raise _refused(f"The header has {len(header):,} columns; {MAX_COLUMNS} at most.")
    return encoding, header, records


def errors_by_row(problems: Mapping[tuple[int, str], str]) -> InvalidInput:
    """What is wrong, keyed `row 7, email`; the first hundred of them."""
    ordered = sorted(problems.items())
    fields = {f"row {row}, {name}" if name else f"row {row}": text for (row, name), text in ordered[:_MAX_ERRORS]}
    told = "; ".join(f"{place}: {text}" for place, text in list(fields.items())[:3])
    count = len(ordered)
    more = f" ({count - 3} more)" if count > 3 else ""
    return InvalidInput(f"Nothing was imported. {told}{more}", fields=fields)


def _refused(detail: str) -> InvalidInput:
    return InvalidInput(detail, fields={"file": detail})


def _decode(data: bytes) -> tuple[str, str]:
    encodings = ["utf-16"] if data.startswith((b"\xff\xfe", b"\xfe\xff")) else ["utf-8-sig", "cp1252"]
    for encoding in encodings:
        try:
            return data.decode(encoding), encoding
        except UnicodeDecodeError:
            continue
    raise _refused("The file is neither UTF-8 nor Windows-1252 text. Save it as “CSV UTF-8”.")


def _lines(text: str) -> Iterator[str]:
    # Not splitlines: it also splits at characters that may stand inside a cell (U+2028, form feed).
    for found in re.finditer(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+", text):
        yield found.group()


def _separator(line: str) -> str:
    return max(",;\t|", key=line.count)


def _columns(header: list[str], mapping: Mapping[str, str] | None) -> list[str]:
    if mapping is not None:
        wrong = {
            title: "There is no such column." if title not in header else f"One of {', '.join(FIELDS)}."
            for title, name in mapping.items()
            if title not in header or (name and name not in FIELDS)
        }
        if wrong:
            raise InvalidInput("The columns cannot be assigned like this.", fields=wrong)
        columns = [mapping.get(title, "") for title in header]
    else:
        columns = [_recognised(title) for title in header]
    named = [name for name in columns if name]
    twice = sorted({name for name in named if named.count(name) > 1})
    if twice:
        raise _refused(f"Two columns are both taken for {twice[0]}. Rename or assign one.")
    if not named:
        raise _refused("No column is recognised. The first row must name them: name, email, phone, organisation ...")
    return columns


def _recognised(title: str) -> str:
    words = re.sub(r"[\s_/-]+", " ", title.strip().casefold())
    name = words.replace(" ", "_")
    return name if name in FIELDS else _WORDS.get(words, "")


def _records(lines: Iterator[str], *, separator: str) -> Iterator[tuple[int, list[str]]]:
    """The records with their numbers, the header being 1."""
    reader = csv.reader(_bounded(lines), delimiter=separator, strict=True)
    for number in count(1):
        try:
            yield number, next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise errors_by_row({(number, ""): f"it cannot be read ({error})"}) from error


def _bounded(lines: Iterator[str]) -> Iterator[str]:
    for line in lines:
        if len(line) > _MAX_LINE:
            raise csv.Error(f"a line of more than {_MAX_LINE:,} characters")
        yield line


def _rows(
    records: Iterator[tuple[int, list[str]]], *, columns: list[str], width: int
) -> Iterator[tuple[int, dict[str, str]]]:
    for number, cells in records:
        if not any(cell.strip() for cell in cells):
            continue
        if number > MAX_ROWS + 1:
            raise _refused(f"The file has more than {MAX_ROWS:,} rows. Split it.")
        if len(cells) > width:
            raise errors_by_row({(number, ""): f"it has {len(cells)} cells, the header {width}"})
        if any(len(cell) > MAX_CELL for cell in cells):
            raise errors_by_row({(number, ""): f"a cell has more than {MAX_CELL:,} characters"})
        row = {name: read_cell(cell.strip()) for name, cell in zip(columns, cells, strict=False) if name}
        yield number, {name: text for name, text in row.items() if text}
