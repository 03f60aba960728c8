"""Channels: the kinds of outward act, with the schema of each one's payload. How to perform them is in `providers`."""
