"""Checks that hold for every payload before its schema is asked, and the schema's complaints in plain words."""

import math
from typing import Any

from pydantic import ValidationError

from workspaces.errors import InvalidInput

MAX_DEPTH = 32
_MAX_INTEGER = 2**63 - 1


def check_json(value: object, *, max_bytes: int, name: str = "payload") -> None:
    """Raise InvalidInput unless `value` is a JSON object that can be stored and sealed.

    Refused: other types, NUL and lone surrogates (PostgreSQL's text holds neither), NaN and infinity, nesting deeper
    than 32, integers beyond 64 bits, more than `max_bytes` characters in all strings together. `name`: its field.
    """
    if not isinstance(value, dict):
        raise InvalidInput(f"The {name} must be a JSON object.", fields={name: "must be a JSON object"})
    if _measure(value, name, 0) > max_bytes:
        message = f"is larger than {max_bytes:,} characters"
        raise InvalidInput(f"The {name} {message}.", fields={name: message})


def _measure(value: Any, path: str, depth: int) -> int:
    if isinstance(value, str):
        if "\0" in value or not (value.isascii() or _is_encodable(value)):
            raise _refusal(path, "must not hold a NUL or half of a character")
        return len(value)
    if value is None or isinstance(value, bool):
        return 4
    if isinstance(value, int | float):
        if abs(value) > _MAX_INTEGER if isinstance(value, int) else not math.isfinite(value):
            raise _refusal(path, "must be a number that JSON and a database can hold")
        return 8
    if depth >= MAX_DEPTH:
        raise _refusal(path, f"is nested deeper than {MAX_DEPTH} levels")
    if isinstance(value, dict):
        total = 0
        for key, item in value.items():
            if not isinstance(key, str):
                raise _refusal(path, "must have text as keys")
            total += _measure(key, path, depth + 1) + _measure(item, f"{path}.{key}", depth + 1)
        return total
    if isinstance(value, list | tuple):
        return sum(_measure(item, f"{path}.{index}", depth + 1) for index, item in enumerate(value))
    raise _refusal(path, "is not a JSON value")


def _is_encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _refusal(path: str, message: str) -> InvalidInput:
    path = path[:200].encode("utf-8", "replace").decode().replace("\0", "?")
    return InvalidInput(f"{path} {message}.", fields={path: message})


def field_messages(wrong: ValidationError) -> dict[str, str]:
    """pydantic's errors as {"payload.subject": "is required"}; the first complaint of each field."""
    fields: dict[str, str] = {}
    for error in wrong.errors(include_url=False, include_input=False):
        path = ".".join(["payload", *(str(step) for step in error["loc"] if step != "[key]")])
        fields.setdefault(path, _in_words(error["type"], error.get("ctx", {}), error["msg"]))
    return fields


def _in_words(kind: str, context: dict[str, Any], message: str) -> str:
    match kind:
        case "missing":
            return "is required"
        case "extra_forbidden":
            return "is not a field of this channel"
        case "string_type":
            return "must be text"
        case "string_too_short":
            return "must not be empty"
        case "string_too_long":
            return f"is longer than {context['max_length']:,} characters"
        case "string_pattern_mismatch":
            return f"does not have the form {context['pattern']}"
        case "too_short":
            return f"needs at least {context['min_length']}"
        case "too_long":
            return f"holds more than {context['max_length']:,}"
        case "literal_error":
            return f"must be {context['expected']}"
        case "list_type" | "tuple_type":
            return "must be a list"
        case "dict_type" | "model_type" | "model_attributes_type":
            return "must be an object"
        case "value_error":
            return str(context["error"])
    return message[:1].lower() + message[1:]
