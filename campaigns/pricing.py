"""What a call to a model costs: tokens by price, in micro-dollars (1 USD = 1,000,000)."""

from collections.abc import Mapping
from dataclasses import dataclass

MILLION = 1_000_000

# US dollars a million tokens, as published at platform.claude.com/docs/en/about-claude/pricing in November 2026.
# LLM_PRICES in the environment changes and adds to them. `long` holds from `over` prompt tokens on.
PRICES: dict[str, dict[str, float | dict[str, float]]] = {
    "claude-fable-5-1": {"input": 10, "output": 50, "write_5m": 12.5, "write_1h": 20, "read": 0.25},
    "claude-opus-5-5": {"input": 4, "output": 20, "write_5m": 5, "write_1h": 8, "read": 0.2},
    "claude-opus-5": {"input": 5, "output": 25, "write_5m": 6.25, "write_1h": 10, "read": 0.5},
    "claude-sonnet-5-5": {"input": 2, "output": 10, "write_5m": 2.5, "write_1h": 4, "read": 0.1},
    "claude-haiku-5-5": {
        "input": 0.1,
        "output": 0.5,
        "write_5m": 0.125,
        "write_1h": 0.2,
        "read": 0.01,
        "long": {"over": 100_000, "input": 0.5, "output": 2.5, "write_5m": 0.625, "write_1h": 1, "read": 0.05},
    },
}
_RATES = ("input", "output", "write_5m", "write_1h", "read")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """What a call used. `input` is what was neither written to the cache nor read from it."""

    input: int = 0
    output: int = 0
    write_5m: int = 0
    write_1h: int = 0
    read: int = 0

    @property
    def prompt(self) -> int:
        """All tokens of the prompt, cached or not."""
        return self.input + self.write_5m + self.write_1h + self.read


def price_problems(prices: object) -> list[str]:
    """What is wrong with a price table read from the environment; empty where nothing is."""
    if not isinstance(prices, dict):
        return ["write an object: model -> prices"]
    problems = []
    for model, rates in prices.items():
        tiers = [rates, rates["long"]] if isinstance(rates, dict) and "long" in rates else [rates]
        for tier in tiers:
            if not isinstance(tier, dict) or any(not isinstance(tier.get(name), int | float) for name in _RATES):
                problems.append(f"{model}: give dollars a million tokens for {', '.join(_RATES)}")
            elif tier is not rates and not isinstance(tier.get("over"), int):
                problems.append(f"{model}: “long” needs “over”, the prompt's tokens from which it holds")
    return problems


def cost_micros(*, model: str, tokens: Tokens, prices: Mapping[str, Mapping[str, object]]) -> tuple[int, bool]:
    """What `tokens` cost, in micro-dollars, rounded up; and whether `model` has a price of its own.

    A model without one is counted at the dearest rates of the table, so that a budget errs on the safe side.
    """
    known = model in prices
    candidates = [prices[model]] if known else list(prices.values())
    return max((_cost(rates=rates, tokens=tokens) for rates in candidates), default=0), known


def _cost(*, rates: Mapping[str, object], tokens: Tokens) -> int:
    tier = rates
    long = rates.get("long")
    if isinstance(long, Mapping) and tokens.prompt > int(long["over"]):
        tier = long
    # Dollars a million tokens are micro-dollars a token.
    exact = sum(float(str(tier[name])) * getattr(tokens, name) for name in _RATES)
    return int(-(-exact // 1))
