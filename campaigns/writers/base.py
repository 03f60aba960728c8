"""What a writer is given, what it gives back, and the one interface that every writer has."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Brief:
    """What a campaign is about and who speaks. Written by members of the workspace, so it is trusted.

    goal: what the campaign is to reach, told to the agent. ask: what the recipient is asked, told to them.
    """

    goal: str
    ask: str = ""
    cause: str = ""
    audience: str = ""
    tone: str = ""
    sender_name: str = ""
    sender_role: str = ""
    sender_organisation: str = ""

    def as_fields(self) -> dict[str, str]:
        """What is filled in, by name."""
        names = ("goal", "ask", "cause", "audience", "tone", "sender_name", "sender_role", "sender_organisation")
        return {name: value for name in names if (value := getattr(self, name))}


@dataclass(frozen=True, slots=True, kw_only=True)
class Prospect:
    """Someone who might be written to, as read from a source. Every field was written by a stranger.

    ref: how it is named in one run, such as `p3`; the only way an agent can point at somebody. source: where it was
    read, for people, such as `prospects.csv, row 3`. fields: what was read, without its addresses: an agent has no use
    for them. unreachable: why it cannot be written to, or empty where it can. hidden: how many characters that no
    reader sees were taken out of the fields: text meant for a machine alone.
    """

    ref: str
    source: str
    fields: Mapping[str, str]
    unreachable: str = ""
    hidden: int = 0

    @property
    def name(self) -> str:
        """What to call it in a log: its name, else its organisation, else where it was read."""
        return self.fields.get("name") or self.fields.get("organisation") or self.source


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """Something a text states, and the field it was taken from."""

    text: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenEmail:
    """One email as written. `writer` says who wrote it; `notes` is what the approver should know about the words."""

    subject: str
    text: str
    writer: str
    html: str | None = None
    notes: tuple[str, ...] = ()
    claims: tuple[Claim, ...] = field(default=())


class Writer(Protocol):
    """Anything that writes. It is told what it may know, and returns words; it reads and changes nothing else."""

    label: str

    def write(self, *, brief: Brief, prospect: Prospect, reason: str) -> WrittenEmail:
        """One email to `prospect`, for the goal of `brief`; `reason` is why it was picked.

        Raises campaigns.errors.AgentFailed or ModelFailed where it cannot.
        """
        ...
