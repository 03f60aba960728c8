"""An erased person leaves no plain text, and the audit chain stands."""

import json

from django.db import connection

from contacts.services import erase_contact
from execution.engine.drain import drain
from execution.models import ExecutionRequest
from execution.services.alerts import raise_alert
from execution.services.erasing import erase_leftovers
from execution.states import Status
from tests.builders import Cast, make_cast
from tests.execution.arranged import approved_email, propose_email
from workspaces.audit.sealer import seal_once
from workspaces.audit.verify import verify

WORDS = "a sentence that nobody else would write"


def test_no_table_of_ours_holds_a_word_of_an_erased_person(cast: Cast, django_capture_on_commit_callbacks) -> None:
    payload = {"subject": "Hello Alice Adams", "text": WORDS}
    approved_email(cast, payload=payload, metadata={"reason": "Alice Adams chairs it"})
    waiting = propose_email(cast, payload=payload)
    raise_alert(
        workspace_id=cast.workspace.id,
        kind="request_failed",
        fingerprint="f",
        title="It failed",
        detail="550 no such user alice@example.org",
        request_id=waiting.id,
    )
    drain(manual=True, lanes=1)
    with django_capture_on_commit_callbacks(execute=True):
        erase_contact(workspace=cast.workspace, actor=cast.omar, contact_id=cast.alice.id)
    with cast.scope():
        waiting.refresh_from_db()
        erase_leftovers(workspace=cast.workspace)
    assert waiting.status == Status.CANCELLED
    for needle in (WORDS, "Alice Adams", "alice@example.org"):
        assert tables_with(needle) == []


def test_the_dry_run_s_log_forgets_an_erased_person(
    cast: Cast, django_capture_on_commit_callbacks, settings, tmp_path
) -> None:
    settings.DRY_RUN_LOG = tmp_path / "dry-run.jsonl"
    settings.AGENT_DRY_RUN = True
    approved_email(cast)
    approved_email(cast, contact=cast.bob)
    drain(manual=True, lanes=1)
    before = settings.DRY_RUN_LOG.read_bytes()
    with django_capture_on_commit_callbacks(execute=True):
        erase_contact(workspace=cast.workspace, actor=cast.omar, contact_id=cast.alice.id)
    after = settings.DRY_RUN_LOG.read_bytes()
    assert [json.loads(line)["to"] for line in before.splitlines()] == [["alice@example.org"], ["bob@example.org"]]
    assert [json.loads(line)["to"] for line in after.splitlines()] == [[], ["bob@example.org"]]
    assert len(after) == len(before)


def test_the_audit_chain_stands_after_an_erasure(live_db: str) -> None:
    cast = make_cast()
    approved_email(cast)
    seal_once()
    erase_contact(workspace=cast.workspace, actor=cast.omar, contact_id=cast.alice.id)
    seal_once()
    assert verify(workspace_id=cast.workspace.id).bad is None


def test_what_is_under_way_is_blanked_once_it_is_settled(cast: Cast, django_capture_on_commit_callbacks) -> None:
    request = approved_email(cast)
    with cast.scope():
        ExecutionRequest.objects.filter(pk=request.pk).update(status=Status.DISPATCHING, chunk=request.pk)
        with django_capture_on_commit_callbacks(execute=True):
            erase_contact(workspace=cast.workspace, actor=cast.omar, contact_id=cast.alice.id)
        request.refresh_from_db()
        assert request.to == "alice@example.org"
        ExecutionRequest.objects.filter(pk=request.pk).update(status=Status.SUCCEEDED, chunk=None)
        erase_leftovers(workspace=cast.workspace)
        request.refresh_from_db()
    assert (request.to, request.summary) == ("", "(erased)")


def tables_with(needle: str) -> list[str]:
    """The tables of our apps in which some row holds `needle`, bytes included."""
    found = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            if table.split("_")[0] not in ("workspaces", "contacts", "execution", "campaigns", "django"):
                continue
            cursor.execute(f'SELECT count(*) FROM "{table}" t WHERE t::text ILIKE %s', [f"%{needle}%"])  # noqa: S608
            if cursor.fetchone()[0]:
                found.append(table)
        cursor.execute(
            "SELECT count(*) FROM execution_part WHERE position(convert_to(%s, 'UTF8') in content) > 0", [needle]
        )
        if cursor.fetchone()[0]:
            found.append("execution_part")
    return found
