from typing import Any

import pytest

from campaigns.errors import AgentFailed, Held
from campaigns.models import AgentRun, Draft
from campaigns.services import agent_runs
from campaigns.services.agent_runs import perform_run, resume_runs, retry_run
from campaigns.services.campaigns import save_prospects
from campaigns.services.desk import RunDesk
from contacts.models import Contact
from contacts.services import erase_contact
from execution.models import ExecutionPlan, ExecutionRequest, RequestGate
from tests.builders import Cast, OtherCast
from tests.campaigns.world import PROSPECTS, make_run, run_outreach
from workspaces.errors import Conflict, InvalidInput, NotFound, NotPermitted

CSV = b"""Name;E-mail;Organization;Committee
Office of Maren Hale;HALE@Senate.example;State Senate;Energy
Nobody;;Nowhere;Energy
"""


def test_it_proposes_one_email_for_each_target_at_the_language_gate(cast: Cast):
    run = run_outreach(cast)
    with cast.scope():
        requests = list(ExecutionRequest.objects.filter(plan=run.plan).select_related("contact"))
        gates = RequestGate.objects.filter(request__plan=run.plan, state="open")
        assert {request.to for request in requests} == {"hale@senate.example", "hi@prairie.example"}
        assert set(gates.values_list("name", flat=True)) == {"HR_LANG"} and gates.count() == 2


def test_the_agent_proposes_in_its_own_name_and_not_its_starters(cast: Cast):
    run = run_outreach(cast)
    with cast.scope():
        requests = ExecutionRequest.objects.filter(plan=run.plan).select_related("proposed_by", "current__author")
        assert {request.proposed_by.label for request in requests} == {"agent:outreach"}
        assert {request.current.author.label for request in requests if request.current} == {"agent:outreach"}


def test_each_draft_says_why_its_target_was_picked_and_who_wrote_it(cast: Cast):
    run = run_outreach(cast)
    with cast.scope():
        draft = Draft.objects.get(run=run, contact__name="Office of Maren Hale")
        request = ExecutionRequest.objects.get(origin_id=draft.pk)
    assert draft.request_id == request.pk
    assert draft.cites == [{"source": "the list given, row 1", "field": "committees", "text": "Energy"}]
    assert "committees: “Energy” (the list given, row 1)" in draft.reason
    assert request.metadata["reason"] == draft.reason
    assert request.metadata["writer"] == "offline template"


def test_it_makes_contacts_of_prospects_with_what_was_read(cast: Cast):
    rows = [{**PROSPECTS[0], "organisation": "State Senate", "role": "Chair"}]
    run_outreach(cast, prospects=rows)
    with cast.scope():
        contact = Contact.objects.select_related("organisation", "created_by").get(email="hale@senate.example")
        assert (contact.kind, contact.title, contact.created_by.label) == ("office", "Chair", "agent:outreach")
        assert contact.organisation is not None and contact.organisation.name == "State Senate"


def test_a_contact_that_is_there_is_written_to_and_left_as_it_is(cast: Cast):
    run = run_outreach(cast, prospects=[{"name": "Somebody else", "email": "ALICE@example.org", "issues": "energy"}])
    with cast.scope():
        assert Contact.objects.get(pk=cast.alice.pk).name == "Alice Adams"
        assert ExecutionRequest.objects.get(plan=run.plan).contact_id == cast.alice.pk


def test_it_leaves_out_whoever_must_not_be_contacted(cast: Cast):
    rows = [*PROSPECTS, {"name": "Charlie", "email": cast.charlie.email, "issues": "clean energy"}]
    run = run_outreach(cast, prospects=rows)
    with cast.scope():
        assert not ExecutionRequest.objects.filter(plan=run.plan, contact=cast.charlie).exists()
    assert any("it must not be contacted: the list given, row 3" in line["text"] for line in run.log)


