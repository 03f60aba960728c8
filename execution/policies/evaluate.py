"""Facts in, verdict out. Whatever cannot be evaluated goes to a person."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from execution.policies.rules import DEFAULT_GATE, Rule


class Outcome(StrEnum):
    """What the rules say."""

    RUN_ALONE = "run_alone"
    GATES = "gates"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyVerdict:
    """The outcome, the gates it takes, the rules that fired and why, in words."""

    outcome: Outcome
    gates: tuple[str, ...] = ()
    matched: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()


class _Unreadable(Exception):
    """A rule that cannot be evaluated on these facts."""


def evaluate(*, rules: Sequence[Rule], facts: Mapping[str, Any], default_gate: str = DEFAULT_GATE) -> PolicyVerdict:
    """Apply `rules` to `facts`.

    A refusal anywhere wins. Otherwise the first rule that matches decides, except that a message to people without
    consent or another lawful basis on record never runs alone. A rule that cannot be read, a missing fact and no
    matching rule all lead to a person at `default_gate`: no error ever lets something run alone.
    """
    unreadable: list[str] = []
    first: tuple[str, Rule] | None = None
    for rule in rules:
        name = str(rule.get("name", "unnamed")) if isinstance(rule, Mapping) else "unreadable"
        try:
            matches = _matches(rule=rule, facts=facts)
        except _Unreadable:
            unreadable.append(name)
            continue
        if not matches:
            continue
        if rule["then"].get("refuse") is True:
            return PolicyVerdict(outcome=Outcome.REFUSE, matched=(name,), reasons=(str(rule.get("reason", "")),))
        if first is None:
            first = (name, rule)
    if unreadable:
        return _to_a_person(
            gates=(default_gate, *_gates_of(first)),
            matched=tuple(unreadable),
            reason="A rule could not be evaluated, so a person decides.",
        )
    if first is None:
        return _to_a_person(gates=(default_gate,), matched=(), reason="No rule covers this, so a person decides.")
    name, rule = first
    reason = str(rule.get("reason", ""))
    if rule["then"].get("run_alone") is True:
        if facts.get("consent") is False:
            return _to_a_person(
                gates=(default_gate,),
                matched=(name,),
                reason="No consent or other lawful basis is on record, so a person decides.",
            )
        return PolicyVerdict(outcome=Outcome.RUN_ALONE, matched=(name,), reasons=(reason,))
    reasons: tuple[str, ...] = (reason,)
    if facts.get("consent") is False:
        reasons += ("No consent or other lawful basis is on record for the recipient.",)
    return PolicyVerdict(outcome=Outcome.GATES, gates=_gates_of(first), matched=(name,), reasons=reasons)


def _to_a_person(*, gates: tuple[str, ...], matched: tuple[str, ...], reason: str) -> PolicyVerdict:
    return PolicyVerdict(outcome=Outcome.GATES, gates=tuple(dict.fromkeys(gates)), matched=matched, reasons=(reason,))


def _gates_of(found: tuple[str, Rule] | None) -> tuple[str, ...]:
    return tuple(found[1]["then"].get("gates", ())) if found else ()


def _matches(*, rule: Rule, facts: Mapping[str, Any]) -> bool:
    if not isinstance(rule, Mapping):
        raise _Unreadable
    when, then = rule.get("when"), rule.get("then")
    if not isinstance(when, Mapping) or not isinstance(then, Mapping) or len(then) != 1:
        raise _Unreadable
    if not (then.get("run_alone") is True or then.get("refuse") is True or _is_gate_list(then.get("gates"))):
        raise _Unreadable
    unknown = any(fact in facts and facts[fact] is None for fact in when)
    if unknown and then.get("run_alone") is not True:
        raise _Unreadable  # nobody could tell a fact that would have stopped it
    # Every condition is read before the answer, so that a broken one is never hidden by one that does not hold.
    answers = [_holds(facts=facts, fact=fact, condition=condition) for fact, condition in when.items()]
    return all(answers)


def _is_gate_list(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(gate, str) and gate for gate in value)


def _holds(*, facts: Mapping[str, Any], fact: str, condition: Any) -> bool:
    if fact not in facts:
        raise _Unreadable
    value = facts[fact]
    if value is None:
        return False
    if not isinstance(condition, Mapping):
        return type(value) is type(condition) and bool(value == condition)
    if len(condition) != 1:
        raise _Unreadable
    (operator, bound), *_ = condition.items()
    if operator == "in" and isinstance(bound, list):
        return value in bound
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _Unreadable
    if isinstance(bound, bool) or not isinstance(bound, int | float):
        raise _Unreadable
    match operator:
        case "gt":
            return value > bound
        case "gte":
            return value >= bound
        case "lt":
            return value < bound
        case "lte":
            return value <= bound
    raise _Unreadable
