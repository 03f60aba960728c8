"""Alerts as plain mail, through EMAIL_URL and the SMTP provider's own connection."""

from execution.providers import registry as providers
from execution.providers.base import AccountConfig, Act
from execution.providers.errors import Ambiguous, Misconfigured, ProviderError
from execution.sending import default_identity, default_secret
from execution.wire.addresses import split_mailbox
from execution.wire.message import Sender, build_email, message_id_for
from workspaces.errors import InvalidInput
from workspaces.models import Workspace


def send_mail(*, workspace: Workspace, to: str, subject: str, text: str, delivery_id: str) -> str:
    """Send one mail; answers what went wrong, "" where the server took it.

    Alerts are for the operator and no outward act: they go in a dry run too. The same `delivery_id` gives the same
    Message-ID, so that a second copy after a broken connection is recognised (RFC 5322, section 3.6.4).
    """
    identity = default_identity(channel="email", workspace=workspace)
    if identity is None:
        return "EMAIL_URL is not set, so no mail can be sent."
    _, address = split_mailbox(to)
    try:
        wire = build_email(
            payload={"subject": subject, "text": text},
            sender=Sender(name="Countersign", address=identity.from_email),
            to=[address],
            message_id=message_id_for(request_id=delivery_id, domain=identity.from_email.rpartition("@")[2]),
            headers={"Auto-Submitted": "auto-generated"},  # RFC 3834: no robot answers
        )
        config = AccountConfig(
            provider=identity.provider,
            host=identity.host,
            port=identity.port,
            username=identity.user,
            password=default_secret(channel="email"),
            security=identity.security,  # type: ignore[arg-type]
            from_email=identity.from_email,
            options={"connect_timeout": 10, "command_timeout": 10, "answer_timeout": 10},
        )
        with providers.get(identity.provider).connect(config) as connection:
            connection.perform(
                Act(
                    request_id=delivery_id,
                    attempt_id=delivery_id,
                    channel="email",
                    to=[address],
                    sender=identity.from_email,
                    wire=wire,
                )
            )
    except (ProviderError, Misconfigured, Ambiguous, InvalidInput) as error:
        return error.detail[:300]
    return ""
