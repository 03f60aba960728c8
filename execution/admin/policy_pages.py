"""Policies: every version in words, and publishing a new one."""

import json
from typing import Any
from uuid import UUID

from django import forms
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.urls import reverse

from execution.admin.rules_words import facts_in_words, in_words
from execution.models import GateDefinition, PolicyVersion
from execution.policies.rules import OPERATORS, validate_rules
from execution.services import policies
from workspaces.admin.forms import ConsoleForm
from workspaces.admin.views import console_view, done, here, page, posted
from workspaces.errors import InvalidInput
from workspaces.permissions import Permission


class PolicyForm(ConsoleForm):
    """The rules as JSON, and why they change."""

    rules = forms.CharField(
        strip=True, widget=forms.Textarea(attrs={"rows": 28, "spellcheck": "false", "class": "cs-input cs-code"})
    )
    note = forms.CharField(max_length=300, label="What changes and why", help_text="Stands with this version for good.")

    def clean_rules(self) -> Any:
        try:
            return json.loads(self.cleaned_data["rules"])
        except json.JSONDecodeError as error:
            raise forms.ValidationError(
                f"This is not JSON: line {error.lineno}, column {error.colno}: {error.msg}."
            ) from error


@console_view()
def policy_page(request: HttpRequest, object_id: str) -> HttpResponse:
    """One version in words, and what it changed."""
    workspace = here(request).workspace
    try:
        wanted = UUID(str(object_id))
    except ValueError as error:
        raise Http404("That is no id.") from error
    rows = PolicyVersion.objects.select_related("published_by").filter(workspace=workspace)
    version = rows.filter(pk=wanted).first()
    if version is None:
        raise Http404("There is no such policy in this workspace.")
    before = rows.filter(number=version.number - 1).first()
    return page(
        request,
        "console/policy.html",
        title=f"Policy version {version.number}",
        crumbs=[("Policies", reverse("admin:execution_policyversion_changelist"))],
        version=version,
        rules=[in_words(rule) for rule in version.rules],
        in_force=not rows.filter(number__gt=version.number).exists(),
        changes=_changes(before=before, after=version) if before else None,
        previous=before,
        may_publish=here(request).actor.may(Permission.MANAGE),
        raw=json.dumps(version.rules, indent=2, ensure_ascii=False),
    )


def _changes(*, before: PolicyVersion, after: PolicyVersion) -> list[tuple[str, str]]:
    was = {rule["name"]: rule for rule in before.rules}
    now = {rule["name"]: rule for rule in after.rules}
    changes = [("Added", name) for name in now if name not in was]
    changes += [("Removed", name) for name in was if name not in now]
    changes += [("Changed", name) for name in now if name in was and was[name] != now[name]]
    if not changes and list(was) != list(now):
        changes = [("Order", "the rules stand in another order")]
    return changes


@console_view(permission=Permission.MANAGE, methods=("GET", "HEAD", "POST"))
def publish(request: HttpRequest) -> HttpResponseBase:
    """A new version. What is wrong with a rule is told by rule and part; nothing is in force until all is right."""
    workspace = here(request).workspace
    current = policies.current_policy(workspace=workspace)
    initial = {"rules": json.dumps(list(current.rules), indent=2, ensure_ascii=False)}
    form = PolicyForm(posted(request), initial=initial)
    problems: dict[str, str] = {}
    preview: list[Any] = []
    if request.method == "POST" and form.is_valid():
        rules = form.cleaned_data["rules"]
        problems = validate_rules(rules) or _unknown_gates(workspace=workspace, rules=rules)
        if problems:
            form.add_error("rules", "Some rules cannot be read; see the list.")
        elif "look" in request.POST:
            preview = [in_words(rule) for rule in rules]
        else:
            try:
                version = policies.publish(
                    workspace=workspace,
                    actor=here(request).actor,
                    rules=rules,
                    note=form.cleaned_data["note"],
                )
            except InvalidInput as error:
                problems = dict(error.fields)
                form.add_error("rules", error.detail)
            else:
                done(request, f"Version {version.number} is in force, also for what is approved and not yet sent.")
                return HttpResponseRedirect(reverse("admin:execution_policyversion_change", args=[version.pk]))
    return page(
        request,
        "console/publish.html",
        title="Publish a policy",
        status=400 if form.errors else 200,
        crumbs=[("Policies", reverse("admin:execution_policyversion_changelist"))],
        form=form,
        problems=sorted(problems.items()),
        preview=preview,
        facts=facts_in_words(),
        operators=OPERATORS,
        gates=GateDefinition.objects.filter(workspace=workspace),
        current=current,
    )


def _unknown_gates(*, workspace: Any, rules: Any) -> dict[str, str]:
    known = set(GateDefinition.objects.filter(workspace=workspace).values_list("name", flat=True))
    problems = {}
    for index, rule in enumerate(rules):
        unknown = [name for name in rule["then"].get("gates", ()) if name not in known]
        if unknown:
            problems[f"rules.{index}.then.gates"] = f"There is no gate {', '.join(unknown)} here. Define it first."
    return problems
