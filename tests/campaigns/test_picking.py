import pytest

from campaigns.agents.picking import left_out_lines, pick_by_words, words_of
from campaigns.writers.base import Brief, Prospect

BRIEF = Brief(goal="Win support for clean energy before the committee votes.", audience="energy alliances")


def prospect(number: int, unreachable: str = "", **fields: str) -> Prospect:
    return Prospect(ref=f"p{number}", source=f"list.csv, row {number}", fields=fields, unreachable=unreachable)


SENATOR = prospect(1, name="Maren Hale", committees="Energy and Natural Resources")
BAKER = prospect(2, name="Corner Bakery", notes="Bread and rolls")
ALLIANCE = prospect(3, name="Prairie Alliance", issues="clean energy, transmission")


def test_it_keeps_the_words_that_say_what_a_goal_is_about():
    assert words_of("Please ask for Alliances and their Policies on energy") == {"alliance", "policy", "energy"}


def test_it_puts_the_best_match_first_and_cites_the_field_it_read():
    choices, _ = pick_by_words(brief=BRIEF, prospects=[SENATOR, BAKER, ALLIANCE], at_most=10, everyone=True)
    assert [choice.ref for choice in choices] == ["p3", "p1", "p2"]
    cite = choices[1].cites[0]
    assert (cite.source, cite.field, cite.text) == ("list.csv, row 1", "committees", "Energy and Natural Resources")
    assert "committees: “Energy and Natural Resources” (list.csv, row 1)" in choices[1].reason


def test_it_says_so_where_nothing_it_read_names_the_goal():
    (choice,), _ = pick_by_words(brief=BRIEF, prospects=[BAKER], at_most=10, everyone=True)
    assert "no field of it names the goal" in choice.reason
    assert choice.cites[0].text == "Corner Bakery"


def test_it_leaves_strangers_to_the_goal_out_of_the_contact_book():
    choices, lines = pick_by_words(brief=BRIEF, prospects=[SENATOR, BAKER], at_most=10, everyone=False)
    assert [choice.ref for choice in choices] == ["p1"]
    assert lines == ["Left out, because nothing in its fields speaks to the goal: list.csv, row 2."]


def test_it_takes_a_few_of_the_contact_book_where_nobody_matches():
    strangers = [prospect(number, name=f"Baker {number}") for number in range(1, 31)]
    choices, _ = pick_by_words(brief=BRIEF, prospects=strangers, at_most=50, everyone=False)
    assert len(choices) == 10


def test_it_leaves_out_who_cannot_be_reached_and_who_is_over_the_limit():
    silent = prospect(4, unreachable="it has no email address", committees="Energy")
    choices, lines = pick_by_words(brief=BRIEF, prospects=[silent, SENATOR, ALLIANCE], at_most=1, everyone=True)
    assert [choice.ref for choice in choices] == ["p3"]
    assert lines == [
        "Left out, because it has no email address: list.csv, row 4.",
        "Left out, because the limit of 1 was reached: list.csv, row 1.",
    ]


def test_a_log_names_the_sources_of_many_in_one_line():
    (line,) = left_out_lines([("it sleeps", f"row {number}") for number in range(1, 41)])
    assert line.endswith("row 20 and more, 40 in all.")


@pytest.mark.parametrize("text", ["", "the and of", "12 34"])
def test_it_finds_no_meaning_where_there_is_none(text: str):
    assert words_of(text) == set()
