"""Each way a transaction can break, at each step: what is raised, and whether the server has the mail."""

import signal
from collections.abc import Iterator
from types import FrameType
from typing import Any

import pytest

from execution.providers.errors import Ambiguous, Misconfigured, Permanent, Transient
from tests.execution.providers.conversing import OFFICE, connect, mail
from tests.support.smtp_sink import Rule, SmtpSink

PIPELINING = pytest.mark.parametrize("pipelining", [True, False])
QUICK = {"command_timeout": 0.3, "answer_timeout": 0.3}

# step, what the server says there, what that means
REFUSALS = [
    ("mail", "450 4.1.8 later", Transient),
    ("mail", "421 4.7.0 too many", Transient),
    ("mail", "550 5.7.1 sender not allowed", Misconfigured),
    ("mail", "530 5.7.0 log in first", Misconfigured),
    ("mail", "552 5.3.4 too big", Permanent),
    ("mail", "503 5.5.1 order", Transient),
    ("rcpt", "450 4.2.0 greylisted", Transient),
    ("rcpt", "452 4.5.3 too many recipients", Transient),
    ("rcpt", "421 4.7.0 bye", Transient),
    ("rcpt", "550 5.1.1 no such user", Permanent),
    ("rcpt", "554 5.7.1 relay access denied", Permanent),
    ("rcpt", "530 5.7.0 log in first", Misconfigured),
    ("rcpt", "503 5.5.1 order", Transient),
    ("data", "451 4.3.0 later", Transient),
    ("data", "421 4.3.2 closing", Transient),
    ("data", "554 5.5.1 no", Permanent),
    ("data", "250 ok?", Transient),
    ("content", "451 4.3.0 later", Transient),
    ("content", "452 4.3.1 disk full", Transient),
    ("content", "421 4.3.2 closing", Transient),
    ("content", "550 5.7.1 spam", Permanent),
    ("content", "552 5.2.2 mailbox full", Permanent),
    ("content", "354 what?", Ambiguous),
    ("content", "no reply at all", Ambiguous),
    ("content", "99", Ambiguous),
    ("mail", "nonsense", Transient),
    ("rcpt", "nonsense", Transient),
    ("data", "nonsense", Transient),
]


@PIPELINING
@pytest.mark.parametrize(("step", "reply", "meaning"), REFUSALS)
def test_a_refusal_means_the_same_at_every_server(
    pipelining: bool, step: str, reply: str, meaning: type[Exception]
) -> None:
    rules = [Rule(at=step, reply=reply, times=2)]
    with (
        SmtpSink(pipelining=pipelining, rules=rules) as sink,
        connect(sink, options={"command_timeout": 1}) as connection,
        pytest.raises((Transient, Permanent, Ambiguous, Misconfigured)) as raised,
    ):
        connection.perform(mail())
    assert type(raised.value) is meaning
    assert sink.counts.messages == 0


@PIPELINING
@pytest.mark.parametrize("step", ["connect", "ehlo", "mail", "rcpt", "data"])
@pytest.mark.parametrize("fault", ["drop", "reset", "stall"])
def test_a_connection_lost_before_the_content_has_sent_nothing(pipelining: bool, step: str, fault: str) -> None:
    with (
        SmtpSink(pipelining=pipelining, rules=[Rule(at=step, do=fault)]) as sink,
        connect(sink, options=QUICK) as connection,
        pytest.raises(Transient),
    ):
        connection.perform(mail())
    assert sink.counts.messages == 0


@PIPELINING
@pytest.mark.parametrize("accepted", [True, False])
@pytest.mark.parametrize("fault", ["drop", "reset", "stall"])
def test_a_connection_lost_after_the_content_may_have_sent_it(pipelining: bool, fault: str, accepted: bool) -> None:
    rules = [Rule(at="content", do=fault, accept=accepted)]
    with (
        SmtpSink(pipelining=pipelining, rules=rules) as sink,
        connect(sink, options=QUICK) as connection,
        pytest.raises(Ambiguous),
    ):
        connection.perform(mail())
    assert sink.counts.messages == int(accepted)
    assert sink.counts.connections == 1


def test_an_ambiguous_mail_is_not_sent_again_by_itself_and_the_next_goes_out() -> None:
    rules = [Rule(at="content", do="drop", accept=True, times=1)]
    with SmtpSink(keep=True, rules=rules) as sink, connect(sink) as connection:
        with pytest.raises(Ambiguous):
            connection.perform(mail(number=1))
        connection.perform(mail(number=2))
    assert [message.message_id for message in sink.messages] == ["<1@example.org>", "<2@example.org>"]


@pytest.mark.parametrize("step", ["mail", "data", "content"])
def test_an_answer_that_drips_is_not_waited_for_for_ever(step: str) -> None:
    rules = [Rule(at=step, do="drip", seconds=0.1)]  # each octet comes in time, all of them do not
    with (
        SmtpSink(rules=rules) as sink,
        connect(sink, options=QUICK) as connection,
        pytest.raises(Ambiguous if step == "content" else Transient),
    ):
        connection.perform(mail())


def test_a_slow_answer_within_the_time_is_waited_for() -> None:
    rules = [Rule(at=at, do="delay", seconds=0.1) for at in ("connect", "ehlo", "mail", "rcpt", "data", "content")]
    with SmtpSink(rules=rules) as sink, connect(sink) as connection:
        connection.perform(mail())
    assert sink.counts.messages == 1


