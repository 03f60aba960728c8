"""Policies: pure functions from facts to a verdict. No database, clock or settings in here."""

from execution.policies.evaluate import Outcome, PolicyVerdict, evaluate
from execution.policies.rules import DEFAULT_RULES, validate_rules

__all__ = ["DEFAULT_RULES", "Outcome", "PolicyVerdict", "evaluate", "validate_rules"]
