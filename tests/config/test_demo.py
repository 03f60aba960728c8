"""What `make run` sets, what it leaves alone, and what it refuses."""

from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from config.demo import Refused, prepare
from config.keys import catcher_port, read_key


def prepared(folder: Path, **environment: str) -> dict[str, str]:
    environment = {"READ_DOT_ENV": "false", **environment}
    prepare(environment, base_dir=folder)
    return environment


def test_it_sets_what_is_unset(tmp_path: Path):
    environment = prepared(tmp_path)
    assert (environment["DEMO"], environment["AGENT_DRY_RUN"], environment["ENABLE_AUTO_EXECUTION"]) == (
        "true",
        "false",
        "true",
    )


def test_it_keeps_what_is_set(tmp_path: Path):
    environment = prepared(tmp_path, AGENT_DRY_RUN="true", ENABLE_AUTO_EXECUTION="false")
    assert (environment["AGENT_DRY_RUN"], environment["ENABLE_AUTO_EXECUTION"]) == ("true", "false")


def test_it_loosens_nothing_where_no_demo_is_wanted(tmp_path: Path):
    assert "AGENT_DRY_RUN" not in prepared(tmp_path, DEMO="false")


def test_it_reads_dot_env_before_it_sets_anything(tmp_path: Path):
    (tmp_path / ".env").write_text("AGENT_DRY_RUN=true\n")
    assert prepared(tmp_path, READ_DOT_ENV="true")["AGENT_DRY_RUN"] == "true"


def test_what_the_environment_says_wins_over_dot_env(tmp_path: Path):
    (tmp_path / ".env").write_text("DEMO=true\n")
    assert prepared(tmp_path, READ_DOT_ENV="true", DEMO="false")["DEMO"] == "false"


@pytest.mark.parametrize("url", ["smtp://user:secret@mail.example.org:587", "smtp://192.0.2.1:25", "smtp://example"])
def test_it_refuses_a_demo_that_would_send_real_mail(tmp_path: Path, url: str):
    with pytest.raises(Refused, match="LIVE=1") as refusal:
        prepared(tmp_path, EMAIL_URL=url)
    assert "secret" not in str(refusal.value)


@pytest.mark.parametrize("url", ["smtp://127.0.0.1:2525", "smtp://localhost:25", "smtp://[::1]:25"])
def test_it_takes_a_mail_server_on_this_machine(tmp_path: Path, url: str):
    assert prepared(tmp_path, EMAIL_URL=url)["EMAIL_URL"] == url


def test_it_lets_a_demo_send_real_mail_to_whoever_says_so(tmp_path: Path):
    assert prepared(tmp_path, EMAIL_URL="smtp://mail.example.org", LIVE="1")["DEMO"] == "true"


def test_it_makes_keys_once_that_only_their_owner_reads(tmp_path: Path):
    prepared(tmp_path)
    first = {name: read_key(tmp_path / "var", name) for name in ("SECRET_KEY", "CREDENTIALS_KEY", "CRON_SECRET")}
    prepared(tmp_path)
    assert {name: read_key(tmp_path / "var", name) for name in first} == first
    assert len(first["SECRET_KEY"]) >= 50
    Fernet(first["CREDENTIALS_KEY"])
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "var" / "keys").iterdir()} == {0o600}


def test_it_makes_no_key_for_what_is_set(tmp_path: Path):
    prepared(tmp_path, SECRET_KEY="given")
    assert read_key(tmp_path / "var", "SECRET_KEY") == ""


def test_the_port_of_the_catcher_stays_the_same(tmp_path: Path):
    assert catcher_port(tmp_path) == catcher_port(tmp_path)
