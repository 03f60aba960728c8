"""How log lines look: one line an event, the message as it was written, then what was added as key=value."""

import json
import logging
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
# Django's own loggers attach sockets and whole web requests, which are neither short nor free of personal data.
_SHOWN = (str, int, float, bool, Decimal, UUID, date, list, tuple, dict, type(None))


def _extras(record: logging.LogRecord) -> dict[str, Any]:
    return {key: value for key, value in vars(record).items() if key not in _STANDARD and isinstance(value, _SHOWN)}


def _moment(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class LineFormatter(logging.Formatter):
    """`2026-11-21T08:00:00.000Z INFO execution.engine [DRY RUN] email to ... request=0190...`"""

    def format(self, record: logging.LogRecord) -> str:
        text = f"{_moment(record)} {record.levelname} {record.name} {record.getMessage()}"
        extras = _extras(record)
        if extras:
            text += "".join(f" {key}={value}" for key, value in sorted(extras.items()))
        if record.exc_info:
            text += "\n" + self.formatException(record.exc_info)
        return text


class JsonFormatter(logging.Formatter):
    """The same as one JSON object a line, for a log collector (LOG_FORMAT=json)."""

    def format(self, record: logging.LogRecord) -> str:
        fields = {
            **_extras(record),
            "at": _moment(record),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            fields["trace"] = self.formatException(record.exc_info)
        return json.dumps(fields, default=str, ensure_ascii=False)


FORMATTERS: dict[str, type[logging.Formatter]] = {"line": LineFormatter, "json": JsonFormatter}
