"""What guards read, and how it changes: by people, by settings, and behind Countersign's back."""

from datetime import time
from typing import Any
from uuid import UUID

from django.db import connection

from contacts.models import Contact
from contacts.services import suppress, update_contact
from execution import hold, release
from execution.models import ExecutionRequest
from execution.services.accounts import resume_account, save_account, stop_account
from execution.services.gates import update_gate
from execution.services.limits import set_limit
from execution.services.policies import publish
from execution.services.restoring import resume_after_restore, stop_if_restored
from execution.services.windows import set_window
from tests.machine.model import POLICIES
from tests.machine.stage import Stage
from workspaces.actors import system_actor
from workspaces.models import Installation, Membership
from workspaces.scope import workspace_scope
from workspaces.services import record_seen
from workspaces.services.members import change_member
from workspaces.settings_store import set_setting


class Surroundings(Stage):
    """Holds, settings, policies, limits, members, contacts, the account, and rows changed by SQL."""

    def hold(self, scope: str, by: str = "ada") -> None:
        """Somebody holds a scope."""
        hold(scope=scope, reason="Wait.", actor=self.actor(by), workspace=self.workspace)
        self.model.holds.add(scope)

    def release(self, scope: str, by: str = "omar") -> None:
        """Somebody releases it."""
        release(scope=scope, reason="Go.", actor=self.actor(by), workspace=self.workspace)
        self.model.holds.discard(scope)

    def restore(self) -> None:
        """The database turns out to be another than the one that was adopted, as a copy does."""
        Installation.objects.update(identity="0" * 64)
        connection.close()  # the next one asks
        stop_if_restored()
        self.model.restored = True

    def take_away_the_hold(self) -> None:
        """Somebody deletes the hold that the machine has set, by SQL."""
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM execution_hold WHERE scope = 'global'")

    def release_everything(self) -> None:
        """Let go of every hold that is in force, and of a restore."""
        if self.model.restored:
            resume_after_restore(actor=self.actor("omar"), reason="It is the one.")
            self.model.restored = False
        for scope in sorted(self.model.holds):
            self.release(scope)

    def all_is_well(self) -> None:
        """Undo whatever keeps requests from being approved and carried out, where anything does."""
        model = self.model
        self.release_everything()
        if model.policy != "one_gate":
            self.publish("one_gate")
        if model.mode != "live":
            self.set_mode("live")
        if not model.enabled:
            self.switch(enabled=True)
        if model.quorum["HR_LANG"] != 1:
            self.set_quorum("HR_LANG", 1)
        if model.limit[0] != 50:
            self.set_limit(50)
        if not model.active["rosa"]:
            self.set_active("rosa", True)
        self.look_in("rosa")
        if self.promises.account_stopped:
            self.resume_account()

    def suppress(self, name: str) -> None:
        """Alice or Bob asks not to be contacted."""
        contact: Contact = getattr(self, name)
        suppress(
            workspace=self.workspace,
            actor=self.actor("crm"),
            kind="email",
            address=contact.email,
            reason="opt_out",
            source="a letter",
        )
        self.model.suppressed.add(contact.email)

    def set_mode(self, mode: str) -> None:
        self._set("mode", mode)
        self.model.mode = mode

    def switch(self, *, enabled: bool) -> None:
        """Whether bell and poll carry out by themselves."""
        self._set("execution_enabled", enabled)
        self.model.enabled = enabled

    def set_undo(self, seconds: int) -> None:
        self._set("undo_seconds.email", seconds)
        self.model.undo_seconds = seconds

    def set_absence(self, hours: int) -> None:
        """What runs alone waits where nobody who may decide was seen for so long."""
        self._set("operator_absent_hours", hours)
        self.model.absent_hours = hours

    def look_in(self, name: str) -> None:
        """Somebody opens the console; who is switched off cannot."""
        if not self.model.active[name]:
            return
        record_seen(workspace_id=self.workspace.id, principal_id=self.actor(name).principal_id)
        self.was_seen(name)

    def set_canary(self, above: int, minutes: int) -> None:
        """Plans of more than `above` begin with 5 % of them, watched for so many minutes."""
        self._set("canary_above", above)
        self._set("canary_minutes", minutes)
        self.model.canary = (above, minutes)

    def set_sole_operator(self, on: bool) -> None:
        self._set("sole_operator", on)
        self.model.sole_operator = on

    def _set(self, key: str, value: object) -> None:
        set_setting(key=key, value=value, workspace=self.workspace, actor=self.actor("omar"))

    def publish(self, policy: str) -> None:
        """Put other rules in force."""
        publish(workspace=self.workspace, actor=self.actor("omar"), rules=POLICIES[policy])
        self.model.policy = policy

    def set_quorum(self, gate: str, people: int) -> None:
        update_gate(workspace=self.workspace, actor=self.actor("omar"), name=gate, quorum=people)
        self.model.quorum[gate] = people

    def set_limit(self, count: int, seconds: int = 86_400) -> None:
        """At most `count` recipients of mail in any `seconds`."""
        set_limit(
            workspace=self.workspace,
            actor=self.actor("omar"),
            name="email_send",
            count=count,
            period_seconds=seconds,
        )
        self.model.limit = (count, float(seconds))

    def set_hours(self, opens: int, closes: int) -> None:
        """Mail may reach people from one full hour of their day to another."""
        set_window(
            workspace=self.workspace, actor=self.actor("omar"), channel="email", opens=time(opens), closes=time(closes)
        )
        self.model.hours = (opens, closes)

    def give_zone(self, name: str, zone: str) -> None:
        """Somebody writes down where Alice or Bob lives."""
        contact: Contact = getattr(self, name)
        update_contact(workspace=self.workspace, actor=self.actor("ada"), contact_id=contact.id, time_zone=zone)
        self.model.zones[contact.email] = zone

    def set_active(self, name: str, active: bool) -> None:
        """Switch a member off or on."""
        membership = Membership.objects.get(workspace=self.workspace, principal__name=name)
        change_member(membership=membership, actor=system_actor("tests", via="python"), is_active=active)
        self._actors.clear()
        self.model.active[name] = active

    def stop_account(self) -> None:
        stop_account(workspace=self.workspace, actor=self.actor("crm"), account_id=self.account.id, reason="A test.")

    def resume_account(self) -> None:
        resume_account(workspace=self.workspace, actor=self.actor("omar"), account_id=self.account.id)

    def move_account(self, host: str) -> None:
        """Somebody points the account at another host."""
        save_account(workspace=self.workspace, actor=self.actor("omar"), account_id=self.account.id, host=host)

    def warm_up(self, first_day: int) -> None:
        """The account is first used today, with so many places on its first day."""
        save_account(
            workspace=self.workspace,
            actor=self.actor("omar"),
            account_id=self.account.id,
            warm_up_started_on=self.now().date(),
            warm_up_first_day=first_day,
        )

    # Behind Countersign's back.

    def tamper(self, request_id: UUID, column: str, value: Any) -> None:
        """Somebody changes a column of a request by SQL; to what was frozen there anyway, that changes nothing."""
        request = self.model.requests[request_id]
        request.tampered |= column != "to" or value != request.document["to"]
        with connection.cursor() as cursor:
            name = connection.ops.quote_name(column)
            cursor.execute(
                f"UPDATE execution_executionrequest SET {name} = %s WHERE id = %s",  # noqa: S608
                [value, request_id],
            )

    def tamper_with_words(self, request_id: UUID) -> None:
        """Somebody changes the frozen text by SQL, where people have not been shown it changed already."""
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE execution_revision SET document = replace(document, 'Dear reader', 'Dear fool') WHERE id = "
                "(SELECT current_id FROM execution_executionrequest WHERE id = %s) AND document LIKE '%%Dear reader%%'",
                [request_id],
            )
            if cursor.rowcount:
                request = self.model.requests[request_id]
                request.tampered = request.text_tampered = True

    def tamper_with_bytes(self, request_id: UUID) -> None:
        """Somebody changes the frozen mail by SQL. A rehearsal without an account has none."""
        with workspace_scope(self.workspace):
            parts = ExecutionRequest.objects.get(pk=request_id).document["wire"]
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE execution_part SET content = content || 'PS' WHERE workspace_id = %s AND sha256 = ANY(%s)",
                [self.workspace.id, parts],
            )
            if cursor.rowcount:
                self.model.requests[request_id].tampered = True
