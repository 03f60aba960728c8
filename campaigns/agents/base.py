"""What an agent is, what it is given, and the frozen values it returns."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, ClassVar, Protocol, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, ValidationError

from campaigns.writers.base import Brief, Prospect, Writer
from campaigns.writers.claude import LanguageModel
from execution.channels.checking import check_json
from workspaces.errors import InvalidInput

_MOST_INPUT = 2_000_000  # characters, in all fields together


class Handler(StrEnum):
    """The family of channels an agent works for."""

    EMAIL = "email"
    SOCIAL = "social"
    MARKETING = "marketing"
    SEO = "seo"
    ADS = "ads"


@dataclass(frozen=True, slots=True, kw_only=True)
class Citation:
    """What a reason rests on: a field of a source, and its words."""

    source: str
    field: str
    text: str

    def as_dict(self) -> dict[str, str]:
        return {"source": self.source, "field": self.field, "text": self.text}


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A prospect picked, by its ref, with the reason an approver will read."""

    ref: str
    reason: str
    cites: tuple[Citation, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A prospect picked who is now a contact."""

    contact: UUID
    prospect: Prospect
    reason: str
    cites: tuple[Citation, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """One act an agent proposes. It names a contact by id; an agent has no way to name an address."""

    contact: UUID
    channel: str
    payload: Mapping[str, Any]
    writer: str
    notes: tuple[str, ...] = ()
    claims: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentResult:
    """What a run comes to: the plan it proposes, and one sentence for the task's log."""

    title: str
    goal: str
    summary: str
    proposals: tuple[Proposal, ...]


class Desk(Protocol):
    """What an agent may ask for while it works. Everything goes on record; a hold or a budget stops it."""

    def say(self, text: str) -> None:
        """A line for the task's log."""
        ...

    def picked(self) -> list[Target]:
        """Whom an earlier try of this run picked already; empty on the first."""
        ...

    def introduce(self, choices: Sequence[Choice]) -> list[Target]:
        """Make contacts of the prospects chosen. Whoever may not be contacted is left out, and the log says so."""
        ...

    def kept(self, target: Target) -> Proposal | None:
        """What an earlier try of this run wrote for the target already."""
        ...

    def keep(self, proposal: Proposal) -> None:
        """Store what was written, so that a later try does not write (and pay for) it again."""
        ...


class AgentInputs(BaseModel):
    """Base of the inputs: what an agent is told. A field nobody knows is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)

    @classmethod
    def read(cls, values: Mapping[str, Any]) -> Self:
        """`values` as these inputs. Raises InvalidInput naming each field, as `inputs.goal`."""
        try:
            check_json(dict(values), max_bytes=_MOST_INPUT)
        except InvalidInput as wrong:
            fields = {name.replace("payload", "inputs", 1): text for name, text in wrong.fields.items()}
            told = "; ".join(f"{name} {text}" for name, text in fields.items())
            raise InvalidInput(f"The agent cannot work with these inputs. {told}", fields=fields) from None
        try:
            return cls.model_validate(dict(values))
        except ValidationError as wrong:
            fields = {}
            for error in wrong.errors(include_url=False, include_input=False):
                fields.setdefault(".".join(["inputs", *map(str, error["loc"])]), error["msg"])
            told = "; ".join(f"{name}: {text}" for name, text in list(fields.items())[:5])
            raise InvalidInput(f"The agent cannot work with these inputs. {told}", fields=fields) from None


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentContext:
    """One run as the agent sees it. `model` is None where no key is set: then the agent goes by rules."""

    inputs: Any
    brief: Brief
    prospects: Sequence[Prospect] = ()
    writer: Writer
    model: LanguageModel | None = None
    desk: Desk = field(repr=False)


class Agent(ABC):
    """A worker with a name.

    slug: its key, and its name in `agent:SLUG`. label: its name for people. does: what it does, in one sentence.
    handler: the family it belongs to. inputs: the schema of what it is told. wants_prospects: whether the run reads
    prospects from a source before it starts.
    """

    slug: ClassVar[str]
    label: ClassVar[str]
    does: ClassVar[str]
    handler: ClassVar[Handler]
    inputs: ClassVar[type[AgentInputs]]
    wants_prospects: ClassVar[bool] = False

    @abstractmethod
    def run(self, context: AgentContext) -> AgentResult:
        """Do the work and return what it proposes. Raises AgentFailed or ModelFailed where it cannot."""

    @classmethod
    def inputs_from_task(cls, *, title: str, description: str, metadata: Mapping[str, Any]) -> dict[str, Any]:
        """The inputs that a task's words and metadata come to: `metadata.inputs`, or the fields of the schema in it."""
        given = metadata.get("inputs")
        known = set(cls.inputs.model_fields)
        values = dict(given) if isinstance(given, Mapping) else {k: v for k, v in metadata.items() if k in known}
        if "goal" in known:
            values.setdefault("goal", description.strip() or title)
        return values
