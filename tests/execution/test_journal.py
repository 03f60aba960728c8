"""A worker's journal: what it says of its calls after it died."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

import pytest

from execution.engine.journal import Account, Journal, read_journal, this_boot, this_host

FIRST, SECOND = UUID(int=1), UUID(int=2)
OUTCOME = {"kind": "done", "detail": ""}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal" / "worker.journal"


@contextmanager
def no_room_after_60_bytes() -> Iterator[None]:
    """Files of this process grow to 60 bytes and no further, as on a full disk: writes are cut, then refused.

    Over before the test is: the file that pytest's own words may go to is one of them.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (60, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def read(path: Path, *, host: str | None = None, boot_id: str | None = None) -> Account | None:
    return read_journal(path=str(path), host=host or this_host(), boot_id=boot_id or this_boot())


def test_it_tells_what_began_and_how_it_ended(path: Path) -> None:
    journal = Journal(path)
    journal.began(FIRST)
    journal.ended(FIRST, OUTCOME)
    journal.began(SECOND)
    assert read(path) == Account(begun=frozenset({FIRST, SECOND}), ended={FIRST: OUTCOME})


@pytest.mark.parametrize("strange", [{"host": "elsewhere"}, {"boot_id": "before"}])
def test_another_host_s_or_boot_s_is_not_believed(path: Path, strange: dict[str, str]) -> None:
    Journal(path).began(FIRST)
    assert read(path, **strange) is None


def test_one_that_is_gone_tells_nothing(path: Path) -> None:
    Journal(path).remove()
    assert read(path) is None


def test_a_last_line_cut_short_is_left_out(path: Path) -> None:
    Journal(path).began(FIRST)
    with path.open("ab") as file:
        file.write(b"B 00000000-0000-0000-0000-0000")
    assert read(path) == Account(begun=frozenset({FIRST}))


@pytest.mark.parametrize("line", [b"B 00000000-0000-00E 1\n", b"E 1 {\n", b"X\n", b"\n"])
def test_one_spoiled_in_the_middle_is_not_believed(path: Path, line: bytes) -> None:
    Journal(path).began(FIRST)
    with path.open("ab") as file:
        file.write(line)
    Journal(path).began(SECOND)
    assert read(path) is None


def test_nothing_more_begins_once_a_line_was_cut(path: Path) -> None:
    with no_room_after_60_bytes():
        journal = Journal(path)
        journal.began(FIRST)
        for _ in range(2):
            with pytest.raises(OSError, match="the disk may be full"):
                journal.began(SECOND)
    assert read(path) == Account(begun=frozenset({FIRST}))
