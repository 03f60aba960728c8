"""How strangers' text goes into a prompt: fenced, as data, under a mark they cannot know.

A fence does not stop an injection (nothing does, OWASP LLM Top 10 2026, LLM01); it lowers the odds. What stops it is
that whatever the model answers can name nobody but who was offered, and that a person sees the exact bytes.
"""

import json
import secrets
from typing import Any


def fenced(*, name: str, value: Any) -> str:
    """`value` as JSON between marks that hold a fresh random word. `<` is escaped, so no text can close the fence."""
    mark = f"{name}-{secrets.token_hex(6)}"
    data = json.dumps(value, ensure_ascii=False, indent=1).replace("<", "\\u003c")
    return f"<{mark}>\n{data}\n</{mark}>"
