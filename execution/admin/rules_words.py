"""Policy rules in words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from execution.policies.rules import FACTS

_COMPARE = {"gt": "more than", "gte": "at least", "lt": "less than", "lte": "at most"}
_TRUE = {
    "suppressed": "a recipient is suppressed",
    "consent": "consent or another lawful basis is on record",
    "new_address": "the recipient was given as an address",
    "faq": "it is word for word an approved template",
    "seo_minor": "only title, description or alternative text change",
    "bid_decrease": "the bid goes down",
    "bulk": "its plan holds more than five",
}
_FALSE = {
    "suppressed": "no recipient is suppressed",
    "consent": "no lawful basis is on record",
    "new_address": "the recipient is a contact of ours",
    "faq": "it is not an approved template",
    "seo_minor": "more than title, description or alternative text changes",
    "bid_decrease": "the bid does not go down",
    "bulk": "its plan holds five at most",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleInWords:
    """One rule as people read it."""

    name: str
    conditions: Sequence[str]
    outcome: str
    tone: str
    reason: str


def in_words(rule: Mapping[str, Any]) -> RuleInWords:
    """A rule that `validate_rules` passed."""
    outcome, tone = _outcome(rule.get("then") or {})
    when = rule.get("when") or {}
    return RuleInWords(
        name=str(rule.get("name", "")),
        conditions=[_condition(fact, condition) for fact, condition in when.items()] or ["always"],
        outcome=outcome,
        tone=tone,
        reason=str(rule.get("reason", "")),
    )


def _condition(fact: str, condition: Any) -> str:
    if condition is True:
        return _TRUE.get(fact, fact.replace("_", " "))
    if condition is False:
        return _FALSE.get(fact, f"not {fact.replace('_', ' ')}")
    name = fact.replace("_", " ")
    if isinstance(condition, Mapping):
        (operator, bound), *_ = condition.items()
        if operator == "in":
            return f"the {name} is {_or([str(one) for one in bound])}"
        return f"{name} is {_COMPARE.get(operator, operator)} {bound}"
    return f"the {name} is {condition}"


def _or(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def _outcome(then: Mapping[str, Any]) -> tuple[str, str]:
    if then.get("refuse"):
        return "refuse", "bad"
    if then.get("run_alone"):
        return "run by itself", "good"
    return f"ask a person at {' and '.join(str(gate) for gate in then.get('gates', ()))}", "wait"


def facts_in_words() -> list[tuple[str, str]]:
    """Every fact a rule may ask for, with its meaning."""
    return list(FACTS.items())
