"""One file a concept; outsiders import from here."""

from workspaces.models.audit import AuditBlock, AuditEntry
from workspaces.models.installation import Installation
from workspaces.models.membership import Membership, Role
from workspaces.models.principal import Principal, PrincipalKind
from workspaces.models.setting import Setting
from workspaces.models.token import Token
from workspaces.models.user import User
from workspaces.models.workspace import Mode, Workspace

__all__ = [
    "AuditBlock",
    "AuditEntry",
    "Installation",
    "Membership",
    "Mode",
    "Principal",
    "PrincipalKind",
    "Role",
    "Setting",
    "Token",
    "User",
    "Workspace",
]