def test_it_reads_an_uploaded_list(cast: Cast):
    prospects = save_prospects(workspace=cast.workspace, actor=cast.ada, name="senate.csv", data=CSV)
    run = run_outreach(cast, prospect_list=str(prospects.pk))
    with cast.scope():
        assert ExecutionRequest.objects.get(plan=run.plan).to == "HALE@senate.example"
        assert Draft.objects.get(run=run).cites[0]["source"] == "senate.csv, row 2"


def test_it_refuses_a_list_with_an_address_that_is_none_and_keeps_nothing(cast: Cast):
    with pytest.raises(InvalidInput) as refused:
        save_prospects(workspace=cast.workspace, actor=cast.ada, name="x.csv", data=b"name,email\nAnn,ann at home\n")
    assert list(refused.value.fields) == ["row 2, email"]


def test_it_reads_the_contact_book_by_a_query(cast: Cast):
    run = run_outreach(cast, query="Bob")
    with cast.scope():
        assert ExecutionRequest.objects.get(plan=run.plan).contact_id == cast.bob.pk


def test_it_does_not_read_a_list_of_another_workspace(cast: Cast, other: OtherCast):
    theirs = save_prospects(workspace=other.workspace, actor=other.olga, name="theirs.csv", data=CSV)
    with pytest.raises(NotFound):
        run_outreach(cast, prospect_list=str(theirs.pk))


def test_it_says_what_is_wrong_where_there_is_nobody_to_write_to(cast: Cast):
    run = make_run(cast, prospects=[{"name": "No mail"}])
    with pytest.raises(AgentFailed):
        perform_run(workspace=cast.workspace, run_id=run.pk)
    with cast.scope():
        run.refresh_from_db()
        assert run.status == "failed" and "nobody to write to" in run.error
        assert not ExecutionPlan.objects.exists()


@pytest.mark.parametrize(
    ("inputs", "field"),
    [
        ({"goal": ""}, "inputs.goal"),
        ({"goal": "x", "surprise": 1}, "inputs.surprise"),
        ({"goal": "x", "at_most": 0}, "inputs.at_most"),
        ({"goal": "a\0b"}, "inputs.goal"),
        ({"goal": "x", "prospects": [], "query": "y"}, "inputs.prospects"),
    ],
)
def test_it_names_the_input_that_does_not_fit(cast: Cast, inputs: dict[str, Any], field: str):
    with pytest.raises(InvalidInput) as refused:
        make_run(cast, **inputs)
    assert field in refused.value.fields


def test_a_viewer_does_not_start_an_agent(cast: Cast):
    with pytest.raises(NotPermitted):
        agent_runs.create_run(workspace=cast.workspace, actor=cast.vic, agent="outreach", inputs={"goal": "x"})


def test_a_run_that_is_done_proposes_nothing_more(cast: Cast):
    run = run_outreach(cast)
    again = perform_run(workspace=cast.workspace, run_id=run.pk)
    with cast.scope():
        assert again.plan_id == run.plan_id
        assert ExecutionRequest.objects.count() == 2


def test_a_run_that_broke_off_goes_on_without_writing_again(cast: Cast, monkeypatch: pytest.MonkeyPatch):
    run = make_run(cast)
    keep = RunDesk.keep
    kept: list[object] = []

    def break_off(desk: RunDesk, proposal: Any) -> None:
        keep(desk, proposal)
        kept.append(proposal.contact)
        if len(kept) == 1:
            raise RuntimeError("the process died")

    monkeypatch.setattr(RunDesk, "keep", break_off)
    with pytest.raises(RuntimeError):
        perform_run(workspace=cast.workspace, run_id=run.pk)
    perform_run(workspace=cast.workspace, run_id=run.pk)
    with cast.scope():
        assert len(kept) == 2 and len(set(kept)) == 2
        assert Draft.objects.count() == 2
        assert ExecutionRequest.objects.count() == 2
        assert Contact.objects.filter(email__endswith=".example").count() == 2


