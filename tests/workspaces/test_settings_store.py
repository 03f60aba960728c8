"""Settings that change at run time: read strictly, the stricter in force, every change on record."""

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from workspaces.actors import Actor, resolve_actor, system_actor
from workspaces.errors import InvalidInput, NotPermitted
from workspaces.models import AuditEntry, Mode, Workspace
from workspaces.settings_store import KEYS, effective_mode, effective_settings, get_setting, set_setting


@pytest.fixture(autouse=True)
def free_to_act(settings):
    settings.AGENT_DRY_RUN = False


@pytest.fixture
def operator(cast) -> Actor:
    return resolve_actor(label="human:omar", workspace=None, via="cli")


def put(cast, key, value, actor=None):
    return set_setting(key=key, value=value, workspace=cast.workspace, actor=actor or cast.omar)


def in_force(cast, key):
    return get_setting(key=key, workspace=Workspace.objects.get(pk=cast.workspace.pk))


@pytest.mark.parametrize(
    ("key", "value", "read"),
    [
        ("execution_enabled", "FALSE", False),
        ("execution_enabled", True, True),
        ("mode", "draft_only", "draft_only"),
        ("global_pause", "true", True),
        ("poll_limit", "25", 25),
        ("max_attempts", 20, 20),
        ("escalation_person", "human:rosa", "rosa"),
        ("escalation_person", "", ""),
        ("sole_operator", "true", True),
        ("undo_seconds.email", "30", 30),
    ],
)
def test_it_reads_what_fits(cast, key, value, read):
    assert put(cast, key, value) == read
    assert in_force(cast, key) == read


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("execution_enabled", "yes"),
        ("execution_enabled", 1),
        ("execution_enabled", None),
        ("mode", "LIVE"),
        ("mode", ["live"]),
        ("global_pause", "on"),
        ("poll_limit", 0),
        ("poll_limit", 1001),
        ("poll_limit", True),
        ("poll_limit", 2.5),
        ("poll_limit", "-1"),
        ("max_attempts", 21),
        ("max_attempts", "3; DROP TABLE"),
        ("escalation_person", "nobody"),
        ("undo_seconds.email", 86_401),
    ],
)
def test_it_refuses_what_does_not_and_keeps_what_was(cast, key, value):
    before = in_force(cast, key)
    with pytest.raises(InvalidInput) as refusal:
        put(cast, key, value)
    assert set(refusal.value.fields) == {"value"}
    assert in_force(cast, key) == before


@pytest.mark.parametrize("key", ["", "colour", "undo_seconds.", "Mode"])
def test_an_unknown_setting_is_refused_with_the_names_there_are(cast, key):
    with pytest.raises(InvalidInput, match="execution_enabled"):
        put(cast, key, True)


@pytest.mark.django_db
def test_every_setting_has_a_default_that_fits_and_a_meaning(cast):
    values = effective_settings(workspace=cast.workspace)
    assert set(values) == set(KEYS)
    assert all(key.meaning.endswith(".") for key in KEYS.values())


@pytest.mark.parametrize("who", ["rosa", "ada", "vic", "crm", "writer"])
def test_only_who_manages_the_workspace_sets_it(cast, who):
    with pytest.raises(NotPermitted):
        put(cast, "poll_limit", 5, actor=getattr(cast, who))


def test_an_owner_elsewhere_does_not(cast, other):
    with pytest.raises(NotPermitted):
        put(cast, "poll_limit", 5, actor=other.olga)


def test_the_installations_are_for_an_operator(cast, other, operator):
    with pytest.raises(NotPermitted):
        set_setting(key="poll_limit", value=5, workspace=None, actor=other.olga)
    set_setting(key="poll_limit", value=5, workspace=None, actor=operator)
    assert in_force(cast, "poll_limit") == 5


def test_a_workspaces_own_value_comes_before_the_installations(cast, operator):
    set_setting(key="poll_limit", value=5, workspace=None, actor=operator)
    put(cast, "poll_limit", 7)
    assert in_force(cast, "poll_limit") == 7
    assert get_setting(key="poll_limit", workspace=None) == 5


