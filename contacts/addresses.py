"""Addresses: a normal form to store and write to, a key to know somebody by, and a wider form to suppress by.

Email: the normal form has no outer space, is in Unicode NFC, and its domain is in ASCII (IDNA, UTS 46), in lower case
and without a dot at its end. In the key the local part is case-folded too; dots and +tags are kept. The suppression
form is the key without its +tag; for Gmail without dots as well.
Phone: E.164, which is key and suppression form too.
Handle: `network:handle`, network in lower case, no `@` in front; the key and the suppression form are case-folded.

A mailbox keeps whatever comes after a plus to itself, and Gmail ignores dots and answers to two domains
(support.google.com/mail/answer/7436150). Who opted out as one of those has opted out as all: a form that is too wide
costs a mail unsent, one too narrow breaks a promise.
"""

import re
import unicodedata
from functools import lru_cache
from importlib.resources import files

import idna
import phonenumbers
from django.db import models
from phonenumbers import timezone as phone_zones

MAX_EMAIL = 254  # RFC 5321 section 4.5.3.1.3, less the angle brackets
_MAX_LOCAL = 64  # RFC 5321 section 4.5.3.1.1, in octets
_LOCAL_FORBIDDEN = re.compile(r'[\s()<>\[\]:;,\\"@]|^\.|\.\.|\.$')
_DOMAIN = re.compile(r"(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_PHONE = re.compile(r"(?:tel:)?[\d\s+().\-/\u2010-\u2015]{3,40}")
_EXTENSION = re.compile(r"(?i)\d\s*(;ext=|ext\.?|x|#)\s*\d+\s*$")
_NETWORK = re.compile(r"[a-z0-9][a-z0-9_-]{0,29}")
_GMAIL = frozenset({"gmail.com", "googlemail.com"})


class AddressKind(models.TextChoices):
    """What an address is."""

    EMAIL = "email", "Email"
    PHONE = "phone", "Phone"
    HANDLE = "handle", "Handle"  # an account on a social network


def normal_email(text: str) -> str:
    """`text` as an address that can be written to. Raises ValueError in plain words.

    Quoted local parts and domain literals are refused: nobody has one for good reasons (RFC 5321 section 4.1.2 warns
    against them too). No DNS is asked.
    """
    local, at, domain = unicodedata.normalize("NFC", text.strip()).rpartition("@")
    if not at or not local or _LOCAL_FORBIDDEN.search(local) or not _is_visible(local):
        raise ValueError("This is not an email address such as ann@example.org.")
    domain = _ascii_domain(domain.removesuffix("."))
    if not _DOMAIN.fullmatch(domain):
        raise ValueError("The part after the @ is not a domain such as example.org.")
    if len(local.encode()) > _MAX_LOCAL or len(local.encode()) + 1 + len(domain) > MAX_EMAIL:
        raise ValueError(f"An email address has {MAX_EMAIL} characters at most, {_MAX_LOCAL} of them before the @.")
    return f"{local}@{domain}"


def email_key(email: str) -> str:
    """The key of an address in its normal form."""
    local, _, domain = email.rpartition("@")
    return f"{_fold(local)}@{domain}"


def normal_phone(text: str, *, region: str | None = None) -> str:
    """`text` as E.164, such as +12025550123. Raises ValueError in plain words.

    region: the country (ISO 3166, two letters) of numbers written without their country code.
    The number must be one that can exist in its country's plan; whether it is in use is not known here.
    """
    text = text.strip()
    if _EXTENSION.search(text):
        raise ValueError("Leave the extension out and put it into the notes: a call cannot dial it.")
    if not _PHONE.fullmatch(text):
        raise ValueError("This is not a phone number such as +12025550123.")
    try:
        number = phonenumbers.parse(text.removeprefix("tel:"), region)
    except phonenumbers.NumberParseException as error:
        if error.error_type == phonenumbers.NumberParseException.INVALID_COUNTRY_CODE and region is None:
            raise ValueError("Write the number with its country code, such as +12025550123.") from error
        raise ValueError("This is not a phone number such as +12025550123.") from error
    if not phonenumbers.is_possible_number(number):
        raise ValueError("A number of this length does not exist in its country.")
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


def normal_handle(text: str) -> str:
    """`network:handle`, such as mastodon:ann@example.social. Raises ValueError in plain words."""
    network, colon, handle = text.strip().partition(":")
    network, handle = network.strip().lower(), unicodedata.normalize("NFC", handle.strip()).removeprefix("@")
    if not colon or not _NETWORK.fullmatch(network):
        raise ValueError("Write the network and the handle, such as mastodon:ann@example.social.")
    if not handle or len(handle) > 120 or not _is_visible(handle) or re.search(r"\s", handle):
        raise ValueError("A handle has 1 to 120 characters and no spaces.")
    return f"{network}:{handle}"


def normal_address(*, kind: str, text: str, region: str | None = None) -> str:
    """`text` in the normal form of its kind. Raises ValueError in plain words."""
    if kind == AddressKind.EMAIL:
        return normal_email(text)
    if kind == AddressKind.PHONE:
        return normal_phone(text, region=region)
    if kind == AddressKind.HANDLE:
        return normal_handle(text)
    raise ValueError("The kind of an address is email, phone or handle.")


def address_key(*, kind: str, address: str) -> str:
    """What an address in its normal form is known by: two with one key belong to one contact."""
    if kind == AddressKind.EMAIL:
        return email_key(address)
    return address if kind == AddressKind.PHONE else _fold(address)


def suppression_form(*, kind: str, address: str) -> str:
    """The form of a normal address under which it is suppressed and looked up."""
    key = address_key(kind=kind, address=address)
    if kind != AddressKind.EMAIL:
        return key
    local, _, domain = key.rpartition("@")
    local = local.partition("+")[0] or local  # "+news@example.org" is all tag: that is its mailbox
    if domain in _GMAIL:
        local, domain = local.replace(".", ""), "gmail.com"
    return f"{local}@{domain}"


def guessed_time_zone(phone: str) -> str:
    """The IANA zone of an E.164 number where its prefix leaves exactly one, else "".

    A guess: a mobile number keeps its prefix when its owner moves.
    """
    zones = phone_zones.time_zones_for_number(phonenumbers.parse(phone))
    return str(zones[0]) if len(zones) == 1 and zones[0] != phone_zones.UNKNOWN_TIMEZONE else ""


@lru_cache(maxsize=4_096)
def zones_of_phone(phone: str) -> tuple[str, ...]:
    """The IANA zones whoever has an E.164 number may be in: those of its country, since a number moves inside it;
    all there are where it tells no country, or is "".
    """
    by_zone = _country_of_zone()
    try:
        region = phonenumbers.region_code_for_number(phonenumbers.parse(phone))
    except phonenumbers.NumberParseException:
        region = None
    return tuple(sorted(zone for zone, country in by_zone.items() if country == region)) or tuple(sorted(by_zone))


@lru_cache(maxsize=1)
def _country_of_zone() -> dict[str, str]:
    lines = (files("tzdata.zoneinfo") / "zone.tab").read_text(encoding="utf-8").splitlines()
    rows = [line.split("\t") for line in lines if not line.startswith("#")]
    return {row[2]: row[0] for row in rows}


def region_of_zone(time_zone: str) -> str | None:
    """The country (ISO 3166) that a time zone belongs to, such as FR for Europe/Paris; None for UTC and the like."""
    return _country_of_zone().get(time_zone)


def _ascii_domain(domain: str) -> str:
    if domain.isascii():
        return domain.lower()
    try:
        return idna.encode(domain, uts46=True).decode("ascii").lower().removesuffix(".")
    except idna.IDNAError as error:
        raise ValueError("The part after the @ is not a valid international domain name.") from error


def _fold(text: str) -> str:
    if text.isascii():
        return text.lower()
    # Canonical caseless matching (Unicode 3.13, D145), brought back to one composed form.
    folded = unicodedata.normalize("NFD", text).casefold()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", folded).casefold())


def _is_visible(text: str) -> bool:
    # Controls, separators and formats (bidi, zero width) dress one address up as another.
    if text.isascii():
        return text.isprintable() and " " not in text
    return not any(unicodedata.category(character)[0] in "CZ" for character in text)
