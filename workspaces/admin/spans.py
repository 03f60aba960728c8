"""A span of time as a person says it: a number and a unit, kept as seconds."""

from collections.abc import Sequence
from typing import Any

from django import forms
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldAdminSelectWidget

# Largest first: what is stored is shown in the largest unit that divides it.
_UNITS = ((86_400, "days"), (3_600, "hours"), (60, "minutes"), (1, "seconds"))
_CHOICES = [(str(seconds), word) for seconds, word in _UNITS]
_LARGEST = 2_147_483_647  # what a column for seconds holds


class SpanWidget(forms.MultiWidget):
    """A number beside its unit."""

    template_name = "unfold/widgets/split_datetime.html"

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        number = UnfoldAdminIntegerFieldWidget(attrs={"min": 1, "aria-label": "Number"})
        unit = UnfoldAdminSelectWidget(attrs={"aria-label": "Unit"}, choices=_CHOICES)
        super().__init__([number, unit], attrs)

    def decompress(self, value: Any) -> list[Any]:
        if not value:
            return [None, "3600"]
        seconds = int(value)
        unit = next(unit for unit, _ in _UNITS if seconds % unit == 0)
        return [seconds // unit, str(unit)]


class SpanField(forms.MultiValueField):
    """A span of time; its value is whole seconds, one at least."""

    widget = SpanWidget

    def __init__(self, **kwargs: Any) -> None:
        number = forms.IntegerField(min_value=1)
        unit = forms.TypedChoiceField(coerce=int, choices=_CHOICES)
        super().__init__(fields=[number, unit], **kwargs)

    def compress(self, data_list: Sequence[int]) -> int | None:
        if not data_list:
            return None
        seconds = data_list[0] * data_list[1]
        if seconds > _LARGEST:
            raise forms.ValidationError("Too long: 68 years at most.")
        return seconds