def test_a_process_that_lost_its_run_proposes_nothing(cast: Cast, monkeypatch: pytest.MonkeyPatch):
    run = make_run(cast)
    work = agent_runs._work

    def be_overtaken(taken: AgentRun) -> Any:
        result = work(taken)
        AgentRun.objects.filter(pk=run.pk).update(tries=taken.tries + 1)
        return result

    monkeypatch.setattr(agent_runs, "_work", be_overtaken)
    with pytest.raises(Conflict):
        perform_run(workspace=cast.workspace, run_id=run.pk)
    with cast.scope():
        run.refresh_from_db()
        assert run.status == "running"
        assert not ExecutionPlan.objects.exists()


@pytest.mark.parametrize("scope", ["agent:outreach", "workspace:demo"])
def test_a_run_on_hold_waits_and_makes_no_contact(cast: Cast, scope: str):
    from execution import hold

    hold(scope=scope, reason="Wait for the lawyer.", actor=cast.rosa, workspace=cast.workspace)
    run = make_run(cast)
    with pytest.raises(Held):
        perform_run(workspace=cast.workspace, run_id=run.pk)
    with cast.scope():
        run.refresh_from_db()
        assert (run.status, run.tries) == ("queued", 0) and "Wait for the lawyer." in run.error
        assert not Contact.objects.filter(email__endswith=".example").exists()


def test_a_hold_set_while_an_agent_writes_stops_it_at_the_next_draft(cast: Cast, monkeypatch: pytest.MonkeyPatch):
    from campaigns.writers.offline import OfflineWriter
    from execution import hold

    write = OfflineWriter.write

    def hold_then_write(writer: OfflineWriter, **told: Any) -> Any:
        hold(scope="agent:outreach", reason="Stop.", actor=cast.rosa, workspace=cast.workspace)
        return write(writer, **told)

    monkeypatch.setattr(OfflineWriter, "write", hold_then_write)
    run = make_run(cast)
    with pytest.raises(Held):
        perform_run(workspace=cast.workspace, run_id=run.pk)
    with cast.scope():
        assert Draft.objects.filter(run=run, status="written").count() == 1
        assert not ExecutionPlan.objects.exists()


def test_a_failed_run_can_be_tried_again(cast: Cast):
    run = make_run(cast, prospects=[{"name": "No mail"}])
    with pytest.raises(AgentFailed):
        perform_run(workspace=cast.workspace, run_id=run.pk)
    assert retry_run(workspace=cast.workspace, actor=cast.ada, run_id=run.pk).status == "queued"
    with pytest.raises(Conflict):
        retry_run(workspace=cast.workspace, actor=cast.ada, run_id=run.pk)


def test_the_poll_rings_for_a_run_whose_process_died_and_gives_up_in_the_end(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
):
    rung: list[tuple[str, ...]] = []
    monkeypatch.setattr("execution.queue.enqueue", lambda *told: rung.append(told))
    run = make_run(cast)
    with cast.scope():
        long_ago = run.created_at.replace(year=2020)
        AgentRun.objects.filter(pk=run.pk).update(status="running", tries=2, lease_until=long_ago)
        resume_runs(workspace=cast.workspace)
        AgentRun.objects.filter(pk=run.pk).update(tries=3)
        resume_runs(workspace=cast.workspace)
        run.refresh_from_db()
    assert rung == [(agent_runs.PERFORM, str(cast.workspace.id), str(run.pk))]
    assert run.status == "failed"


def test_erasing_a_person_blanks_what_agents_read_and_wrote_of_them(cast: Cast, django_capture_on_commit_callbacks):
    prospects = save_prospects(workspace=cast.workspace, actor=cast.ada, name="senate.csv", data=CSV)
    run = run_outreach(cast, prospect_list=str(prospects.pk))
    with cast.scope():
        contact = Contact.objects.get(email="HALE@senate.example")
    with django_capture_on_commit_callbacks(execute=True):
        erase_contact(workspace=cast.workspace, actor=cast.omar, contact_id=contact.pk)
    with cast.scope():
        prospects.refresh_from_db()
        draft = Draft.objects.get(run=run)
        run.refresh_from_db()
    assert (draft.payload, draft.reason, draft.cites) == ({}, "", [])
    kept = f"{prospects.rows}{draft.__dict__}{run.inputs}{run.log}".lower()
    assert "hale" not in kept
