"""Writes: tenants, members and tokens."""

from workspaces.services.members import add_person, add_service, change_member
from workspaces.services.presence import record_seen, see_member
from workspaces.services.tokens import authenticate_token, issue_token, revoke_token
from workspaces.services.workspaces import create_workspace, update_workspace

__all__ = [
    "add_person",
    "add_service",
    "authenticate_token",
    "change_member",
    "create_workspace",
    "issue_token",
    "record_seen",
    "revoke_token",
    "see_member",
    "update_workspace",
]
