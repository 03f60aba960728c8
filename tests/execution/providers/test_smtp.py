"""Mail over a real socket: what arrives, over how many connections, in which steps."""

import hashlib
from dataclasses import replace

import pytest

from execution.providers.errors import Permanent, Stale, Transient
from execution.providers.smtp import content_of
from execution.wire import Sender, build_email
from tests.execution.providers.conversing import OFFICE, SENDER, connect, mail
from tests.support.smtp_sink import Rule, SmtpSink

PIPELINING = pytest.mark.parametrize("pipelining", [True, False])


@PIPELINING
def test_the_server_gets_the_frozen_bytes_below_a_date(pipelining: bool) -> None:
    act = mail()
    with SmtpSink(keep=True, pipelining=pipelining) as sink, connect(sink) as connection:
        receipt = connection.perform(act)
    (message,) = sink.messages
    date, _, rest = message.content.partition(b"\r\n")
    assert date.startswith(b"Date: ")
    assert rest == b"".join(act.wire or ())
    assert (message.sender, message.recipients) == (SENDER, [OFFICE])
    assert receipt.wire_digest == message.sha256 == hashlib.sha256(message.content).hexdigest()
    assert (receipt.provider_message_id, receipt.response[:3]) == ("SINK000000", "250")


@PIPELINING
def test_one_connection_serves_many_mails(pipelining: bool) -> None:
    with SmtpSink(keep=True, pipelining=pipelining) as sink, connect(sink) as connection:
        for number in range(30):
            connection.perform(mail(number=number))
    assert sink.counts.connections == 1
    assert [message.message_id for message in sink.messages] == [f"<{number}@example.org>" for number in range(30)]


def test_pipelining_takes_two_writes_a_mail() -> None:
    with SmtpSink(keep=True) as sink, connect(sink) as connection:
        connection.perform(mail())
        before = sink.counts.received_chunks
        connection.perform(mail())
        assert sink.counts.received_chunks - before == 2


def test_data_is_not_sent_ahead_for_several_recipients() -> None:
    with SmtpSink(keep=True) as sink, connect(sink) as connection:
        connection.perform(mail())
        before = sink.counts.received_chunks
        connection.perform(mail("a@example.net", "b@example.net", "c@example.net"))
        assert sink.counts.received_chunks - before == 3
    assert sink.messages[-1].recipients == ["a@example.net", "b@example.net", "c@example.net"]
    assert sink.counts.messages == 2


@PIPELINING
def test_a_connection_is_given_up_after_so_many_mails(pipelining: bool) -> None:
    options = {"max_messages": 2}
    with SmtpSink(pipelining=pipelining) as sink, connect(sink, options=options) as connection:
        for number in range(5):
            connection.perform(mail(number=number))
    assert (sink.counts.connections, sink.counts.messages, sink.counts.most_open) == (3, 5, 1)


def test_an_idle_connection_is_given_up() -> None:
    with SmtpSink() as sink, connect(sink, options={"max_idle": 1e-9}) as connection:
        connection.perform(mail())
        connection.perform(mail())
    assert sink.counts.connections == 2


@PIPELINING
@pytest.mark.parametrize("at", ["mail", "rcpt", "data"])
@pytest.mark.parametrize(
    "farewell", [Rule(at="", do="drop"), Rule(at="", do="reset"), Rule(at="", do="drop", reply="421 idle")]
)
def test_a_kept_connection_that_the_server_closed_is_opened_again(pipelining: bool, at: str, farewell: Rule) -> None:
    rule = replace(farewell, at=at, skip=1, times=1)
    with SmtpSink(pipelining=pipelining, rules=[rule]) as sink, connect(sink) as connection:
        connection.perform(mail(number=1))
        connection.perform(mail(number=2))
    assert [message.message_id for message in sink.messages] == ["<1@example.org>", "<2@example.org>"]
    assert sink.counts.connections == 2


@PIPELINING
@pytest.mark.parametrize("at", ["mail", "rcpt", "data"])
@pytest.mark.parametrize("farewell", [Rule(at="", do="drop"), Rule(at="", do="drop", reply="421 so many are enough")])
def test_one_opened_ahead_that_is_gone_is_not_replaced_behind_the_callers_back(
    pipelining: bool, at: str, farewell: Rule
) -> None:
    rule = replace(farewell, at=at, skip=1, times=1)
    with SmtpSink(pipelining=pipelining, rules=[rule]) as sink, connect(sink) as connection:
        connection.perform(mail(number=1))
        connection.open(mail(number=2))
        with pytest.raises(Stale, match="Nothing was sent"):
            connection.perform(mail(number=2))
        assert sink.counts.connections == 1
        connection.open(mail(number=2))
        connection.perform(mail(number=2))
    assert [message.message_id for message in sink.messages] == ["<1@example.org>", "<2@example.org>"]


def test_one_opened_ahead_that_was_idle_for_too_long_is_not_replaced_either() -> None:
    with SmtpSink() as sink, connect(sink, options={"max_idle": 1e-9}) as connection:
        connection.open(mail())
        with pytest.raises(Stale, match="Nothing was sent"):
            connection.perform(mail())
    assert sink.counts.connections == 1


def test_it_is_opened_again_once_only() -> None:
    rules = [Rule(at="mail", do="drop", skip=1)]
    with SmtpSink(rules=rules) as sink, connect(sink) as connection:
        connection.perform(mail())
        with pytest.raises(Transient, match="Nothing was sent"):
            connection.perform(mail())
    assert (sink.counts.connections, sink.counts.messages) == (2, 1)