@PIPELINING
@pytest.mark.parametrize(("reply", "meaning"), [("550 5.1.1 no", Permanent), ("450 4.2.0 later", Transient)])
def test_one_refused_recipient_keeps_the_mail_from_all(pipelining: bool, reply: str, meaning: type[Exception]) -> None:
    rules = [Rule(at="rcpt", reply=reply, recipient="gone@example.net")]
    with SmtpSink(pipelining=pipelining, keep=True, rules=rules) as sink, connect(sink) as connection:
        with pytest.raises(meaning, match="gone@example") as raised:
            connection.perform(mail(OFFICE, "gone@example.net", "c@example.net"))
        assert "It was not sent to anybody" in str(raised.value)
        connection.perform(mail())
    assert [message.recipients for message in sink.messages] == [[OFFICE]]
    assert "RSET" in sink.commands
    assert sink.counts.connections == 1


def test_a_permanent_refusal_outweighs_a_temporary_one() -> None:
    rules = [
        Rule(at="rcpt", reply="450 4.2.0 later", recipient="a@example.net"),
        Rule(at="rcpt", reply="550 5.1.1 no", recipient="b@example.net"),
    ]
    with SmtpSink(rules=rules) as sink, connect(sink) as connection, pytest.raises(Permanent):
        connection.perform(mail("a@example.net", "b@example.net"))


def test_no_content_goes_to_a_server_that_asks_for_it_after_a_refusal() -> None:
    rules = [Rule(at="rcpt", reply="550 5.1.1 no", times=1)]
    with SmtpSink(keep=True, eager_data=True, rules=rules) as sink, connect(sink) as connection:
        with pytest.raises(Permanent):
            connection.perform(mail(number=1))
        assert sink.counts.received_chunks == 2  # EHLO and the envelope
        connection.perform(mail(number=2))
    assert [message.message_id for message in sink.messages] == ["<2@example.org>"]
    assert sink.counts.connections == 2


@pytest.mark.parametrize(
    ("rule", "meaning"),
    [
        (Rule(at="begun", reply="552 5.3.4 too big"), Permanent),
        (Rule(at="begun", reply="451 4.3.0 later"), Transient),
        (Rule(at="begun", do="drop"), Ambiguous),
        (Rule(at="begun", do="reset"), Ambiguous),
    ],
)
def test_a_server_that_hangs_up_in_the_middle_of_the_content(rule: Rule, meaning: type[Exception]) -> None:
    large = mail(text=("x" * 70 + "\n") * 200_000)
    with SmtpSink(rules=[rule]) as sink, connect(sink) as connection, pytest.raises(meaning):
        connection.perform(large)
    assert sink.counts.messages == 0


@PIPELINING
def test_a_server_that_refuses_and_hangs_up_has_refused(pipelining: bool) -> None:
    rules = [Rule(at="mail", do="drop", reply="552 5.3.4 too big")]
    with (
        SmtpSink(pipelining=pipelining, rules=rules) as sink,
        connect(sink) as connection,
        pytest.raises(Permanent),
    ):
        connection.perform(mail())
    assert sink.counts.messages == 0


@PIPELINING
def test_nothing_more_is_awaited_from_a_server_that_takes_its_leave(pipelining: bool) -> None:
    rules = [Rule(at="mail", do="stall", reply="421 4.3.2 closing")]
    with (
        SmtpSink(pipelining=pipelining, rules=rules) as sink,
        connect(sink, options=QUICK) as connection,
        pytest.raises(Transient) as raised,
    ):
        connection.perform(mail())
    assert raised.value.code == 421


@pytest.mark.parametrize(
    ("step", "reply", "pause"),
    [
        ("mail", "421 4.7.0 slow down", 60),
        ("rcpt", "454 4.7.0 slow down", 60),
        ("content", "421 4.7.0 slow down", 60),
        ("rcpt", "450 4.2.0 greylisted", None),
        ("content", "451 4.3.0 later", None),
    ],
)
def test_throttling_is_told_from_other_trouble(step: str, reply: str, pause: float | None) -> None:
    rules = [Rule(at=step, reply=reply)]
    with SmtpSink(rules=rules) as sink, connect(sink) as connection, pytest.raises(Transient) as raised:
        connection.perform(mail())
    assert raised.value.retry_after == pause
    assert raised.value.code == int(reply[:3])


def test_more_answers_than_questions_stop_the_transaction() -> None:
    rules = [Rule(at="data", reply="354 go ahead\r\n250 2.0.0 queued, honestly")]
    with SmtpSink(rules=rules) as sink, connect(sink) as connection, pytest.raises(Transient):
        connection.perform(mail())
    assert sink.counts.messages == 0


def test_what_a_server_says_is_made_harmless() -> None:
    rules = [Rule(at="rcpt", reply="550 5.1.1 \x1b[31mno\u202e" + "x" * 2_000)]
    with SmtpSink(rules=rules) as sink, connect(sink) as connection, pytest.raises(Permanent) as raised:
        connection.perform(mail())
    assert str(raised.value).isascii()
    assert str(raised.value).isprintable()
    assert len(str(raised.value)) < 500


class Alarm(SystemExit):
    """Like django-q2's TimeoutException: raised by a signal handler anywhere in the code."""


@pytest.fixture
def alarm() -> Iterator[Any]:
    def ring(number: int, frame: FrameType | None) -> None:
        raise Alarm

    before = signal.signal(signal.SIGALRM, ring)
    yield lambda seconds: signal.setitimer(signal.ITIMER_REAL, seconds)
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize("step", ["connect", "mail", "content"])
def test_a_workers_timer_gets_through_and_spoils_the_connection(step: str, alarm: Any) -> None:
    rules = [Rule(at=step, do="stall", times=1)]
    with SmtpSink(keep=True, rules=rules) as sink, connect(sink, options={"answer_timeout": 30}) as connection:
        alarm(0.2)
        with pytest.raises(Alarm):
            connection.perform(mail(number=1))
        connection.perform(mail(number=2))
    assert [message.message_id for message in sink.messages] == ["<2@example.org>"]
    assert sink.counts.connections == 2
