"""The one HTTP client of the providers: a request to public addresses alone, never redirected, in bounded time."""

from execution.providers.http.client import Answer, BrokenOff, Line, Unreached

__all__ = ["Answer", "BrokenOff", "Line", "Unreached"]