def test_it_works_again_after_any_refusal() -> None:
    rules = [Rule(at="rcpt", reply="550 5.1.1 no", recipient="gone@example.net")]
    with SmtpSink(rules=rules) as sink, connect(sink) as connection:
        for number in range(3):
            with pytest.raises(Permanent):
                connection.perform(mail("gone@example.net"))
            connection.perform(mail(number=number))
    assert (sink.counts.connections, sink.counts.messages) == (1, 3)


@PIPELINING
def test_lines_that_begin_with_a_dot_arrive_as_they_were(pipelining: bool) -> None:
    act = mail(text="a\n.\n..\n...b\n.c\n")
    with SmtpSink(keep=True, pipelining=pipelining) as sink, connect(sink) as connection:
        receipt = connection.perform(act)
        connection.perform(mail())
    assert sink.messages[0].content.endswith(b"\r\n\r\na\r\n.\r\n..\r\n...b\r\n.c\r\n")
    assert receipt.wire_digest == sink.messages[0].sha256
    assert sink.counts.messages == 2


def test_a_large_mail_arrives_whole() -> None:
    act = mail(text=(".line " + "x" * 70 + "\n") * 60_000)
    with SmtpSink(keep=True) as sink, connect(sink) as connection:
        receipt = connection.perform(act)
    assert receipt.wire_digest == sink.messages[0].sha256
    assert sink.messages[0].size > 4_000_000
    assert sink.commands[1].startswith(f"MAIL FROM:<{SENDER}> SIZE=")


@pytest.mark.parametrize(
    "wire",
    [
        [],
        [b"Subject: a\r\n\r\nb"],
        [b"Subject: a\r\n\r\nb\n"],
        [b"Subject: a\r\n\r\nb\n.\r\nMAIL FROM:<x@example.net>\r\n"],
        [b"Subject: a\r\n\r\nb\r.\r\n"],
        [b"Subject: a\r\n\r\nb\r\r\n"],
    ],
)
def test_it_refuses_bytes_that_could_end_the_mail_early(wire: list[bytes]) -> None:
    with pytest.raises(Permanent, match="Nothing was sent"):
        content_of(mail(wire=wire))


@pytest.mark.parametrize("address", ["a@example.net>\r\nDATA\r\n", "a b@example.net", "", "<a@example.net>", "a"])
def test_it_refuses_an_address_that_could_end_its_command(address: str) -> None:
    with SmtpSink(keep=True) as sink, connect(sink) as connection:
        with pytest.raises(Permanent, match="Nothing was sent"):
            connection.perform(replace(mail(), to=[address]))
        with pytest.raises(Permanent, match="Nothing was sent"):
            connection.perform(replace(mail(), sender=address))
    assert sink.counts.connections == 0


def test_it_refuses_a_mail_to_nobody() -> None:
    with SmtpSink() as sink, connect(sink) as connection, pytest.raises(Permanent):
        connection.perform(replace(mail(), to=[]))


def test_it_refuses_another_channel() -> None:
    with SmtpSink() as sink, connect(sink) as connection, pytest.raises(Permanent, match="cannot perform sms"):
        connection.perform(replace(mail(), channel="sms"))


def test_it_has_no_drafts() -> None:
    with SmtpSink() as sink, connect(sink) as connection, pytest.raises(Permanent, match="no drafts"):
        connection.draft(mail())


def test_an_international_domain_goes_out_in_ascii() -> None:
    with SmtpSink(features=[]) as sink, connect(sink) as connection:
        connection.perform(replace(mail(), to=["ann@bücher.example"]))
    assert sink.messages[0].recipients == ["ann@xn--bcher-kva.example"]


def test_an_international_address_goes_where_the_server_takes_it() -> None:
    act = mail("jürgen@example.net")
    with SmtpSink(keep=True) as sink, connect(sink) as connection:
        connection.perform(act)
        connection.perform(mail())
    assert sink.messages[0].recipients == ["jürgen@example.net"]
    assert [command for command in sink.commands if "SMTPUTF8" in command] == [
        f"MAIL FROM:<{SENDER}> SMTPUTF8 BODY=8BITMIME"
    ]


def test_an_international_address_is_refused_where_the_server_lacks_smtputf8() -> None:
    with SmtpSink(features=[]) as sink, connect(sink) as connection:
        with pytest.raises(Permanent, match="SMTPUTF8"):
            connection.perform(mail("jürgen@example.net"))
        connection.perform(mail())
    assert (sink.counts.messages, sink.counts.connections) == (1, 1)


def test_a_mail_larger_than_the_server_takes_is_refused_before_it_is_sent() -> None:
    with SmtpSink(features=["SIZE 1000"], keep=True) as sink, connect(sink) as connection:
        with pytest.raises(Permanent, match="the server takes 1,000"):
            connection.perform(mail(text="x\n" * 1_000))
        connection.perform(mail())
    assert sum(command.startswith("MAIL") for command in sink.commands) == 1


def test_bcc_is_in_the_envelope_alone() -> None:
    parts = build_email(
        payload={"subject": "a", "text": "b", "bcc": ["hidden@example.net"]},
        sender=Sender(address=SENDER),
        to=[OFFICE],
        message_id="<1@example.org>",
    )
    with SmtpSink(keep=True) as sink, connect(sink) as connection:
        connection.perform(replace(mail(OFFICE, "hidden@example.net"), wire=parts))
    assert sink.messages[0].recipients == [OFFICE, "hidden@example.net"]
    assert b"hidden" not in sink.messages[0].content
