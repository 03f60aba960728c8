"""The register of audit actions: each dotted name with a sentence for people."""

from collections.abc import Mapping
from typing import Any

_SENTENCES: dict[str, str] = {}


def register(actions: Mapping[str, str]) -> None:
    """Add actions, dotted name -> sentence with {actor} and optionally {count} and keys of the entry's data.

    Raises ValueError for a name without a dot or one registered with another sentence.
    """
    for name, sentence in actions.items():
        if "." not in name:
            raise ValueError(f"An audit action is dotted, such as request.approved; got {name!r}.")
        if _SENTENCES.setdefault(name, sentence) != sentence:
            raise ValueError(f"The audit action {name!r} is registered twice.")


def is_registered(name: str) -> bool:
    return name in _SENTENCES


def registered() -> dict[str, str]:
    """Every action with its sentence, by name."""
    return dict(sorted(_SENTENCES.items()))


class _Missing(dict[str, Any]):
    def __missing__(self, key: str) -> str:
        return "…"


def sentence_for(*, action: str, actor: str, count: int, data: Mapping[str, Any]) -> str:
    """The entry in words, such as “human:rosa approved a request”."""
    template = _SENTENCES.get(action, "{actor}: " + action)
    return template.format_map(_Missing({**data, "actor": actor, "count": count}))
