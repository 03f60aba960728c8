"""News that travels upward, sent after commit. A hint only: receivers reconcile from the rows."""

from django.dispatch import Signal

# workspace_id, request_ids, verdict
request_decided = Signal()
# workspace_id, request_ids, status
request_settled = Signal()
