"""Rows that are written once. Erasing a person is the only thing that may blank a column of them."""

from typing import Any, NoReturn

from django.db import models


class AppendOnlyError(TypeError):
    """Somebody tried to change or delete a row that is history."""


class AppendOnlyQuerySet(models.QuerySet[Any]):
    """Refuses to change or delete."""

    def update(self, **kwargs: Any) -> NoReturn:
        raise AppendOnlyError(f"{self.model.__name__} is history and does not change; add a row instead.")

    def delete(self) -> NoReturn:
        raise AppendOnlyError(f"{self.model.__name__} is history and is not deleted.")

    def redact(self) -> int:
        """Blank the columns that can hold personal data (`redacted`), for an erasure. Returns the number of rows."""
        return super().update(**self.model.redacted)


class AppendOnlyManager(models.Manager.from_queryset(AppendOnlyQuerySet)):  # type: ignore[misc]
    """The manager of history."""


class AppendOnly(models.Model):
    """Base of such a model. `redacted` maps each column with personal data to what it holds after an erasure."""

    redacted: dict[str, Any] = {}

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise AppendOnlyError(f"{type(self).__name__} is history and does not change; add a row instead.")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise AppendOnlyError(f"{type(self).__name__} is history and is not deleted.")
