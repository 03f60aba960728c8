"""Bearer tokens: made once, shown once, kept as a SHA-256."""

import secrets
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from workspaces import audit
from workspaces.actors import Actor
from workspaces.canonical import sha256_hex
from workspaces.errors import NotAuthenticated, NotPermitted
from workspaces.models import Membership, PrincipalKind, Token
from workspaces.permissions import Permission

audit.register({"token.issued": "{actor} issued a token", "token.revoked": "{actor} revoked a token"})

PREFIX = "cs_"
_USED_AGAIN_AFTER = timedelta(minutes=1)  # last_used_at is good to a minute; a write per call would be wasteful


def issue_token(
    *,
    membership: Membership,
    name: str,
    actor: Actor,
    expires_at: datetime | None = None,
    secret: str | None = None,
) -> tuple[Token, str]:
    """Make a token for a membership and return it with its secret, which cannot be shown again.

    A member may make their own; others' take the right to manage members. `secret` is for the demo, whose tokens
    are derived from a key.
    """
    own = actor.principal_id == membership.principal_id
    if not own and actor.kind != PrincipalKind.SYSTEM:
        actor.require(Permission.MEMBERS, workspace_id=membership.workspace_id)
        if membership.kind == PrincipalKind.PERSON and not actor.is_operator:
            raise NotPermitted("A person's token is made by that person: it would let you act in their name.")
    secret = secret or PREFIX + secrets.token_urlsafe(32)
    with transaction.atomic():
        token = Token.objects.create(
            membership=membership, name=name, digest=sha256_hex(secret.encode()), hint=secret[:8], expires_at=expires_at
        )
        audit.record(action="token.issued", actor=actor, workspace_id=membership.workspace_id, subject=token)
    return token, secret


def revoke_token(*, token: Token, actor: Actor) -> None:
    """Make a token worthless from the next call on."""
    if actor.principal_id != token.membership.principal_id:
        actor.require(Permission.MEMBERS, workspace_id=token.membership.workspace_id)
    with transaction.atomic():
        Token.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=timezone.now())
        audit.record(action="token.revoked", actor=actor, workspace_id=token.membership.workspace_id, subject=token)


def authenticate_token(*, secret: str) -> Token:
    """The live token with this secret. Raises NotAuthenticated, in the same words for every reason."""
    now = timezone.now()
    token = (
        Token.objects.select_related("membership__principal__user", "membership__workspace")
        .filter(digest=sha256_hex(secret.encode()), revoked_at=None)
        .filter(Q(expires_at=None) | Q(expires_at__gt=now))
        .first()
    )
    if token is None:
        raise NotAuthenticated("This token is unknown, expired or revoked. Make a new one in the console.")
    if token.last_used_at is None or now - token.last_used_at > _USED_AGAIN_AFTER:
        Token.objects.filter(pk=token.pk).update(last_used_at=now)
    return token
