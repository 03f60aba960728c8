"""Agents: they read what they are handed and return values. They import no models and write nothing."""
