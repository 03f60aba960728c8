"""Writes: what to say, and the work of agents."""
