"""The gated engine. `propose` is the only way in: nothing reaches a provider past it.

`propose`, `propose_plan`, `hold` and `release` are re-exported lazily, because Django imports this package before its
models can be.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from execution.services.holds import release_hold as release
    from execution.services.holds import set_hold as hold
    from execution.services.propose import propose, propose_plan

_DOORS = {
    "propose": ("execution.services.propose", "propose"),
    "propose_plan": ("execution.services.propose", "propose_plan"),
    "hold": ("execution.services.holds", "set_hold"),
    "release": ("execution.services.holds", "release_hold"),
}

__all__ = ["hold", "propose", "propose_plan", "release"]


def __getattr__(name: str) -> Any:
    if name not in _DOORS:
        raise AttributeError(f"execution has no attribute {name!r}")
    from importlib import import_module

    module, attribute = _DOORS[name]
    return getattr(import_module(module), attribute)
