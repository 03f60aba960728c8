"""Tenants, members, tokens, run-time settings and the audit log: who may do what, and what they did."""
