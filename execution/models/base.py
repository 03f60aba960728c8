from django.db import models

from workspaces.ids import new_id
from workspaces.scope import scoped_manager


class TenantModel(models.Model):
    """A row of one workspace; queries outside a workspace's scope raise."""

    # Nowhere in these apps does a foreign key make an index by itself: each index below a model's Meta names the query
    # it serves, and most of the columns are led by one of those, or never looked up by.
    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workspace = models.ForeignKey("workspaces.Workspace", on_delete=models.PROTECT, db_index=False, related_name="+")

    objects = scoped_manager()

    class Meta:
        abstract = True
