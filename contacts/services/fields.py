"""Reading a contact's fields as they come from outside: from a form, the API, an agent or a CSV file."""

from collections.abc import Iterable, Mapping
from typing import Any
from zoneinfo import available_timezones

from django.utils.text import slugify

from contacts.addresses import (
    email_key,
    guessed_time_zone,
    normal_email,
    normal_handle,
    normal_phone,
)
from contacts.hashing import AddressHasher
from contacts.models import ContactKind
from contacts.services.writing import Fields, line, one_of, prose

_MOST_TAGS = 50
_MOST_HANDLES = 30
_ZONES = available_timezones()


def read_columns(
    raw: Mapping[str, Any], *, region: str | None, hasher: AddressHasher, fields: Fields
) -> dict[str, Any]:
    """The columns of Contact for what `raw` holds; what is wrong goes into `fields`.

    region: the country of phone numbers without a country code.
    Known names: name, kind, title, email, phone, handles, time_zone, notes, source. Others are ignored here.
    """
    readers = {
        "name": lambda value: line(value, most=200),
        "kind": lambda value: one_of(value, allowed=ContactKind.values),
        "title": lambda value: line(value, most=200),
        "handles": read_handles,
        "notes": prose,
        "source": lambda value: line(value, most=120),
    }
    columns = {
        name: fields.read(name, lambda read=read, name=name: read(raw[name]))  # type: ignore[misc]
        for name, read in readers.items()
        if name in raw
    }
    if "email" in raw:
        email = fields.read("email", lambda: _address(raw["email"], normal_email))
        hashed = hasher(kind="email", address=email) if email else ""
        columns |= {"email": email, "email_key": email_key(email) if email else "", "email_hash": hashed}
    if "phone" in raw:
        phone = fields.read("phone", lambda: _address(raw["phone"], lambda text: normal_phone(text, region=region)))
        hashed = hasher(kind="phone", address=phone) if phone else ""
        columns |= {"phone": phone, "phone_hash": hashed}
    if "time_zone" in raw:
        columns["time_zone"] = fields.read("time_zone", lambda: _zone(raw["time_zone"]))
        columns["time_zone_is_guess"] = False
    return columns


def guess_zone(columns: dict[str, Any]) -> None:
    """Where no time zone is given, take the one the phone number leaves, and say that it is a guess."""
    if columns.get("phone") and not columns.get("time_zone"):
        columns["time_zone"] = guessed_time_zone(columns["phone"])
        columns["time_zone_is_guess"] = bool(columns["time_zone"])


def read_tags(value: Any) -> list[str]:
    """Tags as sorted slugs, each once. Raises ValueError."""
    if isinstance(value, str) or not isinstance(value, Iterable):
        raise ValueError("Write a list of tags.")
    tags = set()
    for item in value:
        tag = slugify(line(item, most=100), allow_unicode=False)
        if not tag or len(tag) > 50:
            raise ValueError("A tag has 1 to 50 letters, digits and hyphens.")
        tags.add(tag)
    if len(tags) > _MOST_TAGS:
        raise ValueError(f"{_MOST_TAGS} tags at most.")
    return sorted(tags)


def read_handles(value: Any) -> dict[str, str]:
    """Handles as network -> handle. Raises ValueError."""
    if not isinstance(value, Mapping) or len(value) > _MOST_HANDLES:
        raise ValueError(f"Write an object of networks and handles, {_MOST_HANDLES} at most.")
    handles = {}
    for network, handle in value.items():
        if not isinstance(network, str) or not isinstance(handle, str):
            raise ValueError("Write each network and handle as text.")
        if handle.strip():
            network, _, handle = normal_handle(f"{network}:{handle}").partition(":")
            handles[network] = handle
    return handles


def _address(value: Any, normal: Any) -> str:
    text = line(value, most=400)
    return str(normal(text)) if text else ""


def _zone(value: Any) -> str:
    text = line(value, most=64)
    if text and text not in _ZONES:
        raise ValueError("Write the name of a time zone, such as Europe/Paris.")
    return text
