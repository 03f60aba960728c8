"""Policies: facts in, verdict out, and a person wherever anything is unclear."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from execution.channels import registry
from execution.policies import DEFAULT_RULES, Outcome, evaluate, validate_rules
from execution.policies.rules import FACTS

QUIET: dict[str, Any] = {
    "channel": "email",
    "risk": "medium",
    "suppressed": False,
    "consent": True,
    "new_address": False,
    "recipients": 1,
    "faq": False,
    "seo_minor": False,
    "bid_decrease": False,
    "bulk": False,
    "plan_size": 1,
    "agent": "",
    "mode": "live",
}


def verdict(rules: Any = DEFAULT_RULES, **facts: Any) -> Any:
    channel = facts.get("channel", "email")
    gate = registry.get(channel).default_gate if channel in registry.names() else "HR_LANG"
    return evaluate(rules=rules, facts={**QUIET, **facts}, default_gate=gate)


def rule(*, when: Any, then: Any, name: str = "mine", reason: str = "Because.") -> dict[str, Any]:
    return {"name": name, "when": when, "then": then, "reason": reason}


def test_the_facts_of_these_tests_are_all_there_are() -> None:
    assert set(QUIET) == set(FACTS)


# What a new workspace starts with.

ALONE = ((), Outcome.RUN_ALONE)


@pytest.mark.parametrize(
    ("facts", "gates", "outcome"),
    [
        ({"channel": "email"}, ("HR_LANG",), Outcome.GATES),
        ({"channel": "email", "faq": True}, *ALONE),
        ({"channel": "email", "faq": True, "consent": False}, ("HR_LANG",), Outcome.GATES),
        ({"channel": "email", "faq": True, "bulk": True}, ("HR_LANG",), Outcome.GATES),
        ({"channel": "newsletter"}, ("HR_LANG",), Outcome.GATES),
        ({"channel": "press"}, ("HR_LANG",), Outcome.GATES),
        ({"channel": "social"}, ("HR_SOCIAL",), Outcome.GATES),
        ({"channel": "sms"}, ("HR_PHONE",), Outcome.GATES),
        ({"channel": "voice"}, ("HR_PHONE",), Outcome.GATES),
        ({"channel": "seo", "seo_minor": True}, *ALONE),
        ({"channel": "seo"}, ("HR_OPS",), Outcome.GATES),
        ({"channel": "seo", "seo_minor": True, "bulk": True}, ("HR_OPS",), Outcome.GATES),
        ({"channel": "ads", "bid_decrease": True}, *ALONE),
        ({"channel": "ads", "bid_decrease": True, "bulk": True}, ("HR_OPS",), Outcome.GATES),
        ({"channel": "ads"}, ("HR_OPS",), Outcome.GATES),
        ({"channel": "cms"}, ("HR_OPS",), Outcome.GATES),
        ({"channel": "code"}, ("HR_OPS",), Outcome.GATES),
        ({"channel": "crm"}, ("HR_OPS",), Outcome.GATES),
        ({"channel": "calendar"}, ("HR_OPS",), Outcome.GATES),
        ({"channel": "files"}, ("HR_OPS",), Outcome.GATES),
        ({"channel": "webhook"}, ("HR_OPS",), Outcome.GATES),
        ({"channel": "mcp"}, ("HR_OPS",), Outcome.GATES),
        ({"channel": "agent"}, ("HR_OPS",), Outcome.GATES),
        ({"channel": "pigeon"}, ("HR_LANG",), Outcome.GATES),
    ],
)
def test_the_default_rules(facts: dict[str, Any], gates: tuple[str, ...], outcome: Outcome) -> None:
    answer = verdict(**facts)
    assert (answer.outcome, answer.gates) == (outcome, gates)


@pytest.mark.parametrize("channel", registry.names())
def test_a_suppressed_recipient_is_refused_by_every_channel(channel: str) -> None:
    answer = verdict(channel=channel, suppressed=True, faq=True, seo_minor=True, bid_decrease=True)
    assert (answer.outcome, answer.matched) == (Outcome.REFUSE, ("suppressed",))


def test_a_direction_of_a_bid_that_nobody_knows_goes_to_a_person() -> None:
    assert verdict(channel="ads", bid_decrease=None).gates == ("HR_OPS",)


def test_without_consent_the_person_is_told() -> None:
    assert any("lawful basis" in reason for reason in verdict(consent=False).reasons)


def test_the_default_rules_are_sound() -> None:
    assert validate_rules(DEFAULT_RULES) == {}


# How rules are read.


def test_the_first_rule_that_matches_decides() -> None:
    rules = [
        rule(name="first", when={}, then={"gates": ["A"]}),
        rule(name="second", when={}, then={"gates": ["B"]}),
    ]
    assert verdict(rules).gates == ("A",)


def test_a_refusal_further_down_wins() -> None:
    rules = [rule(name="a", when={}, then={"run_alone": True}), rule(name="b", when={}, then={"refuse": True})]
    assert verdict(rules).outcome == Outcome.REFUSE


def test_without_a_rule_a_person_decides_at_the_channels_own_gate() -> None:
    answer = verdict([], channel="social")
    assert (answer.outcome, answer.gates) == (Outcome.GATES, ("HR_SOCIAL",))


def test_a_rule_that_lets_everything_run_alone_does_not_where_consent_is_missing() -> None:
    everything = [rule(when={}, then={"run_alone": True})]
    assert verdict(everything).outcome == Outcome.RUN_ALONE
    assert verdict(everything, consent=False).outcome == Outcome.GATES


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ({"plan_size": 3}, True),
        ({"plan_size": {"gt": 2}}, True),
        ({"plan_size": {"gt": 3}}, False),
        ({"plan_size": {"gte": 3}}, True),
        ({"plan_size": {"lt": 3}}, False),
        ({"plan_size": {"lte": 3}}, True),
        ({"plan_size": {"in": [1, 3]}}, True),
        ({"plan_size": True}, False),
        ({"bulk": False}, True),
        ({"bulk": 0}, False),
        ({"agent": ""}, True),
        ({"channel": {"in": ["email", "sms"]}}, True),
        ({"channel": "email", "plan_size": 4}, False),
    ],
)
def test_conditions(condition: dict[str, Any], holds: bool) -> None:
    rules = [rule(when=condition, then={"gates": ["MINE"]})]
    assert (verdict(rules, plan_size=3).gates == ("MINE",)) is holds


# Whatever cannot be read goes to a person.

BROKEN: list[Any] = [
    "a word",
    None,
    {},
    {"name": "x", "when": {}},
    {"name": "x", "when": [], "then": {"run_alone": True}},
    rule(when={}, then={"run_alone": "yes"}),
    rule(when={}, then={"run_alone": True, "gates": ["A"]}),
    rule(when={}, then={"gates": []}),
    rule(when={}, then={"gates": "HR_LANG"}),
    rule(when={}, then={"send": True}),
    rule(when={"weather": "fine"}, then={"run_alone": True}),
    rule(when={"risk": {"gt": 1}}, then={"run_alone": True}),
    rule(when={"plan_size": {"gt": "1"}}, then={"run_alone": True}),
    rule(when={"plan_size": {"gt": True}}, then={"run_alone": True}),
    rule(when={"plan_size": {"about": 1}}, then={"run_alone": True}),
    rule(when={"plan_size": {"gt": 0, "lt": 9}}, then={"run_alone": True}),
    rule(when={"plan_size": {"in": "123"}}, then={"run_alone": True}),
    # A broken condition is not hidden by one before it that does not hold.
    rule(when={"channel": "sms", "weather": "fine"}, then={"run_alone": True}),
]


@pytest.mark.parametrize("broken", BROKEN)
def test_a_rule_that_cannot_be_read_takes_a_person(broken: Any) -> None:
    answer = verdict([broken, rule(name="fine", when={}, then={"run_alone": True})])
    assert (answer.outcome, answer.gates) == (Outcome.GATES, ("HR_LANG",))


@pytest.mark.parametrize("broken", BROKEN)
def test_a_rule_that_cannot_be_read_opens_no_gate_that_another_closed(broken: Any) -> None:
    answer = verdict([broken, rule(name="law", when={}, then={"gates": ["HR_LEGAL"]})])
    assert answer.gates == ("HR_LANG", "HR_LEGAL")


@pytest.mark.parametrize("broken", BROKEN)
def test_a_rule_that_cannot_be_read_hides_no_refusal(broken: Any) -> None:
    answer = verdict([broken, rule(name="no", when={}, then={"refuse": True})])
    assert answer.outcome == Outcome.REFUSE


def test_a_fact_that_nobody_could_tell_stops_a_rule_that_would_have_stopped() -> None:
    rules = [rule(name="no", when={"faq": True}, then={"refuse": True}), rule(when={}, then={"run_alone": True})]
    assert verdict(rules, faq=None).outcome == Outcome.GATES


@pytest.mark.parametrize("missing", sorted(FACTS))
def test_a_fact_that_is_missing_lets_nothing_run_alone(missing: str) -> None:
    facts = {name: value for name, value in {**QUIET, "faq": True}.items() if name != missing}
    rules = [rule(when={missing: QUIET[missing]}, then={"run_alone": True})]
    assert evaluate(rules=rules, facts=facts).outcome == Outcome.GATES


NAMES = st.sampled_from([*FACTS, "in", "gt"])
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 9) | st.sampled_from(["", "email", "HR_LANG"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=6,
)
ANY_RULE = st.fixed_dictionaries(
    {"name": st.text(max_size=3), "when": ANYTHING, "then": ANYTHING | st.just({"run_alone": True})}
)


@given(rules=st.lists(ANY_RULE | ANYTHING, max_size=4), facts=st.dictionaries(st.sampled_from(list(FACTS)), ANYTHING))
def test_whatever_the_rules_and_facts_there_is_a_verdict(rules: Any, facts: dict[str, Any]) -> None:
    answer = evaluate(rules=rules, facts=facts)
    assert answer.outcome != Outcome.GATES or answer.gates
    if answer.outcome == Outcome.RUN_ALONE:
        # Only a sound rule that matched can say so.
        assert any(isinstance(one, dict) and one.get("then") == {"run_alone": True} for one in rules)


@given(rules=st.lists(ANY_RULE | ANYTHING, max_size=3))
def test_what_validation_passes_evaluation_can_read(rules: Any) -> None:
    if validate_rules(rules) == {}:
        unreadable = "A rule could not be evaluated, so a person decides."
        # Only a comparison of a word with a number is left to the evaluation.
        if not any(isinstance(c, dict) and "in" not in c for one in rules for c in one["when"].values()):
            assert unreadable not in verdict(rules).reasons


# What publishing refuses, each part by its path.


@pytest.mark.parametrize(
    ("rules", "path"),
    [
        ("rules", "rules"),
        ({"a": 1}, "rules"),
        (["x"], "rules.0"),
        ([rule(name="", when={}, then={"refuse": True})], "rules.0.name"),
        ([rule(when={}, then={"refuse": True}), rule(when={}, then={"refuse": True})], "rules.1.name"),
        ([rule(when={}, then={"refuse": True}, reason="")], "rules.0.reason"),
        ([rule(when=None, then={"refuse": True})], "rules.0.when"),
        ([rule(when={"weather": 1}, then={"refuse": True})], "rules.0.when.weather"),
        ([rule(when={"bulk": {"is": True}}, then={"refuse": True})], "rules.0.when.bulk"),
        ([rule(when={"channel": {"in": "email"}}, then={"refuse": True})], "rules.0.when.channel"),
        ([rule(when={"plan_size": {"gt": "5"}}, then={"refuse": True})], "rules.0.when.plan_size"),
        ([rule(when={"channel": ["email"]}, then={"refuse": True})], "rules.0.when.channel"),
        ([rule(when={}, then={"refuse": False})], "rules.0.then"),
        ([rule(when={}, then={"gates": []})], "rules.0.then"),
        ([rule(when={}, then={"send": True})], "rules.0.then"),
        ([rule(when={}, then={})], "rules.0.then"),
        ([{**rule(when={}, then={"refuse": True}), "unless": {}}], "rules.0.unless"),
    ],
)
def test_validation_names_the_part(rules: Any, path: str) -> None:
    assert list(validate_rules(rules)) == [path]
