"""JSON as the API writes it."""

from typing import Any
from uuid import UUID

from rest_framework.utils.encoders import JSONEncoder


class ApiEncoder(JSONEncoder):
    """Times as ISO 8601 with their zone, ids as text, sets and tuples as lists."""

    def default(self, obj: Any) -> Any:
        if isinstance(obj, UUID):
            return str(obj)
        if isinstance(obj, set | frozenset):
            return sorted(obj)
        return super().default(obj)
