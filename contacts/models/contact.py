from django.db import models
from django.db.models import Q

from workspaces.ids import new_id
from workspaces.models.workspace import validate_time_zone
from workspaces.scope import scoped_manager


class ContactKind(models.TextChoices):
    """Who or what a contact is."""

    PERSON = "person", "Person"
    OFFICE = "office", "Office"  # of a senator, an agency ...
    ORGANISATION = "organisation", "Organisation"
    OUTLET = "outlet", "Outlet"  # a newsroom, a newspaper's desk


class Contact(models.Model):
    """Somebody a workspace may talk to. Addresses stand in their normal form (contacts.addresses).

    Deleting one would tear holes into history; `services.erase_contact` blanks it instead.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workspace = models.ForeignKey("workspaces.Workspace", on_delete=models.PROTECT, related_name="+", db_index=False)
    kind = models.CharField(max_length=12, choices=ContactKind.choices, default=ContactKind.PERSON)
    name = models.CharField(max_length=200, blank=True)
    title = models.CharField("role", max_length=200, blank=True, help_text="Such as legislative director.")
    organisation = models.ForeignKey(
        "contacts.Organisation", on_delete=models.PROTECT, null=True, blank=True, related_name="contacts"
    )
    email = models.CharField(max_length=254, blank=True)
    email_key = models.CharField(max_length=400, blank=True, editable=False)
    phone = models.CharField(max_length=16, blank=True, help_text="With its country code, such as +12025550123.")
    # What a suppression of the address would be filed under, so that one join tells whom not to write to.
    email_hash = models.CharField(max_length=64, blank=True, editable=False)
    phone_hash = models.CharField(max_length=64, blank=True, editable=False)
    handles = models.JSONField(default=dict, blank=True, help_text="Accounts on social networks, network to handle.")
    time_zone = models.CharField(max_length=64, blank=True, validators=[validate_time_zone])
    # A zone read off the phone number. Callers who must not be wrong treat it as unknown.
    time_zone_is_guess = models.BooleanField(default=False, editable=False)
    notes = models.TextField(blank=True)
    source = models.CharField(max_length=120, blank=True, help_text="Where this contact came from.")
    last_contacted_at = models.DateTimeField(null=True, blank=True, editable=False)
    last_contacted_channel = models.CharField(max_length=24, blank=True, editable=False)
    # A rehearsal is never taken for a contact: it has a date of its own.
    last_dry_run_at = models.DateTimeField(null=True, blank=True, editable=False)
    is_erased = models.BooleanField(default=False, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey("workspaces.Principal", on_delete=models.PROTECT, db_index=False, related_name="+")
    updated_at = models.DateTimeField(auto_now=True)

    objects = scoped_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["workspace", "email_key"], condition=~Q(email_key=""), name="contact_email_once"
            ),
            models.CheckConstraint(condition=Q(kind__in=ContactKind.values), name="contact_kind_known"),
            models.CheckConstraint(
                condition=Q(is_erased=False) | Q(name="", email="", phone="", email_key="", notes=""),
                name="erased_contact_is_blank",
            ),
        ]
        indexes = [
            # Of whom something may be left elsewhere; the sweep looks.
            models.Index(fields=["id"], condition=Q(is_erased=True), name="contact_erased"),
            # The list of contacts by name. That by age, newest first, has the unique one of workspace and id, which
            # the keys of tenants point at. None over the last contact: every act changes it, and would write each of
            # these anew.
            models.Index(fields=["workspace", "name", "id"], name="contact_by_name"),
            # Whose phone number is this? (an answer by SMS, a proposal to a number)
            models.Index(fields=["workspace", "phone"], condition=~Q(phone=""), name="contact_by_phone"),
            # Whose addresses does a suppression cover?
            models.Index(fields=["workspace", "email_hash"], condition=~Q(email_hash=""), name="contact_by_email_hash"),
            models.Index(fields=["workspace", "phone_hash"], condition=~Q(phone_hash=""), name="contact_by_phone_hash"),
        ]

    def __str__(self) -> str:
        if self.is_erased:
            return "Erased contact"
        return self.name or self.email or self.phone or "Contact without a name"


class ContactTag(models.Model):
    """A tag on a contact: a row each, so that filtering by one is an index look-up on both engines."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workspace = models.ForeignKey("workspaces.Workspace", on_delete=models.PROTECT, related_name="+", db_index=False)
    contact = models.ForeignKey("contacts.Contact", on_delete=models.CASCADE, related_name="tags", db_index=False)
    slug = models.SlugField(max_length=50, db_index=False)

    objects = scoped_manager()

    class Meta:
        ordering = ["slug"]
        constraints = [models.UniqueConstraint(fields=["contact", "slug"], name="contact_tag_once")]
        # The contacts with a tag, and the tags of a workspace.
        indexes = [models.Index(fields=["workspace", "slug", "contact"], name="contacts_by_tag")]

    def __str__(self) -> str:
        return self.slug
