"""The database's clock under a test's hand, so that a day passes in no time and the shipped code does not know.

Functions are looked up along the search path, so a `clock_timestamp()` of ours in front of PostgreSQL's own is what
every lease, limit and due time is then measured by (workspaces.clock).
"""

from collections.abc import Callable
from typing import Any

_SETUP = """
CREATE SCHEMA test_clock;
CREATE TABLE test_clock.hand (stands_at timestamptz NOT NULL);
INSERT INTO test_clock.hand VALUES (pg_catalog.clock_timestamp());
CREATE FUNCTION test_clock.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE AS
  'SELECT stands_at FROM test_clock.hand';
"""
SEARCH_PATH = "test_clock, pg_catalog, public"


class StoppedClock:
    """The clock of one database: it stands still until a test moves it. `seconds` is how far it has been moved.

    Sessions see it once their search path is SEARCH_PATH.
    """

    def __init__(self, execute: Callable[[str], Any]) -> None:
        self._execute = execute
        self.seconds = 0.0
        execute(_SETUP)

    def advance(self, seconds: float) -> None:
        """Let `seconds` pass."""
        self.seconds += seconds
        self._execute(f"UPDATE test_clock.hand SET stands_at = stands_at + interval '{seconds} seconds'")  # noqa: S608