@pytest.mark.parametrize(
    ("installation", "workspace", "dry_run", "effect"),
    [
        ("live", "live", False, "live"),
        ("live", "live", True, "dry_run"),
        ("live", "dry_run", False, "dry_run"),
        ("draft_only", "live", False, "draft_only"),
        ("dry_run", "draft_only", False, "dry_run"),
        ("live", "draft_only", False, "draft_only"),
        ("draft_only", "draft_only", True, "dry_run"),
    ],
)
def test_the_strictest_mode_is_in_force(cast, operator, settings, installation, workspace, dry_run, effect):
    settings.AGENT_DRY_RUN = dry_run
    set_setting(key="mode", value=installation, workspace=None, actor=operator)
    put(cast, "mode", workspace)
    assert effective_mode(Workspace.objects.get(pk=cast.workspace.pk)) == effect


def test_a_workspaces_mode_is_kept_on_the_workspace(cast):
    put(cast, "mode", "draft_only")
    assert Workspace.objects.get(pk=cast.workspace.pk).mode == Mode.DRAFT_ONLY
    assert cast.workspace.mode == Mode.DRAFT_ONLY


@pytest.mark.parametrize(
    ("key", "installation", "workspace", "effect"),
    [
        ("execution_enabled", False, True, False),
        ("execution_enabled", True, False, False),
        ("execution_enabled", True, True, True),
        ("global_pause", True, False, True),
        ("global_pause", False, True, True),
        ("global_pause", False, False, False),
    ],
)
def test_of_two_switches_the_safer_is_in_force(cast, operator, key, installation, workspace, effect):
    set_setting(key=key, value=installation, workspace=None, actor=operator)
    put(cast, key, workspace)
    assert in_force(cast, key) is effect


def test_every_setting_in_force_takes_one_query(cast, django_assert_num_queries):
    put(cast, "poll_limit", 7)
    with django_assert_num_queries(1):
        effective_settings(workspace=cast.workspace)


def test_a_change_is_on_record_and_heard_by_guards(cast):
    put(cast, "poll_limit", 7)
    before = Workspace.objects.get(pk=cast.workspace.pk).guard_epoch
    put(cast, "poll_limit", 8)
    entry = AuditEntry.objects.filter(action="setting.changed").latest("id")
    assert entry.data == {"key": "poll_limit", "was": 7, "now": 8}
    assert entry.workspace_id == cast.workspace.id
    assert Workspace.objects.get(pk=cast.workspace.pk).guard_epoch == before + 1


def test_a_person_is_on_record_by_their_id(cast):
    put(cast, "escalation_person", "rosa")
    entry = AuditEntry.objects.filter(action="setting.changed").latest("id")
    assert entry.data == {"key": "escalation_person", "was": None, "now": str(cast.rosa.principal_id)}


def test_a_change_of_the_installation_is_heard_in_every_workspace(cast, other):
    before = dict(Workspace.objects.values_list("pk", "guard_epoch"))
    set_setting(key="poll_limit", value=8, workspace=None, actor=system_actor("shell", via="cli"))
    after = dict(Workspace.objects.values_list("pk", "guard_epoch"))
    assert {pk: epoch - before[pk] for pk, epoch in after.items()} == dict.fromkeys(before, 1)


def test_the_command_shows_and_sets(cast, capsys):
    call_command("setting", "poll_limit", "9", workspace="demo", actor="human:omar")
    call_command("setting", "poll_limit", workspace="demo")
    assert capsys.readouterr().out.split() == ["9", "9"]


@pytest.mark.parametrize(
    ("arguments", "options"),
    [
        (["colour", "red"], {}),
        (["poll_limit", "many"], {}),
        (["poll_limit", "9"], {"workspace": "nowhere"}),
        (["poll_limit", "9"], {"workspace": "demo", "actor": "human:rosa"}),
        (["poll_limit", "9"], {"actor": "human:rosa"}),
    ],
)
def test_the_command_says_what_is_wrong(cast, arguments, options):
    with pytest.raises(CommandError, match=r"\w"):
        call_command("setting", *arguments, **options)
