"""What changed between two versions, field by field."""

from collections.abc import Mapping
from typing import Any

from execution.models import Revision
from execution.services.freeze import DERIVED, flatten

NOT_KEPT = "(no longer on record)"


def revision_diff(*, before: Revision, after: Revision) -> list[dict[str, Any]]:
    """The fields that differ, as [{"field", "was", "now"}]; derived ones (wire, nonce) are left out."""
    return document_diff(before=before.as_dict(), after=after.as_dict())


def document_diff(*, before: Mapping[str, Any], after: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The same, of two documents."""
    was, now = flatten(before), flatten(after)
    return [
        {"field": field, "was": was.get(field), "now": now.get(field)}
        for field in sorted({*was, *now})
        if field.split(".")[0] not in DERIVED and was.get(field) != now.get(field)
    ]


def hash_diff(
    *, sealed: Mapping[str, str], now_hashes: Mapping[str, str], now: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Against an approval's field hashes, where the text that was approved is gone: only `now` can be shown."""
    values = flatten(now)
    return [
        {"field": field, "was": NOT_KEPT, "now": values.get(field)}
        for field in sorted({*sealed, *now_hashes})
        if field.split(".")[0] not in DERIVED and sealed.get(field) != now_hashes.get(field)
    ]
