"""Picking targets by rules, for when there is no model: words of the goal that stand in a prospect's fields."""

import re
from collections.abc import Iterable, Mapping, Sequence

from campaigns.agents.base import Choice, Citation
from campaigns.writers.base import Brief, Prospect

_WORD = re.compile(r"[^\W\d_][\w'-]+")
# Words that say nothing about what a goal is for: English function words, and the vocabulary of every campaign.
_EMPTY = frozenset(
    """
    a an and are ask asks at be before but by can could do for from get had has have he her his how i if in
    into is it its may me more most must my new no not now of on or our out over please say she should so some
    than that the their them then there these they this those to too up us was we were what when where which
    who whom will with would you your speak about after again all also any as because been being both each few
    further here just only other own same such through act action approach awareness bill bring campaign
    colleague contact draft drive email emails encourage engage every explain find goal help inform introduce
    invite letter letters mail mails make message messages offer office offices outreach people persuade
    present promote propose proposal raise reach request seek send share support supporter supporters tell
    thank urge want win work write yes vote votes
    """.split()  # noqa: SIM905  (a list of a hundred quoted words cannot be read)
)
# Fields that describe somebody come before names.
_LAST = ("name", "organisation")
_MUTE = ("kind",)
_UNSURE = 10  # taken from the contact book where nobody in it matches the goal
_SOURCES_IN_A_LINE = 20


def words_of(text: str) -> set[str]:
    """The words of `text` that carry meaning, in lower case and without a plural's s."""
    return {_stem(word) for word in (found.lower() for found in _WORD.findall(text)) if word not in _EMPTY}


def _stem(word: str) -> str:
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word


def pick_by_words(
    *, brief: Brief, prospects: Sequence[Prospect], at_most: int, everyone: bool
) -> tuple[list[Choice], list[str]]:
    """Whom to write to, best match first, and lines for the log on who is left out and why.

    everyone: take also those whose fields name nothing of the goal, because a person made the list for it; the reason
    then says so. Without it a few of them are taken only where nobody matches at all.
    """
    sought = words_of(" ".join([brief.goal, brief.cause, brief.audience]))
    scored: list[tuple[int, int, Prospect, list[Citation], set[str]]] = []
    left_out: list[tuple[str, str]] = []
    for index, prospect in enumerate(prospects):
        if prospect.unreachable:
            left_out.append((prospect.unreachable, prospect.source))
            continue
        cites, matched = _matches(prospect=prospect, sought=sought)
        scored.append((-len(matched), index, prospect, cites, matched))
    scored.sort(key=lambda entry: entry[:2])
    if not everyone and any(matched for *_, matched in scored):
        left_out += [
            ("nothing in its fields speaks to the goal", prospect.source) for *_, prospect, _, hit in scored if not hit
        ]
        scored = [entry for entry in scored if entry[4]]
    elif not everyone:
        at_most = min(at_most, _UNSURE)
    left_out += [(f"the limit of {at_most} was reached", prospect.source) for _, _, prospect, _, _ in scored[at_most:]]
    return [_choice(prospect, cites, hit) for _, _, prospect, cites, hit in scored[:at_most]], left_out_lines(left_out)


def left_out_lines(left_out: Iterable[tuple[str, str]]) -> list[str]:
    """One line for the log on each reason, naming the sources (row 3 of a list): a log keeps nobody's name."""
    by_reason: dict[str, list[str]] = {}
    for reason, source in left_out:
        by_reason.setdefault(reason, []).append(source)
    lines = []
    for reason, sources in by_reason.items():
        named = list(dict.fromkeys(sources))[:_SOURCES_IN_A_LINE]
        more = f" and more, {len(sources)} in all" if len(sources) > len(named) else ""
        lines.append(f"Left out, because {reason}: {'; '.join(named)}{more}.")
    return lines


def _matches(*, prospect: Prospect, sought: set[str]) -> tuple[list[Citation], set[str]]:
    cites: list[Citation] = []
    matched: set[str] = set()
    for name in _in_order(prospect.fields):
        hits = words_of(prospect.fields[name]) & sought
        if hits - matched:
            cites.append(Citation(source=prospect.source, field=name, text=_short(prospect.fields[name])))
            matched |= hits
    return cites[:3], matched


def _in_order(fields: Mapping[str, str]) -> list[str]:
    telling = [name for name in fields if name not in (*_LAST, *_MUTE)]
    return [*telling, *(name for name in _LAST if name in fields)]


def _choice(prospect: Prospect, cites: list[Citation], matched: set[str]) -> Choice:
    if cites:
        told = "; ".join(f"{cite.field}: “{cite.text}”" for cite in cites)
        words = ", ".join(sorted(matched))
        return Choice(
            ref=prospect.ref, reason=f"{told} ({prospect.source}) speaks to the goal: {words}.", cites=tuple(cites)
        )
    name, value = next(iter(prospect.fields.items()), ("", ""))
    cite = Citation(source=prospect.source, field=name, text=_short(value))
    return Choice(
        ref=prospect.ref,
        reason=f"On the list given for this campaign ({prospect.source}, {name}: “{cite.text}”); "
        "no field of it names the goal, so check that it fits.",
        cites=(cite,),
    )


def _short(value: str) -> str:
    line = " ".join(value.split())
    return line if len(line) <= 160 else line[:159] + "…"
