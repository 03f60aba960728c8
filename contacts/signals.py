"""News that travels upward, sent after the commit. A hint: whoever must not miss it also reads the rows."""

from django.dispatch import Signal

# workspace_id, suppression_id, kind, address, reason, contact_ids: what is unsent to it will never be sent
address_suppressed = Signal()
# workspace_id, contact_ids, purpose, status: what was judged by the consent before is judged anew
consent_changed = Signal()
# workspace_id, contact_id: whoever copied anything of this person blanks it
contact_erased = Signal()
