"""The audit log: record what happened, seal it into chained blocks, and prove that nobody changed it."""

from workspaces.audit.actions import register, sentence_for
from workspaces.audit.record import Entry, record, record_many

__all__ = ["Entry", "record", "record_many", "register", "sentence_for"]
