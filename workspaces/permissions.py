"""The one table of what each role may do."""

from enum import StrEnum

from workspaces.models.membership import Role


class Permission(StrEnum):
    """A right inside one workspace."""

    VIEW = "view"
    EXPORT = "export"
    PROPOSE = "propose"  # propose, edit and withdraw outward acts; contacts and campaigns too
    DECIDE = "decide"  # approve, reject, ask for changes
    RUN = "run"  # perform an approved act now
    RESOLVE = "resolve"  # say whether an uncertain act happened
    HOLD = "hold"
    RELEASE = "release"
    MANAGE = "manage"  # settings, policies, gates, limits, accounts
    MEMBERS = "members"  # people, services, tokens

    @property
    def in_words(self) -> str:
        return _IN_WORDS[self]


_IN_WORDS = {
    Permission.VIEW: "look at this workspace",
    Permission.EXPORT: "export lists",
    Permission.PROPOSE: "propose or edit work",
    Permission.DECIDE: "approve or reject",
    Permission.RUN: "run approved work",
    Permission.RESOLVE: "settle uncertain work",
    Permission.HOLD: "set a hold",
    Permission.RELEASE: "release a hold",
    Permission.MANAGE: "change settings, policies and limits",
    Permission.MEMBERS: "manage members and tokens",
}

_P = Permission
_VIEWER = frozenset({_P.VIEW})
_AUTHOR = _VIEWER | {_P.PROPOSE, _P.EXPORT, _P.HOLD}
_APPROVER = _AUTHOR | {_P.DECIDE, _P.RUN, _P.RESOLVE, _P.RELEASE}
_ADMIN = _APPROVER | {_P.MANAGE, _P.MEMBERS}

RIGHTS: dict[Role, frozenset[Permission]] = {
    Role.VIEWER: _VIEWER,
    Role.AUTHOR: _AUTHOR,
    Role.APPROVER: _APPROVER,
    Role.ADMIN: _ADMIN,
    Role.OWNER: _ADMIN,
    # A service holds but never releases, proposes but never decides.
    Role.SERVICE: frozenset({_P.VIEW, _P.PROPOSE, _P.HOLD}),
}
