import json
import logging
import sys

from config.logs import JsonFormatter, LineFormatter


def record(message: str, **extra: object) -> logging.LogRecord:
    made = logging.getLogger("execution.engine").makeRecord(
        "execution.engine", logging.INFO, __file__, 1, message, (), None, extra=extra
    )
    made.created = 1_795_248_000.25
    return made


def test_a_line_keeps_the_message_as_it_was_written():
    line = LineFormatter().format(record("[DRY RUN] email to a@x.example", request="r-1"))
    assert line == "2026-11-21T08:00:00.250Z INFO execution.engine [DRY RUN] email to a@x.example request=r-1"


def test_a_json_line_is_one_object():
    fields = json.loads(JsonFormatter().format(record("[DRY RUN] email", request="r-1")))
    assert fields == {
        "at": "2026-11-21T08:00:00.250Z",
        "level": "INFO",
        "logger": "execution.engine",
        "message": "[DRY RUN] email",
        "request": "r-1",
    }


def test_a_line_shows_the_trace_of_an_error():
    made = record("failed")
    try:
        raise ValueError("no such thing")
    except ValueError:
        made.exc_info = sys.exc_info()
    assert "ValueError: no such thing" in LineFormatter().format(made)


def test_a_web_request_is_not_written_out(rf):
    line = LineFormatter().format(record("Not Found", request=rf.get("/?token=1"), status_code=404))
    assert line.endswith("Not Found status_code=404")
