"""The table of channels, and what the engine is told about each."""

from dataclasses import replace

import pytest

from execution.channels import registry
from execution.channels.email import EMAIL, copies, envelope
from workspaces.errors import InvalidInput

NAMES = [
    *["email", "sms", "voice", "social", "press", "newsletter", "cms", "code", "seo", "ads", "crm", "calendar"],
    *["files", "webhook", "mcp"],
]


def test_all_channels_are_there() -> None:
    assert registry.names()[:15] == NAMES


def test_an_unknown_channel_is_refused_by_field_with_those_there_are() -> None:
    with pytest.raises(InvalidInput) as refused:
        registry.get("fax")
    assert "email, sms, voice" in refused.value.fields["channel"]


@pytest.mark.parametrize("name", NAMES)
def test_its_gate_is_the_one_of_the_default_policies(name: str) -> None:
    gates = {"sms": "HR_PHONE", "voice": "HR_PHONE", "social": "HR_SOCIAL"}
    gates |= dict.fromkeys(("ads", "cms", "crm", "calendar", "files", "webhook", "mcp"), "HR_OPS")
    assert registry.get(name).default_gate == gates.get(name, "HR_LANG")


@pytest.mark.parametrize("name", ["voice", "sms", "ads", "social", "mcp"])
def test_what_cannot_be_taken_back_goes_one_at_a_time(name: str) -> None:
    assert registry.get(name).chunk_size == 1


def test_mail_goes_a_hundred_at_a_time() -> None:
    assert registry.get("email").chunk_size == 100


def test_registering_again_is_harmless_and_a_name_has_one_meaning() -> None:
    registry.register(EMAIL)
    with pytest.raises(ValueError, match="something else"):
        registry.register(replace(EMAIL, chunk_size=1))


def test_copies_count_as_recipients() -> None:
    payload = {"cc": ["Ann <a@example.net>", "b@example.net"], "bcc": ["a@EXAMPLE.net", "c@example.net"]}
    assert copies(payload) == ["a@example.net", "b@example.net", "c@example.net"]
    assert EMAIL.extra_recipients(payload) == copies(payload)


def test_the_envelope_holds_everyone_once() -> None:
    payload = {"cc": ["to@example.net"], "bcc": ["c@example.net"]}
    assert envelope(["to@example.net"], payload) == ["to@example.net", "c@example.net"]


def test_attendees_count_as_recipients() -> None:
    spec = registry.get("calendar")
    assert spec.extra_recipients({"attendees": ["a@example.net", "a@example.net"]}) == ["a@example.net"]
