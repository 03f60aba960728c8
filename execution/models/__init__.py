"""One file a concept; outsiders import from here."""

from execution.models.account import AccountPace, AccountState, ProviderAccount
from execution.models.alert import Alert, Severity
from execution.models.alert_route import AlertDelivery, AlertRoute, DeliveryState, EscalationStep, Notification
from execution.models.attempt import Attempt, AttemptState
from execution.models.decision import Decision, Verdict
from execution.models.gate import GateDefinition, GateState, RequestGate
from execution.models.heartbeat import Heartbeat
from execution.models.hold import Hold, HoldScope
from execution.models.limit import Limit, LimitCounter, LimitMark
from execution.models.plan import ExecutionPlan
from execution.models.policy import PolicyVersion
from execution.models.request import ExecutionRequest
from execution.models.retention import RetentionRun, SpentKey
from execution.models.revision import Part, PartUse, Revision
from execution.models.snapshot import Snapshot
from execution.models.template import MessageTemplate
from execution.models.window import SendWindow
from execution.models.worker import Worker

__all__ = [
    "AccountPace",
    "AccountState",
    "Alert",
    "AlertDelivery",
    "AlertRoute",
    "Attempt",
    "AttemptState",
    "Decision",
    "DeliveryState",
    "EscalationStep",
    "ExecutionPlan",
    "ExecutionRequest",
    "GateDefinition",
    "GateState",
    "Heartbeat",
    "Hold",
    "HoldScope",
    "Limit",
    "LimitCounter",
    "LimitMark",
    "MessageTemplate",
    "Notification",
    "Part",
    "PartUse",
    "PolicyVersion",
    "ProviderAccount",
    "RequestGate",
    "RetentionRun",
    "Revision",
    "SendWindow",
    "Severity",
    "Snapshot",
    "SpentKey",
    "Verdict",
    "Worker",
]
