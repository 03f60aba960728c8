"""Each case has an installation of its own, as in tests/promises."""

from tests.promises.conftest import engine

__all__ = ["engine"]
