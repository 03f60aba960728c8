"""The table of providers, and what holds for all of them."""

from typing import ClassVar

import pytest

from execution.providers import registry
from execution.providers.base import UNKNOWN, AccountConfig, Act, Connection, Provider, Receipt
from execution.providers.errors import Ambiguous, Misconfigured, Permanent, ProviderError, Transient
from execution.providers.smtp import SmtpProvider
from workspaces.errors import InvalidInput


class Recorder(Provider):
    name = "recorder"
    label = "Recorder"
    channels = frozenset({"sms"})

    def connect(self, account: AccountConfig) -> Connection:
        return RecorderConnection(provider=self, account=account)


class RecorderConnection(Connection):
    closed: ClassVar[bool] = False

    def send(self, act: Act) -> Receipt:
        return Receipt(provider_message_id=act.content()["text"])

    def close(self) -> None:
        type(self).closed = True


ACT = Act(request_id="1", attempt_id="1", channel="sms", to=["+15550100"], payload=lambda: {"text": "hello"})
ACCOUNT = AccountConfig(provider="recorder")


def test_every_path_in_the_table_leads_to_the_provider_it_names() -> None:
    assert registry.problems() == []
    assert isinstance(registry.get("smtp"), SmtpProvider)
    assert registry.get("smtp") is registry.get("smtp")


@pytest.mark.parametrize(
    ("key", "path"),
    [
        ("gone", "execution.providers.no_such_module.Provider"),
        ("gone", "execution.providers.smtp.NoSuchProvider"),
        ("gone", "execution.providers.smtp.SmtpConnection"),
        ("gone", "execution.providers.base.Receipt"),
        ("mail", "execution.providers.smtp.SmtpProvider"),
    ],
)
def test_a_path_that_leads_nowhere_is_named(monkeypatch: pytest.MonkeyPatch, key: str, path: str) -> None:
    monkeypatch.setitem(registry.PROVIDERS, key, path)
    (problem,) = registry.problems()
    assert key in problem


def test_an_unknown_provider_is_refused_by_field_with_those_there_are() -> None:
    with pytest.raises(InvalidInput, match="smtp") as refused:
        registry.get("pigeon")
    assert "provider" in refused.value.fields


def test_a_provider_can_be_put_in_for_a_while() -> None:
    with registry.register_temporarily(Recorder()) as recorder:
        assert registry.get("recorder") is recorder
        assert "recorder" in registry.names()
    with pytest.raises(InvalidInput):
        registry.get("recorder")


def test_a_provider_can_stand_in_for_another() -> None:
    before = registry.get("smtp")
    with registry.register_temporarily(Recorder(), key="smtp") as recorder:
        assert registry.get("smtp") is recorder
    assert registry.get("smtp") is before


def test_a_payload_is_fetched_when_it_is_looked_at() -> None:
    with Recorder().connect(ACCOUNT) as connection:
        assert connection.perform(ACT).provider_message_id == "hello"
    assert RecorderConnection.closed


def test_a_provider_offers_only_what_it_says() -> None:
    connection = Recorder().connect(ACCOUNT)
    assert connection.lookup(ACT) is UNKNOWN
    with pytest.raises(Permanent, match="no drafts"):
        connection.draft(ACT)
    with pytest.raises(Permanent, match="takes nothing back"):
        connection.revert(ACT, Receipt())
    with pytest.raises(Permanent, match="cannot perform email"):
        connection.perform(Act(request_id="1", attempt_id="1", channel="email", to=[]))


def test_what_stops_an_account_is_never_tried_again_as_a_failed_act() -> None:
    assert not issubclass(Misconfigured, ProviderError)
    assert all(issubclass(kind, ProviderError) for kind in (Transient, Permanent, Ambiguous))
