"""What the console's templates show alike everywhere: times, states, icons, people."""

import json
from datetime import datetime
from typing import Any

from django import template
from django.templatetags.static import static
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

register = template.Library()

_STEPS = ((60, 1, "s"), (3_600, 60, "min"), (86_400, 3_600, "h"), (86_400 * 14, 86_400, "d"))

# State or severity -> how it is coloured. What is not here is neutral.
TONES = {
    "succeeded": "good",
    "approved": "info",
    "passed": "good",
    "active": "good",
    "completed": "good",
    "done": "good",
    "granted": "good",
    "finished": "good",
    "dry_run": "dry",
    "draft_only": "info",
    "live": "live",
    "pending": "wait",
    "open": "wait",
    "needs_changes": "wait",
    "new": "wait",
    "queued": "wait",
    "warning": "wait",
    "proposed": "info",
    "running": "info",
    "in_progress": "info",
    "dispatching": "info",
    "marked": "info",
    "info": "info",
    "uncertain": "odd",
    "escalated": "odd",
    "failed": "bad",
    "refused": "bad",
    "rejected": "bad",
    "critical": "bad",
    "stopped": "bad",
    "withdrawn": "bad",
}


def relative(at: datetime, *, now: datetime | None = None) -> str:
    """How long ago, or in how long: “3 min ago”, “in 2 h”; the date where that is more than two weeks away."""
    seconds = ((now or timezone.now()) - at).total_seconds()
    for below, unit, word in _STEPS:
        if abs(seconds) < below:
            number = int(abs(seconds) // unit)
            if unit == 1 and number < 10:
                return "just now" if seconds >= 0 else "in a moment"
            return f"{number} {word} ago" if seconds >= 0 else f"in {number} {word}"
    return timezone.localtime(at).strftime("%-d %b %Y")


def time_element(at: datetime | None, *, words: str = "") -> SafeString | str:
    """A `<time>` with relative text, the full time in the workspace's zone as its title; the page keeps it current."""
    if at is None:
        return "—"
    local = timezone.localtime(at)
    return format_html(
        '<time class="cs-time" datetime="{}" title="{}" data-relative>{}</time>',
        at.isoformat(timespec="milliseconds"),
        local.strftime("%A %-d %B %Y, %H:%M:%S %Z"),
        words or relative(at),
    )


@register.simple_tag
def when(at: datetime | None) -> SafeString | str:
    """A time, relative to now."""
    return time_element(at)


@register.simple_tag
def clock(at: datetime | None) -> SafeString | str:
    """A time in full, in the workspace's zone."""
    if at is None:
        return "—"
    local = timezone.localtime(at)
    return format_html(
        '<time class="cs-time" datetime="{}" title="{}">{}</time>',
        at.isoformat(timespec="milliseconds"),
        relative(at),
        local.strftime("%-d %b %Y, %H:%M %Z"),
    )


def pill_element(value: str, words: str = "") -> SafeString:
    """A state as a small coloured label; the words carry the meaning, the colour only helps."""
    return format_html(
        '<span class="cs-pill cs-pill--{}">{}</span>',
        TONES.get(value, "none"),
        words or value.replace("_", " ").capitalize(),
    )


@register.simple_tag
def pill(value: Any, words: str = "") -> SafeString:
    """`value` is a state's key; `words` what people read."""
    return pill_element(str(value), words)


@register.simple_tag
def icon(name: str, label: str = "") -> SafeString:
    """An icon of static/console/icons.svg; without a label it is decoration."""
    href = f"{static('console/icons.svg')}#{name}"
    if label:
        return format_html('<svg class="cs-icon" role="img" aria-label="{}"><use href="{}"></use></svg>', label, href)
    return format_html('<svg class="cs-icon" aria-hidden="true"><use href="{}"></use></svg>', href)


@register.filter
def short_digest(value: str) -> str:
    """The first characters of a digest, enough to tell two apart by eye."""
    return str(value)[:12]


@register.filter
def person(label: str) -> str:
    """`human:rosa` without its word: `rosa`."""
    return str(label).partition(":")[2] or str(label)


@register.filter
def initials(name: str) -> str:
    """Two letters for a picture that is not there."""
    words = [word for word in str(name).replace(":", " ").replace(".", " ").split() if word]
    return "".join(word[0] for word in words[:2]).upper() or "?"


@register.filter
def duration(seconds: Any) -> str:
    """A number of seconds in words: 90 -> “1 min 30 s”, 86400 -> “1 day”."""
    if seconds in (None, ""):
        return "—"
    left = int(seconds)
    parts = []
    for unit, one, many in ((86_400, "day", "days"), (3_600, "h", "h"), (60, "min", "min"), (1, "s", "s")):
        number, left = divmod(left, unit)
        if number:
            parts.append(f"{number} {one if number == 1 else many}")
    return " ".join(parts[:2]) or "0 s"


@register.filter
def filesize_exact(size: Any) -> str:
    """A size in bytes for people."""
    number = float(size or 0)
    for unit in ("bytes", "KB", "MB"):
        if number < 1024 or unit == "MB":
            return f"{number:.0f} {unit}" if unit == "bytes" else f"{number:.1f} {unit}"
        number /= 1024
    return ""


@register.filter
def get(mapping: Any, key: Any) -> Any:
    """`mapping[key]`, None where there is none."""
    try:
        return mapping.get(key)
    except AttributeError:
        return None


_WAITS = {
    "undo_window": "undo window",
    "quiet_hours": "outside the hours in which it may reach people",
    "auto_execution_off": "carrying out by itself is off",
    "mode_changed": "the mode changed",
    "backoff": "trying again later",
    "throttled": "the service asked for a pause",
    "limit:pace": "its turn at the account’s pace",
    "limit:warm_up": "a place in the account’s warm-up",
    "stale": "overdue for long: release or withdraw it",
    "canary": "the first of its plan are being watched",
    "no_operator": "nobody who may decide was seen for long",
    "not_due": "not due yet",
}
_CHANNEL_ICONS = {
    "email": "mail",
    "sms": "sms",
    "voice": "phone",
    "social": "megaphone",
    "press": "page",
    "newsletter": "mail",
    "cms": "page",
    "code": "code",
    "seo": "search",
    "ads": "chart",
    "crm": "people",
    "calendar": "calendar",
    "files": "file",
    "webhook": "plug",
    "mcp": "plug",
    "agent": "robot",
}


@register.filter
def wait_words(reason: str) -> str:
    """A wait reason for people: `limit:email_send` -> “the limit email_send is reached”."""
    word, _, key = str(reason).partition(":")
    if word == "limit" and reason not in _WAITS:
        return f"the limit {key} is reached"
    if word == "hold":
        return f"on hold: {key}"
    return _WAITS.get(reason, str(reason).replace("_", " "))


@register.filter
def channel_icon(name: str) -> str:
    """The icon of a channel."""
    return _CHANNEL_ICONS.get(str(name), "send")


@register.filter
def field_words(path: str) -> str:
    """A document's field for people: `payload.subject` -> “Subject”."""
    name = str(path).removeprefix("payload.").replace("sender.", "sender ").replace("window.", "")
    return name.replace("_", " ").replace(".", " ").capitalize()


@register.filter
def as_text(value: Any) -> str:
    """Any value of a document as text a person can compare."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=1)
