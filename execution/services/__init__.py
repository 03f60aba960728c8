"""Writes: each function opens its own transaction, enters its workspace's scope and leaves an audit entry."""
