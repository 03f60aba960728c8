"""The mail catcher as a process, and what it kept as the console reads it."""

import smtplib
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.keys import free_port
from execution.catcher import list_messages, read_message, store_message
from tests.support.processes import manage_environment, running_manage, wait_until

MAIL = b"Subject: Hello\r\nFrom: a@x.example\r\n\r\n.one dot\r\nand \xc3\xa9\r\n"


@pytest.fixture
def folder(settings, tmp_path: Path) -> Path:
    settings.MAIL_CATCHER_DIR = tmp_path / "mail"
    return tmp_path / "mail"


@pytest.fixture
def catcher_at(folder: Path, tmp_path: Path) -> Iterator[int]:
    """A running catcher's port."""
    port = free_port()
    environment = manage_environment("sqlite:///:memory:", tmp_path, MAIL_CATCHER_DIR=str(folder))
    with running_manage("mail_catcher", "--port", str(port), environment=environment, log=tmp_path / "log") as catcher:

        def answers() -> bool:
            assert catcher.process.poll() is None, catcher.output()
            try:
                smtplib.SMTP("127.0.0.1", port, timeout=5).quit()
            except OSError:
                return False
            return True

        wait_until(answers, what="the catcher's start")
        yield port


def test_it_keeps_what_was_sent_byte_for_byte(catcher_at: int):
    with smtplib.SMTP("127.0.0.1", catcher_at, timeout=5) as client:
        client.sendmail("from@x.example", ["to@y.example", "cc@y.example"], MAIL)
    (caught,) = list_messages()
    assert (caught.envelope_from, caught.envelope_to) == ("from@x.example", ["to@y.example", "cc@y.example"])
    assert caught.content == MAIL


def test_the_newest_comes_first_and_pages_follow_on(folder: Path):
    names = [store_message(envelope_from="", envelope_to=["a@x.example"], content=b"x") for _ in range(3)]
    assert [message.name for message in list_messages(limit=2)] == names[:0:-1]
    assert [message.name for message in list_messages(limit=2, before=names[1])] == names[:1]


def test_a_message_is_read_by_its_name(folder: Path):
    name = store_message(envelope_from="f@x.example", envelope_to=["t@x.example"], content=MAIL)
    message = read_message(name)
    assert message is not None
    assert message.parsed()["Subject"] == "Hello"


@pytest.mark.parametrize("name", ["", "../keys/secret_key", "/etc/passwd", "0.eml", "..", "x/../y.eml"])
def test_it_reads_no_other_file(folder: Path, name: str):
    store_message(envelope_from="", envelope_to=["a@x.example"], content=b"x")
    assert read_message(name) is None


def test_an_empty_box_is_an_empty_list(folder: Path):
    assert list_messages() == []
