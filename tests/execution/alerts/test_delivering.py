"""What leaves the console: each message once, what failed alone again, and never to an address inside."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.test import override_settings

from execution.alerts import apprise_calls
from execution.alerts.addresses import SCHEMES, is_public
from execution.alerts.delivering import BACKOFF, deliver_due
from execution.alerts.resolving import resolve
from execution.alerts.telling import tell_due
from execution.models import Alert, AlertDelivery, AlertRoute, Severity
from execution.services.credentials import encrypt
from tests.builders import Cast
from tests.execution.alerts.raising import deliveries, raised
from tests.support.clock import StoppedClock
from tests.support.http_sink import HttpSink
from tests.support.smtp_sink import Rule, SmtpSink

pytestmark = pytest.mark.django_db


@pytest.fixture
def web() -> Iterator[HttpSink]:
    """A chat server on this machine, which alerts may reach."""
    with HttpSink() as sink, override_settings(ALERT_ALLOW_PRIVATE=True):
        yield sink


@pytest.fixture
def mail_server() -> Iterator[SmtpSink]:
    with SmtpSink(keep=True) as sink, override_settings(EMAIL_URL=f"smtp://127.0.0.1:{sink.port}"):
        yield sink


def make_route(cast: Cast, name: str, url: str, severity: str = Severity.WARNING) -> AlertRoute:
    with cast.scope():
        return AlertRoute.objects.create(
            workspace=cast.workspace, name=name, severity=severity, secret=encrypt(url), scheme="json"
        )


def states(cast: Cast) -> dict[str, str]:
    return {delivery.target: delivery.state for delivery in deliveries(cast)}


def test_it_posts_to_a_route_what_happened_and_where_to_answer(cast: Cast, web: HttpSink) -> None:
    make_route(cast, "Chat", f"{web.url}/chat")
    alert = raised(cast, title="The seal is broken", detail="Somebody wrote into the database.")
    tell_due()
    assert deliver_due() == 1
    ((path, body),) = web.received
    assert path == "/chat"
    assert body["title"] == "[Critical] The seal is broken"
    assert "Somebody wrote into the database." in body["message"]
    assert f"/w/demo/admin/execution/alert/{alert.pk}/change/" in body["message"]


def test_it_delivers_once(cast: Cast, web: HttpSink) -> None:
    make_route(cast, "Chat", f"{web.url}/chat")
    raised(cast)
    tell_due()
    assert [deliver_due() for _ in range(3)] == [1, 0, 0]
    assert len(web.received) == 1


def test_only_what_failed_is_sent_again(cast: Cast, web: HttpSink, clock: StoppedClock) -> None:
    make_route(cast, "Well", f"{web.url}/well")
    make_route(cast, "Ill", f"{web.url}/ill")
    web.answer = lambda path: 500 if path == "/ill" else 200
    raised(cast)
    tell_due()
    assert deliver_due() == 1
    assert sorted(states(cast).values()) == ["pending", "sent"]
    web.answer = lambda path: 200
    clock.advance(BACKOFF[0])
    assert deliver_due() == 1
    assert sorted(web.paths) == ["/ill", "/ill", "/well"]


def test_after_the_last_try_another_alert_says_so_and_not_by_the_same_way(
    cast: Cast, web: HttpSink, clock: StoppedClock
) -> None:
    broken = make_route(cast, "Ill", f"{web.url}/ill")
    make_route(cast, "Well", f"{web.url}/well")
    web.answer = lambda path: 500 if path == "/ill" else 200
    raised(cast)
    tell_due()
    for seconds in (*BACKOFF, 1):
        deliver_due()
        clock.advance(seconds)
    assert states(cast)[f"route:{broken.pk}"] == "failed"
    with cast.scope():
        alert = Alert.objects.get(kind="alert_undelivered")
    assert "The route Ill failed 8 times" in alert.detail
    web.received.clear()
    tell_due()
    deliver_due()
    assert [path for path, body in web.received if "could not be delivered" in body["title"]] == ["/well"]


def test_what_is_over_is_not_sent_any_more(cast: Cast, web: HttpSink) -> None:
    make_route(cast, "Chat", f"{web.url}/chat")
    alert = raised(cast)
    tell_due()
    with cast.scope():
        resolve(Alert.objects.filter(pk=alert.pk), why="Over.")
    assert deliver_due() == 0
    assert (web.received, list(states(cast).values())) == ([], ["dropped"])


def test_a_message_whose_sender_died_is_sent_by_the_next(cast: Cast, web: HttpSink, clock: StoppedClock) -> None:
    make_route(cast, "Chat", f"{web.url}/chat")
    raised(cast)
    tell_due()
    with cast.scope():
        AlertDelivery.objects.update(state="sending", attempts=1)
    clock.advance(181)
    assert deliver_due() == 1


def test_the_installations_own_urls_and_mail_get_every_workspaces_alerts(
    cast: Cast, web: HttpSink, mail_server: SmtpSink, settings: pytest.FixtureRequest
) -> None:
    settings.ALERT_URLS = [f"{web.url}/ops"]  # type: ignore[attr-defined]
    settings.ALERT_EMAIL = "ops@example.org"  # type: ignore[attr-defined]
    raised(cast, title="Größe")
    tell_due()
    assert deliver_due() == 2
    assert web.paths == ["/ops"]
    (message,) = mail_server.messages
    assert message.recipients == ["ops@example.org"]
    assert b"Auto-Submitted: auto-generated" in (message.content or b"")
    assert not any(web.url in delivery.target for delivery in deliveries(cast))


def test_a_mail_that_the_server_refuses_for_now_is_tried_again(
    cast: Cast, mail_server: SmtpSink, settings: pytest.FixtureRequest, clock: StoppedClock
) -> None:
    settings.ALERT_EMAIL = "ops@example.org"  # type: ignore[attr-defined]
    mail_server.rules.append(Rule(at="rcpt", reply="451 later", times=1))
    raised(cast)
    tell_due()
    assert deliver_due() == 0
    assert "451" in deliveries(cast)[0].error
    clock.advance(BACKOFF[0])
    assert deliver_due() == 1


def test_without_a_mail_server_the_delivery_says_so(cast: Cast, settings: pytest.FixtureRequest) -> None:
    settings.ALERT_EMAIL, settings.EMAIL_URL = "ops@example.org", ""  # type: ignore[attr-defined]
    raised(cast)
    tell_due()
    deliver_due()
    assert "EMAIL_URL is not set" in deliveries(cast)[0].error


# Where it may go.


def message(url: str, id: str = "1") -> apprise_calls.Message:
    return apprise_calls.Message(id=id, url=url, title="t", body="b", severity="critical")


def test_it_reaches_no_address_inside_by_number_or_name() -> None:
    with HttpSink() as sink:
        urls = [
            f"json://127.0.0.1:{sink.port}/a",
            f"json://localhost:{sink.port}/b",
            f"form://[::1]:{sink.port}/c",
            f"xml://0.0.0.0:{sink.port}/d",
            f"json://2130706433:{sink.port}/e",
            "json://169.254.169.254/latest/meta-data",
        ]
        outcome = apprise_calls.send([message(url, id=str(place)) for place, url in enumerate(urls)])
        assert sink.received == []
    assert all("not public" in text for text in outcome.values()), outcome


def test_it_follows_no_redirect_to_an_address_inside(tmp_path: Path) -> None:
    """With rules of this test's own, by which this machine's first address is public and its second is not."""
    (tmp_path / "addresses.py").write_text("def is_public(host):\n    return host == '127.0.0.1'\n")
    with (
        HttpSink(host="127.0.0.2") as inside,
        HttpSink(answer=lambda path: 307, location=f"http://127.0.0.2:{inside.port}/metadata") as outside,
    ):
        one = {"id": "1", "url": f"{outside.url}/x", "title": "t", "body": "b", "severity": "critical"}
        order = {"folder": str(tmp_path), "allow_private": False, "messages": [one]}
        script = Path(apprise_calls.__file__).with_name("apprise_process.py")
        told = subprocess.run(
            [sys.executable, "-I", str(script)], input=json.dumps(order), capture_output=True, text=True, check=True
        )
        assert (outside.paths, inside.paths) == (["/x"], [])
    assert "not public" in json.loads(told.stdout)["error"]


def test_it_follows_no_redirect_to_a_file() -> None:
    with (
        HttpSink(answer=lambda path: 307, location="file:///etc/passwd") as sink,
        override_settings(ALERT_ALLOW_PRIVATE=True),
    ):
        assert apprise_calls.send([message(f"{sink.url}/x")])["1"]


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "script:///bin/true", "syslog://", "dbus://", "windows://", "rsyslog://10.0.0.1"]
)
def test_it_uses_no_scheme_that_is_not_listed(url: str) -> None:
    assert apprise_calls.problem_with(url).startswith("Write an Apprise URL")
    assert "not allowed" in apprise_calls.send([message(url)])["1"]


def test_what_went_wrong_is_told_without_the_url() -> None:
    token = "abcdefghijklmnopqrstuvwxyz"
    outcome = apprise_calls.send([message(f"json://user:{token}@127.0.0.1:9/{token}")])
    assert outcome["1"]
    assert token not in outcome["1"]


def test_apprise_knows_every_scheme_that_is_allowed() -> None:
    script = (
        "import apprise, json; found = apprise.Apprise().details()['schemas']; "
        "print(json.dumps([n for d in found for n in [*(d['protocols'] or []), *(d['secure_protocols'] or [])]]))"
    )
    told = subprocess.run([sys.executable, "-W", "ignore", "-c", script], capture_output=True, check=True, text=True)
    assert set(json.loads(told.stdout)) >= SCHEMES


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.215.14", True),
        ("2606:2800:220:1:248:1893:25c8:1946", True),
        ("10.0.0.1", False),
        ("172.16.0.1", False),
        ("192.168.1.1", False),
        ("127.0.0.1", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("0.0.0.0", False),
        ("224.0.0.1", False),
        ("255.255.255.255", False),
        ("::1", False),
        ("::", False),
        ("fe80::1%eth0", False),
        ("fd00::1", False),
        ("::ffff:10.0.0.1", False),
        ("64:ff9b::a00:1", False),
        ("2002:0a00:0001::", False),
        ("ff02::1", False),
        ("localhost", False),
    ],
)
def test_it_knows_a_public_address(address: str, public: bool) -> None:
    assert is_public(address) is public


def test_a_message_of_which_every_sender_dies_is_given_up(cast: Cast, web: HttpSink) -> None:
    make_route(cast, "Chat", f"{web.url}/chat")
    raised(cast)
    tell_due()
    with cast.scope():
        AlertDelivery.objects.update(attempts=len(BACKOFF) + 1)
    assert deliver_due() == 0
    assert (web.received, list(states(cast).values())) == ([], ["failed"])
