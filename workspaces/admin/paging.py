"""Pages of lists that may hold a million rows: never a full count, and older pages by key instead of by offset."""

from functools import cached_property
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.views import ChangeList

COUNTED = 1_000
OLDER = "older"


class CappedPaginator(Paginator):
    """Counts no further than COUNTED rows; what lies behind is reached by filters, search or the link “Older”."""

    @cached_property
    def count(self) -> int:
        return min(self._seen, COUNTED)

    @property
    def is_capped(self) -> bool:
        """Whether there are more rows than were counted."""
        return self._seen > COUNTED

    @cached_property
    def _seen(self) -> int:
        rows = self.object_list
        if isinstance(rows, QuerySet):
            return len(rows.order_by().values_list("pk", flat=True)[: COUNTED + 1])
        return len(rows)


class WorkspaceChangeList(ChangeList):
    """A list that goes on by key: `?older=ID` shows what is older than that row (ids are ordered by time)."""

    def get_filters_params(self, params: Any = None) -> dict[str, Any]:
        found = dict(super().get_filters_params(params))
        found.pop(OLDER, None)
        return found

    def get_queryset(self, request: HttpRequest, exclude_parameters: Any = None) -> QuerySet[Any]:
        rows = super().get_queryset(request, exclude_parameters)
        try:
            return rows.filter(pk__lt=UUID(request.GET.get(OLDER, "")))
        except ValueError:
            return rows

    @property
    def shown_count(self) -> str:
        """How many rows there are, in words that do not claim more than was counted."""
        capped = getattr(self.paginator, "is_capped", False)
        return f"{self.result_count:,}+" if capped else f"{self.result_count:,}"

    @property
    def older_query(self) -> str:
        """The query of the rows behind what pages by number reach; empty where these reach everything."""
        if not getattr(self.paginator, "is_capped", False) or self.page_num < self.paginator.num_pages:
            return ""
        rows = list(self.result_list)
        if not rows or tuple(self.get_ordering_field_columns()):
            return ""
        kept = {name: values for name, values in self.filter_params.items() if name not in (OLDER, "p")}
        return "?" + urlencode({**kept, OLDER: str(rows[-1].pk)}, doseq=True)
