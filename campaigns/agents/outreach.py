"""The outreach agent: from a goal in words and a source of prospects to one email for each target."""

from collections.abc import Sequence
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import BaseModel, Field, model_validator

from campaigns.agents.base import (
    Agent,
    AgentContext,
    AgentInputs,
    AgentResult,
    Choice,
    Citation,
    Handler,
    Proposal,
    Target,
)
from campaigns.agents.picking import left_out_lines, pick_by_words
from campaigns.errors import AgentFailed
from campaigns.fencing import fenced
from campaigns.writers.base import Prospect
from campaigns.writers.checks import clean

_CHOOSE_FROM = 200  # prospects in one question to the model
_Line = Annotated[str, Field(max_length=200)]
_Cell = Annotated[str, Field(max_length=4_000)]


class OutreachInputs(AgentInputs):
    """What the outreach agent is told.

    goal: what the campaign is to reach, in words. ask: what the recipient is asked, told to them as it stands.
    One source of prospects at most: `prospect_list`, the id of an uploaded list; `prospects`, rows given by hand (as in
    a CSV: name, email, organisation and whatever else is known); `query`, words to look for in the contact book. With
    none it reads the whole contact book. at_most: how many it writes to.
    """

    goal: Annotated[str, Field(min_length=1, max_length=4_000)]
    ask: Annotated[str, Field(max_length=4_000)] = ""
    cause: _Line = ""
    audience: _Line = ""
    tone: _Line = ""
    sender_name: _Line = ""
    sender_role: _Line = ""
    sender_organisation: _Line = ""
    prospect_list: UUID | None = None
    prospects: Annotated[list[dict[str, _Cell]], Field(min_length=1, max_length=500)] | None = None
    query: Annotated[str, Field(max_length=200)] | None = None
    at_most: Annotated[int, Field(ge=1, le=500)] = 50

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if sum(source is not None for source in (self.prospect_list, self.prospects, self.query)) > 1:
            raise ValueError("give one of prospect_list, prospects and query")
        return self


class CiteAnswer(BaseModel):
    field: str
    quote: str


class PickAnswer(BaseModel):
    ref: str
    reason: str
    cites: list[CiteAnswer]


class PicksAnswer(BaseModel):
    """What the model is asked for when it chooses."""

    picks: list[PickAnswer] = Field(description="The prospects chosen, best first.")


class Outreach(Agent):
    """Picks targets with a reason each that cites what it read, then writes one email to each."""

    slug = "outreach"
    label = "Outreach"
    does = "Picks targets for a goal from a list or the contact book, says why, and writes one email to each."
    handler = Handler.EMAIL
    inputs = OutreachInputs
    wants_prospects = True

    def run(self, context: AgentContext) -> AgentResult:
        """Choose, introduce, write. Raises AgentFailed where there is nobody to write to."""
        inputs: OutreachInputs = context.inputs
        desk = context.desk
        proposals = []
        for target in desk.picked() or desk.introduce(self._choose(context)):
            proposal = desk.kept(target)
            if proposal is None:
                proposal = self._write(context, target)
                desk.keep(proposal)
            proposals.append(proposal)
        if not proposals:
            raise AgentFailed("None of the targets picked may be contacted; the log says why for each.")
        count = len(proposals)
        return AgentResult(
            title=(inputs.cause or inputs.goal)[:200],
            goal=inputs.goal,
            summary=f"Picked {count} target{'s' * (count != 1)} and wrote one email to each ({context.writer.label}).",
            proposals=tuple(proposals),
        )

    def _choose(self, context: AgentContext) -> list[Choice]:
        inputs: OutreachInputs = context.inputs
        if context.model is None:
            listed = inputs.prospect_list is not None or inputs.prospects is not None
            choices, left_out = pick_by_words(
                brief=context.brief, prospects=context.prospects, at_most=inputs.at_most, everyone=listed
            )
        else:
            choices, left_out = self._ask(context, at_most=inputs.at_most)
        for line in left_out:
            context.desk.say(line)
        if not choices:
            raise AgentFailed(
                "There is nobody to write to. Give prospects (a list, rows, or words to look for in the contact book) "
                "of whom at least one has an email address and fits the goal."
            )
        return choices

    def _ask(self, context: AgentContext, *, at_most: int) -> tuple[list[Choice], list[str]]:
        reachable = [prospect for prospect in context.prospects if not prospect.unreachable]
        left_out = [(one.unreachable, one.source) for one in context.prospects if one.unreachable]
        choices: dict[str, Choice] = {}
        strangers = 0
        for start in range(0, len(reachable), _CHOOSE_FROM):
            if len(choices) >= at_most:
                break
            batch = reachable[start : start + _CHOOSE_FROM]
            answer = self._picks(context, batch=batch, at_most=at_most - len(choices))
            offered = {prospect.ref: prospect for prospect in batch}
            for pick in answer.picks[: at_most - len(choices)]:
                prospect = offered.get(pick.ref)
                cites = _real_cites(prospect, pick.cites) if prospect else ()
                if prospect is None:
                    strangers += 1
                elif not cites:
                    left_out.append(("the reason given for it cites nothing that was read", prospect.source))
                else:
                    reason, _ = clean(" ".join(pick.reason.split()))
                    choices.setdefault(pick.ref, Choice(ref=pick.ref, reason=reason[:500], cites=cites))
        lines = left_out_lines(left_out)
        if strangers:
            lines.append(f"The model named {strangers} who were not on the list; they were ignored.")
        return list(choices.values()), lines

    def _picks(self, context: AgentContext, *, batch: Sequence[Prospect], at_most: int) -> PicksAnswer:
        assert context.model is not None
        brief: dict[str, Any] = {**context.brief.as_fields(), "at_most": at_most}
        # The ref last: a stranger's column of that name must not stand for somebody else.
        prospects = [{**prospect.fields, "ref": prospect.ref} for prospect in batch]
        question = fenced(name="brief", value=brief) + "\n\n" + fenced(name="prospects", value=prospects)
        return context.model.ask(
            purpose="outreach.choose", prompt="outreach_choose", question=question, shape=PicksAnswer
        )

    def _write(self, context: AgentContext, target: Target) -> Proposal:
        written = context.writer.write(brief=context.brief, prospect=target.prospect, reason=target.reason)
        payload = {"subject": written.subject, "text": written.text}
        if written.html:
            payload["html"] = written.html
        return Proposal(
            contact=target.contact,
            channel="email",
            payload=payload,
            writer=written.writer,
            notes=written.notes,
            claims=tuple((claim.text, claim.source) for claim in written.claims),
        )


def _real_cites(prospect: Prospect, cites: Sequence[CiteAnswer]) -> tuple[Citation, ...]:
    """Those citations whose words do stand in the field they name."""
    found = []
    for cite in cites[:5]:
        read = " ".join(prospect.fields.get(cite.field, "").split())
        quote = " ".join(cite.quote.split())
        if quote and quote.lower() in read.lower():
            found.append(Citation(source=prospect.source, field=cite.field, text=quote[:300]))
    return tuple(found)
