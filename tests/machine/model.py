"""What the tests expect: a model that is told what people did and predicts what may happen. It reads no guard."""

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

# Who may decide in the workspace of a run, while they are active.
DECIDERS = ("omar", "rosa", "sam")
PEOPLE = (*DECIDERS, "ada", "vic")

_SUPPRESSED = {
    "name": "suppressed",
    "when": {"suppressed": True},
    "then": {"refuse": True},
    "reason": "A recipient asked not to be contacted.",
}


def _rules(name: str, *, then: dict[str, Any], when: dict[str, Any] | None = None) -> list[dict[str, Any]]:
    return [_SUPPRESSED, {"name": name, "when": when or {}, "then": then, "reason": "A test says so."}]


POLICIES: dict[str, list[dict[str, Any]]] = {
    "one_gate": _rules("language", then={"gates": ["HR_LANG"]}),
    "two_gates": _rules("law", then={"gates": ["HR_LANG", "HR_LEGAL"]}),
    "alone": _rules("alone", then={"run_alone": True}),
    "nobody": _rules("nobody", then={"refuse": True}),
    # A number is compared with what is a word: whatever the rule meant, a person decides.
    "unreadable": _rules("unreadable", when={"risk": {"gt": 3}}, then={"run_alone": True}),
    # Says nothing about suppressed recipients; the guard has to.
    "forgetful": _rules("language", then={"gates": ["HR_LANG"]})[1:],
}
REFUSED = None


@dataclass(slots=True, kw_only=True)
class Expected:
    """One request: what was agreed on, by whom."""

    id: UUID
    digest: str
    document: dict[str, Any]
    recipients: tuple[str, ...]
    subject: str
    text: str = "Dear reader,"
    mode: str
    scheduled_for: float | None = None
    expires_at: float | None = None
    # Consent covers everyone it reaches.
    consented: bool = False
    authors: set[str] = field(default_factory=set)
    # gate -> who approved this very digest there, and whether as the sole operator
    approvals: dict[str, dict[str, bool]] = field(default_factory=lambda: defaultdict(dict))
    undo_until: float = 0.0
    # Changed by SQL since it was frozen; and whether the frozen text was, so that nothing tells what stood there.
    tampered: bool = False
    text_tampered: bool = False
    # Calls made before this number may be made again: a person said they had not happened.
    said_not_sent: int = 0


@dataclass(slots=True, kw_only=True)
class FirstOfPlan:
    """A plan of which `size` requests go first, and the rest not before `watch` seconds after they ended well."""

    members: frozenset[UUID]
    size: int
    watch: float
    marked: set[UUID] = field(default_factory=set)
    ended: dict[UUID, float] = field(default_factory=dict)

    def goes(self, request_id: UUID, *, at: float) -> bool:
        """Whether this one may be marked at that time (seconds, by the database's clock)."""
        if request_id in self.marked or len(self.marked) < self.size:
            return True
        return len(self.ended) >= self.size and at >= max(self.ended.values()) + self.watch


@dataclass(slots=True, kw_only=True)
class Model:
    """The workspace."""

    mode: str = "live"
    policy: str = "one_gate"
    quorum: dict[str, int] = field(default_factory=lambda: {"HR_LANG": 1, "HR_LEGAL": 1})
    active: dict[str, bool] = field(default_factory=lambda: dict.fromkeys(PEOPLE, True))
    enabled: bool = True
    sole_operator: bool = False
    undo_seconds: int = 0
    holds: set[str] = field(default_factory=set)
    restored: bool = False
    suppressed: set[str] = field(default_factory=set)
    account_stopped: bool = False
    # Local hours in which mail may reach anybody, and the zones of those who have one.
    hours: tuple[int, int] = (0, 24)
    zones: dict[str, str] = field(default_factory=dict)
    limit: tuple[int, float] = (50, 86_400.0)
    # When places were taken in the window of the limit, by the database's clock.
    places: list[float] = field(default_factory=list)
    requests: dict[UUID, Expected] = field(default_factory=dict)
    # Hours after which what runs alone waits (0: never), and when each person was last on record as seen.
    absent_hours: int = 0
    seen: dict[str, float] = field(default_factory=dict)
    # Plans of more than so many begin with a slice, watched for so many minutes; 0 for none.
    canary: tuple[int, int] = (0, 60)
    first_of_plans: list[FirstOfPlan] = field(default_factory=list)

    def gates_for(self, request: Expected) -> frozenset[str] | None:
        """The gates that the policy in force asks for; REFUSED where it forbids the act."""
        if self.policy != "forgetful" and self.suppressed & set(request.recipients):
            return REFUSED
        match self.policy:
            case "nobody":
                return REFUSED
            case "two_gates":
                return frozenset({"HR_LANG", "HR_LEGAL"})
            case "alone" if request.consented:
                return frozenset()
        return frozenset({"HR_LANG"})

    def lacks(self, request: Expected) -> str:
        """Why the approvals of a request do not do, in words; empty where they do (P1, P5)."""
        gates = self.gates_for(request)
        if gates is REFUSED:
            return "the policy in force forbids it"
        for gate in sorted(gates):
            people = {
                name
                for name, sole in request.approvals[gate].items()
                if name in DECIDERS and self.active[name] and (sole or name not in request.authors)
            }
            if len(people) < self.quorum[gate]:
                return f"{len(people)} of {self.quorum[gate]} approved at {gate} who may"
        return ""

    def is_unattended(self, *, at: float) -> bool:
        """Whether nobody who may decide was seen for as long as the switch allows."""
        if not self.absent_hours:
            return False
        seen = [when for name, when in self.seen.items() if name in DECIDERS and self.active[name]]
        return at - max(seen, default=0.0) >= self.absent_hours * 3_600.0

    def may_decide(self, name: str, request: Expected) -> bool:
        """Whether this person's decision on this request has to be accepted."""
        return name in DECIDERS and self.active[name] and (name not in request.authors or self.sole_operator)
