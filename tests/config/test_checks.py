import pytest
from cryptography.fernet import Fernet
from django.core.checks import run_checks
from django.db import connection


def ids(messages) -> set[str]:
    return {message.id for message in messages if message.id.startswith("config.")}


def test_nothing_is_wrong_with_the_settings_of_the_tests():
    assert ids(run_checks()) == set()


def test_it_refuses_a_credentials_key_that_is_none(settings):
    settings.CREDENTIALS_KEY = [Fernet.generate_key().decode(), "secret"]
    assert ids(run_checks()) == {"config.E002"}


@pytest.mark.parametrize("name", ["EXECUTION_POLL_MINUTES", "ENGINE_LANES", "LEASE_SECONDS", "CLUSTER_WORKERS"])
def test_it_refuses_a_number_below_one(settings, name: str):
    setattr(settings, name, 0)
    assert ids(run_checks()) == {"config.E003"}


@pytest.mark.django_db
def test_it_accepts_a_database_that_keeps_what_it_committed():
    assert ids(run_checks(databases=["default"])) == set()


@pytest.mark.django_db
@pytest.mark.parametrize("value", ["off", "local"])
def test_it_refuses_a_database_that_may_forget_a_commit(value: str):
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL synchronous_commit = {value}")
    assert ids(run_checks(databases=["default"])) == {"config.E001"}


def test_a_deployment_is_warned_of_demo_logins(settings):
    settings.DEMO = True
    assert "config.W001" in ids(run_checks(include_deployment_checks=True))


def test_a_deployment_is_warned_where_accounts_cannot_be_kept(settings):
    settings.CREDENTIALS_KEY = []
    assert "config.W002" in ids(run_checks(include_deployment_checks=True))
