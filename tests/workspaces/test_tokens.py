"""Bearer tokens: shown once, kept as a hash, bound to one membership."""

import hashlib
from datetime import timedelta

import pytest
import time_machine
from django.apps import apps
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection
from django.utils import timezone

from workspaces.actors import actor_for_token
from workspaces.errors import NotAuthenticated, NotPermitted
from workspaces.models import AuditEntry, Membership, Token
from workspaces.services import authenticate_token, change_member, issue_token, revoke_token


def membership_of(cast, name):
    return Membership.objects.get(workspace=cast.workspace, principal_id=getattr(cast, name).principal_id)


def issue(cast, name="crm", *, actor="omar", **fields):
    return issue_token(membership=membership_of(cast, name), name="test", actor=getattr(cast, actor), **fields)


def test_a_token_stands_for_its_member(cast):
    _, secret = issue(cast)
    actor = actor_for_token(token=authenticate_token(secret=secret))
    assert (actor.label, actor.workspace_id, actor.via) == ("service:crm", cast.workspace.id, "api")


def test_its_secret_is_nowhere_in_the_database(cast):
    token, secret = issue(cast)
    assert token.digest == hashlib.sha256(secret.encode()).hexdigest()
    with connection.cursor() as cursor:
        for model in apps.get_models():
            table = connection.ops.quote_name(model._meta.db_table)
            cursor.execute(f"SELECT count(*) FROM {table} AS row WHERE row::text LIKE %s", [f"%{secret}%"])  # noqa: S608
            assert cursor.fetchone() == (0,)


def test_it_is_long_and_of_chance(cast):
    secrets = {issue(cast)[1] for _ in range(3)}
    assert len(secrets) == 3
    assert all(secret.startswith("cs_") and len(secret) >= 40 for secret in secrets)


@pytest.mark.parametrize("secret", ["", "cs_", "cs_unknown", "x" * 5_000, "\x00"])
def test_an_unknown_one_is_refused(cast, secret):
    with pytest.raises(NotAuthenticated):
        authenticate_token(secret=secret)


def test_it_ends_when_it_expires(cast):
    _, secret = issue(cast, expires_at=timezone.now() + timedelta(hours=1))
    authenticate_token(secret=secret)
    with time_machine.travel(timezone.now() + timedelta(hours=1, seconds=1)), pytest.raises(NotAuthenticated):
        authenticate_token(secret=secret)


def test_a_revoked_one_is_refused_in_the_same_words_as_an_unknown_one(cast):
    token, secret = issue(cast)
    revoke_token(token=token, actor=cast.omar)
    with pytest.raises(NotAuthenticated) as revoked:
        authenticate_token(secret=secret)
    with pytest.raises(NotAuthenticated) as unknown:
        authenticate_token(secret="cs_unknown")
    assert revoked.value.detail == unknown.value.detail


def test_its_last_use_is_known_to_the_minute(cast, django_assert_num_queries):
    token, secret = issue(cast)
    authenticate_token(secret=secret)
    token.refresh_from_db()
    first = token.last_used_at
    assert first is not None
    with django_assert_num_queries(1):
        authenticate_token(secret=secret)
    with time_machine.travel(first + timedelta(minutes=2), tick=False):
        authenticate_token(secret=secret)
    token.refresh_from_db()
    assert token.last_used_at == first + timedelta(minutes=2)


def test_a_member_who_is_switched_off_is_refused_at_once(cast):
    _, secret = issue(cast)
    change_member(membership=membership_of(cast, "crm"), actor=cast.omar, is_active=False)
    with pytest.raises(NotPermitted):
        actor_for_token(token=authenticate_token(secret=secret))


@pytest.mark.parametrize("who", ["rosa", "ada", "vic", "writer"])
def test_a_services_token_is_made_by_who_manages_members(cast, who):
    with pytest.raises(NotPermitted):
        issue(cast, "crm", actor=who)


def test_everybody_makes_their_own(cast):
    _, secret = issue(cast, "rosa", actor="rosa")
    assert actor_for_token(token=authenticate_token(secret=secret)).label == "human:rosa"


def test_an_owner_does_not_make_a_token_that_acts_in_a_persons_name(cast, other):
    rosa = Membership.objects.get(workspace=other.workspace, principal_id=other.otto.principal_id)
    with pytest.raises(NotPermitted, match="in their name"):
        issue_token(membership=rosa, name="test", actor=other.olga)


def test_an_owner_of_another_workspace_makes_and_revokes_none(cast, other):
    token, _ = issue(cast)
    with pytest.raises(NotPermitted):
        issue_token(membership=membership_of(cast, "crm"), name="test", actor=other.olga)
    with pytest.raises(NotPermitted):
        revoke_token(token=token, actor=other.olga)


def test_making_and_revoking_are_on_record_without_the_secret(cast):
    token, secret = issue(cast)
    revoke_token(token=token, actor=cast.omar)
    entries = AuditEntry.objects.filter(subject_id=token.id).order_by("id")
    assert [entry.action for entry in entries] == ["token.issued", "token.revoked"]
    assert secret not in str([entry.data for entry in entries])


def test_the_command_prints_a_token_that_works(cast, capsys):
    call_command("issue_token", "crm", workspace="demo", days=1)
    secret = capsys.readouterr().out.strip()
    token = authenticate_token(secret=secret)
    assert token.expires_at is not None
    assert token.expires_at > timezone.now()
    assert Token.objects.filter(membership__principal__name="crm").count() == 1


@pytest.mark.parametrize(("user", "slug"), [("nobody", "demo"), ("crm", "nowhere"), ("writer", "demo")])
def test_the_command_says_who_is_not_there(cast, user, slug):
    with pytest.raises(CommandError, match="no active member"):
        call_command("issue_token", user, workspace=slug)
