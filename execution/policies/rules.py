"""What a rule looks like, and the rules a new workspace starts with.

A rule is {"name", "when": {fact: condition}, "then": outcome, "reason"}. A condition is a value the fact must equal,
or {"in": [...]}, {"gt": n}, {"gte": n}, {"lt": n}, {"lte": n}. The outcome is {"run_alone": true},
{"gates": [NAME, ...]} or {"refuse": true}.
"""

from collections.abc import Mapping, Sequence
from typing import Any

Rule = Mapping[str, Any]

# Fact -> what it means. All are derived from the frozen document and our own rows, never declared by the proposer.
FACTS: dict[str, str] = {
    "channel": "the channel's name",
    "risk": "low, medium or high, by channel",
    "suppressed": "a recipient is suppressed",
    "consent": "consent or another lawful basis is on record for every recipient",
    "new_address": "the recipient was given as an address, not picked from the contacts",
    "recipients": "how many recipients, cc and bcc counted",
    "faq": "the message is exactly a template a person approved for running alone",
    "seo_minor": "only title, description or alternative text of one page change",
    "bid_decrease": "an ad's bid goes down against the provider's current value",
    "bulk": "the plan holds more than five requests",
    "plan_size": "how many requests its plan holds",
    "agent": "the agent it comes from, or empty",
    "mode": "the mode it is sealed under",
}
OPERATORS = ("in", "gt", "gte", "lt", "lte")
DEFAULT_GATE = "HR_LANG"

DEFAULT_RULES: list[dict[str, Any]] = [
    {
        "name": "suppressed",
        "when": {"suppressed": True},
        "then": {"refuse": True},
        "reason": "A recipient asked not to be contacted, or must not be.",
    },
    {
        "name": "faq_email",
        "when": {"channel": "email", "faq": True, "consent": True, "bulk": False},
        "then": {"run_alone": True},
        "reason": "The mail is word for word a template that a person approved for running alone.",
    },
    {
        "name": "minor_seo",
        "when": {"channel": "seo", "seo_minor": True, "bulk": False},
        "then": {"run_alone": True},
        "reason": "Only title, description or alternative text of one page change.",
    },
    {
        "name": "bid_decrease",
        "when": {"channel": "ads", "bid_decrease": True, "bulk": False},
        "then": {"run_alone": True},
        "reason": "The bid goes down against the provider's current value.",
    },
    {
        "name": "bulk_changes",
        "when": {"channel": {"in": ["seo", "ads", "cms", "crm", "code", "files"]}, "bulk": True},
        "then": {"gates": ["HR_OPS"]},
        "reason": "More than five changes at once.",
    },
    {
        "name": "language",
        "when": {"channel": {"in": ["email", "newsletter", "press"]}},
        "then": {"gates": ["HR_LANG"]},
        "reason": "Words that people outside will read.",
    },
    {
        "name": "social",
        "when": {"channel": "social"},
        "then": {"gates": ["HR_SOCIAL"]},
        "reason": "A public post.",
    },
    {
        "name": "phone",
        "when": {"channel": {"in": ["sms", "voice"]}},
        "then": {"gates": ["HR_PHONE"]},
        "reason": "A call or text message to a person.",
    },
    {
        "name": "operations",
        "when": {
            "channel": {"in": ["ads", "cms", "code", "crm", "calendar", "files", "webhook", "mcp", "seo", "agent"]}
        },
        "then": {"gates": ["HR_OPS"]},
        "reason": "A change in another system.",
    },
]


def validate_rules(rules: Any) -> dict[str, str]:
    """What is wrong with `rules`, by path; empty where nothing is."""
    if not isinstance(rules, Sequence) or isinstance(rules, str | bytes):
        return {"rules": "Write a list of rules."}
    problems: dict[str, str] = {}
    names: set[str] = set()
    for index, rule in enumerate(rules):
        path = f"rules.{index}"
        if not isinstance(rule, Mapping):
            problems[path] = "A rule is an object with name, when, then and reason."
            continue
        name = rule.get("name")
        if not isinstance(name, str) or not name:
            problems[f"{path}.name"] = "Give the rule a name."
        elif name in names:
            problems[f"{path}.name"] = "Another rule has this name."
        else:
            names.add(name)
        if not isinstance(rule.get("reason"), str) or not rule["reason"]:
            problems[f"{path}.reason"] = "Say why, in words people will read."
        problems.update(_problems_of_when(path=f"{path}.when", when=rule.get("when")))
        problems.update(_problems_of_then(path=f"{path}.then", then=rule.get("then")))
        for key in set(rule) - {"name", "when", "then", "reason"}:
            problems[f"{path}.{key}"] = "Not a part of a rule."
    return problems


def _problems_of_when(*, path: str, when: Any) -> dict[str, str]:
    if not isinstance(when, Mapping):
        return {path: "Write an object: fact -> condition. Empty means always."}
    problems = {}
    for fact, condition in when.items():
        if fact not in FACTS:
            problems[f"{path}.{fact}"] = f"Unknown fact. There are: {', '.join(FACTS)}."
        elif isinstance(condition, Mapping) and (len(condition) != 1 or next(iter(condition)) not in OPERATORS):
            problems[f"{path}.{fact}"] = f"Use one of {', '.join(OPERATORS)}."
        elif isinstance(condition, Mapping) and "in" in condition and not isinstance(condition["in"], list):
            problems[f"{path}.{fact}"] = "“in” takes a list."
        elif isinstance(condition, Mapping) and "in" not in condition:
            bound = next(iter(condition.values()))
            if isinstance(bound, bool) or not isinstance(bound, int | float):
                problems[f"{path}.{fact}"] = "Compare with a number."
        elif isinstance(condition, list):
            problems[f"{path}.{fact}"] = "Write {“in”: [...]} for a choice."
    return problems


def _problems_of_then(*, path: str, then: Any) -> dict[str, str]:
    if not isinstance(then, Mapping) or len(then) != 1:
        return {path: "Write one of run_alone, gates, refuse."}
    (kind, value), *_ = then.items()
    if kind in ("run_alone", "refuse"):
        return {} if value is True else {path: f"Write {{“{kind}”: true}}."}
    if kind == "gates":
        fine = isinstance(value, list) and value and all(isinstance(gate, str) and gate for gate in value)
        return {} if fine else {path: "Name one gate or more."}
    return {path: "Write one of run_alone, gates, refuse."}
