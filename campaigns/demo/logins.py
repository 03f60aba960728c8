"""The demo's people, passwords and tokens.

Passwords and tokens are derived from a key under VAR_DIR, so that they are the same at every call, on this machine
alone; the database holds their hashes as for anybody else.
"""

import hashlib
import hmac
import os
import secrets
from base64 import b32encode, urlsafe_b64encode
from pathlib import Path
from typing import Any

from django.conf import settings

from workspaces.actors import Actor
from workspaces.canonical import sha256_hex
from workspaces.models import Membership, Principal, PrincipalKind, Role, Token, User, Workspace
from workspaces.services import add_person, add_service, issue_token
from workspaces.services.members import principal_for_user
from workspaces.services.tokens import PREFIX

# Who is in each workspace: the word in the answer -> the role.
PEOPLE = {
    "owner": Role.OWNER,
    "approver": Role.APPROVER,
    "second_approver": Role.APPROVER,
    "author": Role.AUTHOR,
    "viewer": Role.VIEWER,
}
SERVICE = "agent"
_TOKEN_NAME = "demo"  # noqa: S105  (the name of a token, not its secret)


def demo_key() -> bytes:
    """The key that everything here is derived from, made at first use."""
    path = Path(settings.VAR_DIR) / "demo-key"
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_bytes()
    with os.fdopen(descriptor, "wb") as file:
        file.write(secrets.token_hex(32).encode())
    return path.read_bytes()


def make_logins(*, workspace: Workspace, prefix: str, operator: str, actor: Actor) -> dict[str, Any]:
    """The people and the service of one workspace, each with a token; what is there already is left alone.

    prefix: what user names begin with. operator: the word of whoever runs the installation, or empty.
    Returns {"users": {WORD: {"username", "password", "token"}}, "services": {"agent": {"token"}}}.
    """
    key = demo_key()
    users = {}
    for word, role in PEOPLE.items():
        username = prefix + word
        password = _password(key, username)
        membership = _person(workspace=workspace, username=username, role=role, actor=actor)
        token = _token(key, workspace.slug, username)
        if _issue(membership=membership, secret=token, actor=actor):
            # No token of this key yet: the login is new, or the key is.
            _set_password(username=username, password=password)
        if word == operator:
            Principal.objects.filter(pk=membership.principal_id, is_operator=False).update(is_operator=True)
        users[word] = {"username": username, "password": password, "token": token}
    service = _service(workspace=workspace, actor=actor)
    token = _token(key, workspace.slug, f"service:{SERVICE}")
    _issue(membership=service, secret=token, actor=actor)
    return {"users": users, "services": {SERVICE: {"token": token}}}


def _derived(key: bytes, purpose: str) -> bytes:
    return hmac.digest(key, purpose.encode(), hashlib.sha256)


def _password(key: bytes, username: str) -> str:
    letters = b32encode(_derived(key, f"password:{username}")).decode().lower()[:20]
    return "-".join(letters[start : start + 5] for start in range(0, 20, 5))


def _token(key: bytes, slug: str, name: str) -> str:
    return PREFIX + urlsafe_b64encode(_derived(key, f"token:{slug}:{name}")).decode().rstrip("=")


def _person(*, workspace: Workspace, username: str, role: str, actor: Actor) -> Membership:
    user, _ = User.objects.get_or_create(username=username, defaults={"password": "!"})
    found = Membership.objects.filter(workspace=workspace, principal=principal_for_user(user=user)).first()
    return found or add_person(workspace=workspace, user=user, role=role, actor=actor)


def _service(*, workspace: Workspace, actor: Actor) -> Membership:
    found = Membership.objects.filter(
        workspace=workspace, principal__kind=PrincipalKind.SERVICE, principal__name=SERVICE
    ).first()
    return found or add_service(workspace=workspace, name=SERVICE, actor=actor)


def _set_password(*, username: str, password: str) -> None:
    user = User.objects.get(username=username)
    user.set_password(password)
    user.save(update_fields=["password"])


def _issue(*, membership: Membership, secret: str, actor: Actor) -> bool:
    """Issue the token unless it is there. Whether it was not."""
    if Token.objects.filter(digest=sha256_hex(secret.encode())).exists():
        return False
    issue_token(membership=membership, name=_TOKEN_NAME, actor=actor, secret=secret)
    return True
