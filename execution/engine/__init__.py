"""Claim, dispatch, settle, recover: what performs requests."""
