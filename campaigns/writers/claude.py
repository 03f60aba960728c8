"""The writer that asks Claude. What the model read and answered is checked here; it never sees or names an address."""

from typing import Protocol, TypeVar

from pydantic import BaseModel, Field

from campaigns.errors import ModelFailed
from campaigns.fencing import fenced
from campaigns.writers.base import Brief, Claim, Prospect, WrittenEmail
from campaigns.writers.checks import clean, flags, hidden_notes

Answer = TypeVar("Answer", bound=BaseModel)


class LanguageModel(Protocol):
    """A model that answers in a given shape. campaigns.llm is the one there is."""

    @property
    def name(self) -> str:
        """The model's name, as the service knows it."""
        ...

    def ask(self, *, purpose: str, prompt: str, question: str, shape: type[Answer]) -> Answer:
        """The model's answer to `question` under the instructions of the prompt file `prompt`, as a `shape`.

        Raises campaigns.errors.ModelFailed.
        """
        ...


class ClaimAnswer(BaseModel):
    text: str
    source: str


class EmailAnswer(BaseModel):
    """What the model is asked for."""

    subject: str = Field(description="One line, under 90 characters.")
    text: str = Field(description="The complete email in plain text.")
    claims: list[ClaimAnswer] = Field(description="Every statement of fact, with where it was given.")


class ClaudeWriter:
    """Writes with a language model, and tells the approver what in the words nobody vouches for."""

    def __init__(self, *, model: LanguageModel) -> None:
        self.model = model
        self.label = f"claude:{model.name}"

    def write(self, *, brief: Brief, prospect: Prospect, reason: str) -> WrittenEmail:
        """One email. Raises ModelFailed where the model gives none."""
        given = prospect.fields
        question = "\n\n".join(
            [
                fenced(name="brief", value=brief.as_fields()),
                fenced(name="prospect", value=dict(given)),
                "Why this prospect was picked, as told to the approver: " + fenced(name="reason", value=reason),
            ]
        )
        answer = self.model.ask(purpose="outreach.write", prompt="outreach_write", question=question, shape=EmailAnswer)
        subject, hidden_above = clean(" ".join(answer.subject.split()))
        text, hidden_below = clean(answer.text.strip())
        if not subject or not text:
            raise ModelFailed(f"The model wrote an empty email for {prospect.name}.", reason="unusable")
        notes = flags(subject=subject, text=text, brief=brief.as_fields(), prospect=given)
        claims = tuple(Claim(text=claim.text[:300], source=claim.source[:80]) for claim in answer.claims[:50])
        sources = {f"brief.{name}" for name in brief.as_fields()} | {f"prospect.{name}" for name in given}
        notes += [f"No source for: {claim.text}" for claim in claims if claim.source not in sources]
        notes += hidden_notes(prospect=prospect, answer=hidden_above + hidden_below)
        return WrittenEmail(
            subject=subject[:500], text=text + "\n", writer=self.label, notes=tuple(notes), claims=claims
        )
