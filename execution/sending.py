"""Who a message comes from and through which account: the part of an account that is under the seal."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from uuid import UUID

from django.conf import settings

from execution.channels import registry
from execution.models import AccountState, ProviderAccount
from execution.wire import split_mailbox
from workspaces.errors import InvalidInput
from workspaces.models import Workspace


@dataclass(frozen=True, slots=True, kw_only=True)
class SenderIdentity:
    """The sealed part of an account: changing any of it sends what was approved back to its gate."""

    account: str | None  # None: the installation's default
    provider: str
    host: str
    port: int | None
    user: str
    security: str
    from_email: str
    from_name: str

    def as_document(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}


def identity_of(account: ProviderAccount) -> SenderIdentity:
    """The sealed part of a workspace's own account."""
    return SenderIdentity(
        account=str(account.id),
        provider=account.provider,
        host=account.host,
        port=account.port,
        user=account.username,
        security=account.security,
        from_email=account.from_email,
        from_name=account.from_name,
    )


def default_identity(*, channel: str, workspace: Workspace) -> SenderIdentity | None:
    """The installation's default: EMAIL_URL for mail, itself for what is done inside; None where there is none."""
    inside = registry.get(channel).provider
    if inside:
        return SenderIdentity(
            account=None, provider=inside, host="", port=None, user="", security="none", from_email="", from_name=""
        )
    if channel != "email" or not settings.EMAIL_URL:
        return None
    url = urlsplit(settings.EMAIL_URL)
    name, address = split_mailbox(parse_qs(url.query).get("from", [settings.DEFAULT_FROM_EMAIL])[0])
    return SenderIdentity(
        account=None,
        provider="smtp",
        host=url.hostname or "localhost",
        port=url.port or (465 if url.scheme == "smtps" else 25),
        user=unquote(url.username or ""),
        security="tls" if url.scheme == "smtps" else ("starttls" if url.scheme == "smtp+tls" else "none"),
        from_email=address,
        from_name=name or workspace.name,
    )


def default_secret(*, channel: str) -> str:
    """The password of EMAIL_URL, for mail; read by the executor alone."""
    return unquote(urlsplit(settings.EMAIL_URL).password or "") if channel == "email" and settings.EMAIL_URL else ""


def account_for(*, workspace: Workspace, channel: str, account_id: UUID | str | None) -> ProviderAccount | None:
    """The account named, else the workspace's default for the channel, else None (the installation's default).

    Raises InvalidInput naming the field `account` where the one named is not there or serves another channel.
    Runs inside the workspace's scope.
    """
    accounts = ProviderAccount.objects.filter(workspace=workspace, channel=channel)
    if account_id is None:
        return accounts.filter(is_default=True, state=AccountState.ACTIVE).first()
    account = accounts.filter(pk=account_id).first()
    if account is None:
        raise InvalidInput(
            "There is no such account for this channel.", fields={"account": "No account of this channel has this id."}
        )
    return account


def identity_for(*, workspace: Workspace, channel: str, account: ProviderAccount | None) -> SenderIdentity | None:
    """What goes under the seal; None where no account exists yet: then only a dry run is possible."""
    return identity_of(account) if account else default_identity(channel=channel, workspace=workspace)
