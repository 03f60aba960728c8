"""Text of strangers, shown so that nothing in it stays unseen."""

import unicodedata
from typing import Any

from django import template
from django.utils.html import escape, format_html, format_html_join
from django.utils.safestring import SafeString

from execution.channels.text import invisible_characters

register = template.Library()


@register.filter
def reveal(value: Any) -> SafeString:
    """`value` escaped, with every character that a reader would not see shown by its code point."""
    text = "" if value is None else str(value)
    hidden = {one.index: one.code_point for one in invisible_characters(text)}
    if not hidden:
        return SafeString(escape(text))
    pieces, start = [], 0
    for index, code_point in sorted(hidden.items()):
        pieces.append(escape(text[start:index]))
        name = unicodedata.name(text[index], "an invisible character").lower()
        pieces.append(format_html('<mark class="cs-unseen" title="{}">{}</mark>', name, code_point))
        start = index + 1
    pieces.append(escape(text[start:]))
    return format_html_join("", "{}", ((piece,) for piece in pieces))
