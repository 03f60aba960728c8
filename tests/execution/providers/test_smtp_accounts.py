"""Opening a connection: encryption, login, and which trouble is the account's own."""

import socket
import ssl
from pathlib import Path

import pytest

from execution.providers.base import AccountConfig
from execution.providers.errors import Misconfigured, Transient
from execution.providers.smtp_connect import trouble
from tests.execution.providers.conversing import account, connect, mail
from tests.support.smtp_sink import Rule, SmtpSink

CREDENTIALS = ("rosa", "correct horse")


@pytest.mark.parametrize("security", ["tls", "starttls"])
def test_it_sends_over_an_encrypted_connection(security: str, tls: ssl.SSLContext, certificate: Path) -> None:
    with SmtpSink(tls=tls, starttls=security == "starttls", credentials=CREDENTIALS, keep=True) as sink:
        user, password = CREDENTIALS
        options = {"ca_file": str(certificate)}
        with connect(sink, security=security, username=user, password=password, options=options) as connection:
            receipt = connection.perform(mail())
            connection.perform(mail(text="x" * 300_000))
    assert receipt.wire_digest == sink.messages[0].sha256
    assert (sink.counts.messages, sink.counts.connections) == (2, 1)


@pytest.mark.parametrize("security", ["tls", "starttls"])
def test_it_does_not_trust_an_unknown_certificate(security: str, tls: ssl.SSLContext) -> None:
    with (
        SmtpSink(tls=tls, starttls=security == "starttls") as sink,
        connect(sink, security=security) as connection,
        pytest.raises(Misconfigured, match="certificate"),
    ):
        connection.perform(mail())
    assert sink.counts.messages == 0


def test_it_does_not_go_on_in_clear_where_encryption_is_asked_for() -> None:
    with (
        SmtpSink(keep=True) as sink,
        connect(sink, security="starttls", username="rosa", password="secret") as connection,
        pytest.raises(Misconfigured, match="STARTTLS"),
    ):
        connection.perform(mail())
    assert not any(command.startswith(("AUTH", "MAIL")) for command in sink.commands)


def test_it_does_not_take_a_plain_server_for_an_encrypted_one() -> None:
    with (
        SmtpSink() as sink,
        connect(sink, security="tls", options={"command_timeout": 1, "connect_timeout": 1}) as connection,
        pytest.raises((Misconfigured, Transient)),
    ):
        connection.perform(mail())
    assert sink.counts.messages == 0


def test_it_logs_in() -> None:
    with SmtpSink(credentials=CREDENTIALS) as sink:
        with connect(sink, username=CREDENTIALS[0], password=CREDENTIALS[1]) as connection:
            connection.perform(mail())
        assert sink.counts.messages == 1


@pytest.mark.parametrize("password", ["wrong", "pässword"])
def test_a_refused_login_is_the_accounts_trouble_and_keeps_the_password_to_itself(password: str) -> None:
    with (
        SmtpSink(credentials=CREDENTIALS) as sink,
        connect(sink, username="rosa", password=password) as connection,
        pytest.raises(Misconfigured) as raised,
    ):
        connection.perform(mail())
    assert password not in str(raised.value)
    assert password not in repr(connection.account)
    assert sink.counts.messages == 0


def test_a_login_at_a_server_without_any_is_the_accounts_trouble() -> None:
    with (
        SmtpSink() as sink,
        connect(sink, username="rosa", password="x") as connection,
        pytest.raises(Misconfigured),
    ):
        connection.perform(mail())


def test_a_missing_login_is_the_accounts_trouble() -> None:
    with (
        SmtpSink(credentials=CREDENTIALS) as sink,
        connect(sink) as connection,
        pytest.raises(Misconfigured, match="530"),
    ):
        connection.perform(mail())


@pytest.mark.parametrize(
    ("rule", "meaning", "pause"),
    [
        (Rule(at="connect", reply="421 4.3.2 too many connections"), Transient, 60),
        (Rule(at="connect", reply="450 4.3.2 busy"), Transient, None),
        (Rule(at="connect", reply="554 5.7.1 you are on a list"), Misconfigured, None),
        (Rule(at="ehlo", reply="421 4.3.2 too many connections"), Transient, 60),
        (Rule(at="ehlo", reply="550 5.7.1 not you"), Misconfigured, None),
        (Rule(at="auth", reply="454 4.7.0 try again"), Transient, 60),
        (Rule(at="auth", reply="535 5.7.8 wrong"), Misconfigured, None),
        (Rule(at="auth", do="drop"), Transient, None),
        (Rule(at="connect", reply="HTTP/1.1 400 Bad Request"), Transient, None),
    ],
)
def test_trouble_before_the_first_mail(rule: Rule, meaning: type[Exception], pause: float | None) -> None:
    with (
        SmtpSink(credentials=CREDENTIALS, rules=[rule]) as sink,
        connect(sink, username=CREDENTIALS[0], password=CREDENTIALS[1]) as connection,
        pytest.raises((Transient, Misconfigured)) as raised,
    ):
        connection.perform(mail())
    assert type(raised.value) is meaning
    assert getattr(raised.value, "retry_after", None) == pause
    assert sink.counts.messages == 0


def test_a_server_that_is_away_is_temporary() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with (
        SmtpSink() as sink,
        connect(sink, port=port) as connection,
        pytest.raises(Transient, match="cannot be reached"),
    ):
        connection.perform(mail())


@pytest.mark.parametrize("changed", [{"host": ""}, {"host": "a..localhost"}, {"options": {"ca_file": "/no/such/file"}}])
def test_an_account_that_cannot_be_right_is_told(changed: dict[str, object]) -> None:
    with (
        SmtpSink() as sink,
        connect(sink, security="tls", **changed) as connection,
        pytest.raises(Misconfigured),
    ):
        connection.perform(mail())


@pytest.mark.parametrize(
    ("wrong", "meaning"),
    [
        (socket.gaierror(socket.EAI_NONAME, "not known"), Misconfigured),
        (socket.gaierror(socket.EAI_AGAIN, "try again"), Transient),
        (ConnectionRefusedError(), Transient),
        (TimeoutError(), Transient),
        (ssl.SSLEOFError(), Transient),
        (ssl.SSLError(1, "wrong version number"), Misconfigured),
        (OSError(101, "Network is unreachable"), Transient),
    ],
)
def test_trouble_of_the_network_is_told_from_the_accounts(wrong: Exception, meaning: type[Exception]) -> None:
    assert type(trouble(AccountConfig(provider="smtp", host="mail.example"), wrong)) is meaning


@pytest.mark.parametrize("value", [0, -1, "5", True, None, float("nan")])
def test_an_option_that_is_no_positive_number_is_told(value: object) -> None:
    with SmtpSink() as sink, pytest.raises(Misconfigured, match="max_messages"):
        connect(sink, options={"max_messages": value})


def test_the_password_is_not_shown() -> None:
    with SmtpSink() as sink:
        assert "s3cret" not in repr(account(sink, password="s3cret"))
