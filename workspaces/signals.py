"""News that travels upward."""

from django.dispatch import Signal

# workspace, actor; inside the transaction that makes it
workspace_created = Signal()
# workspace_id (None: the installation), key; after the commit
setting_changed = Signal()
# workspace_id; after the commit
member_seen = Signal()
