import secrets

from django.db import models
from django.db.models import Q

from contacts.addresses import AddressKind
from workspaces.ids import new_id
from workspaces.scope import scoped_manager


class SuppressionReason(models.TextChoices):
    """Why an address is not written to, the most binding first."""

    LEGAL = "legal", "Legal duty"  # an erasure, a court, a regulator
    OPT_OUT = "opt_out", "Opted out"
    COMPLAINT = "complaint", "Complained"
    MANUAL = "manual", "Set by hand"
    BOUNCE = "bounce", "Bounced"


def _random_key() -> bytes:
    return secrets.token_bytes(32)


class SuppressionKey(models.Model):
    """The key under which a workspace's suppressed addresses are hashed.

    It lives and dies with the rows it keys: a key from the environment would be lost when that is rotated, and every
    suppression with it. It keeps two workspaces' lists from being joined, and a list alone from being guessed at.
    """

    workspace = models.OneToOneField(
        "workspaces.Workspace", on_delete=models.PROTECT, primary_key=True, related_name="+"
    )
    key = models.BinaryField(default=_random_key, editable=False)

    objects = scoped_manager()

    def __str__(self) -> str:
        return f"Suppression key of {self.workspace_id}"


class Suppression(models.Model):
    """An address that must not be written to, from its commit until a person lifts it.

    What is matched is `address_hash`, an HMAC of the address's suppression form (contacts.addresses). `address` is
    only shown; after an erasure it is NULL and the row still holds.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workspace = models.ForeignKey("workspaces.Workspace", on_delete=models.PROTECT, related_name="+", db_index=False)
    kind = models.CharField(max_length=8, choices=AddressKind.choices)
    address_hash = models.CharField(max_length=64, editable=False)
    address = models.CharField(max_length=254, null=True, blank=True)
    reason = models.CharField(max_length=10, choices=SuppressionReason.choices)
    source = models.CharField(max_length=200, blank=True, help_text="How we know: a link, a keyword, a bounce.")
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey("workspaces.Principal", on_delete=models.PROTECT, related_name="+")
    lifted_at = models.DateTimeField(null=True, blank=True, editable=False)
    lifted_by = models.ForeignKey(
        "workspaces.Principal", on_delete=models.PROTECT, null=True, blank=True, editable=False, related_name="+"
    )
    lifted_reason = models.CharField(max_length=500, blank=True, editable=False)

    objects = scoped_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            # Also the look-up right before a send: is one of these addresses suppressed?
            models.UniqueConstraint(
                fields=["workspace", "kind", "address_hash"], condition=Q(lifted_at=None), name="suppressed_once"
            ),
            models.CheckConstraint(condition=Q(reason__in=SuppressionReason.values), name="suppression_reason_known"),
            models.CheckConstraint(condition=Q(kind__in=AddressKind.values), name="suppression_kind_known"),
        ]
        # The list of suppressions, newest first.
        indexes = [models.Index(fields=["workspace", "-id"], name="suppression_newest")]

    def __str__(self) -> str:
        return f"{self.address or 'erased address'} ({self.reason})"
