"""The documented normal forms, keys and suppression forms (contacts.addresses)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contacts.addresses import (
    address_key,
    email_key,
    guessed_time_zone,
    normal_address,
    normal_email,
    normal_handle,
    normal_phone,
    region_of_zone,
    suppression_form,
)

_ATEXT = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*/=?^_`{|}~-"
_atoms = st.text(_ATEXT, min_size=1, max_size=8)
_locals = st.lists(_atoms, min_size=1, max_size=3).map(".".join)
_tags = st.one_of(st.just(""), _atoms.map(lambda tag: f"+{tag}"))
_labels = st.text("abcdefghijklmnopqrstuvwxyz0123456789", min_size=1, max_size=12)
_domains = st.lists(_labels, min_size=2, max_size=3).map(".".join)


@pytest.mark.parametrize(
    ("given_text", "normal", "key"),
    [
        (" Ann@Example.ORG ", "Ann@example.org", "ann@example.org"),
        ("A+b@Ex.com", "A+b@ex.com", "a+b@ex.com"),
        ("first.last@example.org", "first.last@example.org", "first.last@example.org"),
        ("ann@Bücher.example", "ann@xn--bcher-kva.example", "ann@xn--bcher-kva.example"),
        ("ann@xn--BCHER-KVA.example", "ann@xn--bcher-kva.example", "ann@xn--bcher-kva.example"),
        ("ann@example。org", "ann@example.org", "ann@example.org"),
        ("ann@example.org.", "ann@example.org", "ann@example.org"),
        ("Ünal@example.org", "Ünal@example.org", "ünal@example.org"),
        ("U\u0308nal@example.org", "Ünal@example.org", "ünal@example.org"),
    ],
)
def test_it_knows_an_email_in_any_spelling(given_text, normal, key):
    assert normal_email(given_text) == normal
    assert email_key(normal) == key


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ann",
        "ann@",
        "@example.org",
        "ann@localhost",
        "ann@example..org",
        "ann@-example.org",
        "ann@exa_mple.org",
        ".ann@example.org",
        "ann.@example.org",
        "a..n@example.org",
        "ann lee@example.org",
        '"ann"@example.org',
        "ann@example.org, bob@example.org",
        "Ann <ann@example.org>",
        "ann@[192.0.2.1]",
        "ann\n@example.org",
        "ann\u200b@example.org",
        "ann\u202e@example.org",
        "ann@example.org\u0000",
        "a" * 65 + "@example.org",
        "ann@" + "a" * 64 + ".org",
        "ann@" + ".".join(["a" * 60] * 5),
    ],
)
def test_it_refuses_what_is_no_email_address(text):
    with pytest.raises(ValueError, match=r"\w"):
        normal_email(text)


@given(local=_locals, tag=_tags, domain=_domains)
def test_a_normal_email_stays_as_it_is(local, tag, domain):
    normal = normal_email(f"{local}{tag}@{domain}")
    assert normal_email(normal) == normal


@given(local=_locals, tag=_tags, other_tag=_tags, domain=_domains)
def test_case_spacing_and_tags_do_not_get_past_a_suppression(local, tag, other_tag, domain):
    suppressed = normal_email(f"{local}{tag}@{domain}")
    written = normal_email(f"  {local.upper()}{other_tag}@{domain.upper()} ")
    assert suppression_form(kind="email", address=suppressed) == suppression_form(kind="email", address=written)


@given(local=_locals, other=_locals, domain=_domains)
def test_different_mailboxes_are_suppressed_apart(local, other, domain):
    one = suppression_form(kind="email", address=normal_email(f"{local}@{domain}"))
    two = suppression_form(kind="email", address=normal_email(f"{other}@{domain}"))
    assert (one == two) == (local.lower() == other.lower())


@given(st.text(max_size=40))
def test_any_text_is_taken_or_refused_in_plain_words(text):
    for kind in ("email", "phone", "handle"):
        try:
            normal = normal_address(kind=kind, text=text, region="US")
        except ValueError:
            continue
        assert normal_address(kind=kind, text=normal, region="US") == normal
        key = address_key(kind=kind, address=normal)
        assert address_key(kind=kind, address=key) == key
        form = suppression_form(kind=kind, address=normal)
        assert suppression_form(kind=kind, address=form) == form


def test_tags_and_dots_tell_contacts_apart():
    keys = {email_key(text) for text in ("ann.lee@example.org", "annlee@example.org", "annlee+news@example.org")}
    assert len(keys) == 3


@pytest.mark.parametrize(
    "spelling", ["ann.lee@gmail.com", "AnnLee@googlemail.com", "a.n.n.lee+x@gmail.com", "annlee@GMAIL.com"]
)
def test_gmail_is_one_mailbox_in_any_spelling(spelling):
    assert suppression_form(kind="email", address=normal_email(spelling)) == "annlee@gmail.com"


def test_dots_count_outside_gmail():
    one = suppression_form(kind="email", address="ann.lee@example.org")
    assert one != suppression_form(kind="email", address="annlee@example.org")


@pytest.mark.parametrize(
    ("text", "region", "normal"),
    [
        ("+1 (202) 555-0123", None, "+12025550123"),
        ("202.555.0123", "US", "+12025550123"),
        ("tel:+1-202-555-0123", None, "+12025550123"),
        ("01 99 00 12 34", "FR", "+33199001234"),
        ("+39 06 1234 5678", None, "+390612345678"),
        ("0044 20 7946 0958", "FR", "+442079460958"),
    ],
)
def test_it_writes_a_phone_number_as_e164(text, region, normal):
    assert normal_phone(text, region=region) == normal
    assert normal_phone(normal) == normal


@pytest.mark.parametrize(
    ("text", "region"),
    [
        ("202 555 0123", None),
        ("+1 202 555 0123 ext. 12", None),
        ("+12025550123x12", None),
        ("+1 202", None),
        ("+999 123456789", None),
        ("+1 202 555 0123 4567 8901", None),
        ("call me", "US"),
        ("+1202555012a", "US"),
        ("", "US"),
    ],
)
def test_it_refuses_what_is_no_phone_number(text, region):
    with pytest.raises(ValueError, match=r"\w"):
        normal_phone(text, region=region)


def test_it_says_that_a_country_code_is_missing():
    with pytest.raises(ValueError, match="country code"):
        normal_phone("202 555 0123")


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("mastodon:@ann@example.social", "mastodon:ann@example.social"),
        (" X : @Ann ", "x:Ann"),
        ("linkedin:ann-lee", "linkedin:ann-lee"),
    ],
)
def test_it_writes_a_handle_with_its_network(text, normal):
    assert normal_handle(text) == normal


@pytest.mark.parametrize("text", ["ann", ":ann", "x:", "x:a b", "x:" + "a" * 121, "a b:ann", "x:a\u200bb"])
def test_it_refuses_what_is_no_handle(text):
    with pytest.raises(ValueError, match=r"\w"):
        normal_handle(text)


@pytest.mark.parametrize(
    ("phone", "zone"),
    [("+12025550123", "America/New_York"), ("+33199001234", "Europe/Paris"), ("+18005550123", ""), ("+6112345678", "")],
)
def test_it_guesses_a_time_zone_only_where_one_is_left(phone, zone):
    assert guessed_time_zone(phone) == zone


@pytest.mark.parametrize(("zone", "region"), [("Europe/Paris", "FR"), ("America/New_York", "US"), ("UTC", None)])
def test_a_workspaces_zone_names_its_country(zone, region):
    assert region_of_zone(zone) == region
