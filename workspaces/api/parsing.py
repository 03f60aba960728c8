"""Bodies: strict JSON, so that whatever comes through can be stored, sealed and answered again."""

import json
import math
from collections.abc import Iterable, Mapping
from typing import IO, Any

from django.conf import settings
from rest_framework.exceptions import APIException, ParseError
from rest_framework.parsers import BaseParser

MAX_DEPTH = 64


class TooLarge(APIException):
    """The body is longer than DATA_UPLOAD_MAX_MEMORY_SIZE."""

    status_code = 413
    default_detail = "The body is too large."
    default_code = "too_large"


class StrictJSONParser(BaseParser):
    """JSON (RFC 8259) in UTF-8. Refused: other encodings, NaN and infinity, a key given twice, half a surrogate pair,
    NUL (PostgreSQL's text holds neither), nesting deeper than 64, and what is not an object at the top.
    """

    media_type = "application/json"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        return parse_object(_read(stream, context=parser_context or {}))


class MergePatchParser(StrictJSONParser):
    """The same under the name that RFC 7396 gives a patch."""

    media_type = "application/merge-patch+json"


def parse_object(raw: bytes) -> dict[str, Any]:
    """The JSON object in `raw`. Raises ParseError saying what is wrong with it."""
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        raise ParseError("The body is not UTF-8.") from error
    try:
        value = json.loads(text, parse_constant=_refuse_constant, parse_float=_finite, object_pairs_hook=_unique)
    except RecursionError as error:
        raise ParseError(f"The body is nested deeper than {MAX_DEPTH} levels.") from error
    except ValueError as error:
        raise ParseError(f"The body is not JSON: {error}.") from error
    if not isinstance(value, dict):
        raise ParseError("The body must be a JSON object.")
    _check(value, escaped="\\u" in text)
    return value


def _read(stream: IO[Any], *, context: Mapping[str, Any]) -> bytes:
    request = context.get("request")
    length = request.META.get("CONTENT_LENGTH") if request is not None else None
    limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    if length and length.isdecimal() and int(length) > limit:
        raise TooLarge(f"The body may have {limit:,} bytes at most.")
    return bytes(stream.read())


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a number of JSON")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text[:20]} is too large a number")
    return number


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise ValueError(f"the key {twice[:40]!r} is given twice")
    return found


def _check(top: Any, *, escaped: bool) -> None:
    level: list[Any] = [top]
    for _ in range(MAX_DEPTH):
        deeper: list[Any] = []
        for item in level:
            values: Iterable[Any] = item.values() if isinstance(item, dict) else item
            for value in values:
                if isinstance(value, dict | list):
                    deeper.append(value)
                elif escaped and isinstance(value, str):
                    _check_text(value)
            if escaped and isinstance(item, dict):
                for key in item:
                    _check_text(key)
        if not deeper:
            return
        level = deeper
    raise ParseError(f"The body is nested deeper than {MAX_DEPTH} levels.")


def _check_text(text: str) -> None:
    if "\0" in text:
        raise ParseError("The body holds a NUL character, which cannot be stored.")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ParseError("The body holds half of a surrogate pair, which is no character.") from error
