"""Claude, and the record of what each call cost. The only importer of the SDK, which is loaded when first asked."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

from django.conf import settings
from django.db.models import Sum
from pydantic import BaseModel, ValidationError

from campaigns.errors import BudgetSpent, ModelFailed
from campaigns.models import LlmCall
from campaigns.pricing import MILLION, PRICES, Tokens, cost_micros
from execution.services.alerts import raise_alert
from workspaces.clock import database_now
from workspaces.models import Workspace

if TYPE_CHECKING:
    from anthropic import Anthropic

Answer = TypeVar("Answer", bound=BaseModel)
DEFAULT_MODEL = "claude-sonnet-5-5"
UNDER_WAY = "under way"
_PROMPTS = Path(__file__).parent / "agents" / "prompts"
_MAX_TOKENS = 16_000  # what the model thinks is counted too
_SPEND_WINDOW = timedelta(hours=24)


@dataclass(frozen=True, kw_only=True)
class Claude:
    """The model of the settings, for one workspace and run. Before each call the day's budget is looked at."""

    workspace: Workspace
    run_id: UUID | None
    name: str

    def ask(self, *, purpose: str, prompt: str, question: str, shape: type[Answer]) -> Answer:
        """The model's answer to `question` as a `shape`, under the instructions of `agents/prompts/PROMPT.md`.

        Raises BudgetSpent, and ModelFailed where it cannot be reached, refuses, is cut off or answers in another shape.
        Inside the workspace's scope, with no transaction open.
        """
        system = instructions(prompt)
        call = self._reserve(purpose=purpose, characters=len(system) + len(question))
        sdk = _sdk()
        started = time.monotonic()
        try:
            # Not `parse`: it raises for an answer that was cut off, before anyone sees what the answer cost.
            message = _client().messages.create(
                model=self.name,
                max_tokens=_MAX_TOKENS,
                system=[{"type": "text", "text": system, "cache_control": {"type": "ephemeral", "ttl": "5m"}}],
                messages=[{"role": "user", "content": question}],
                output_config={
                    "format": {"type": "json_schema", "schema": sdk.transform_schema(shape)},
                    **({"effort": settings.ANTHROPIC_EFFORT} if settings.ANTHROPIC_EFFORT else {}),
                },
            )
        except sdk.APIError as error:
            # Of a call that timed out nobody knows whether it was charged: it stays at its ceiling.
            charged = call.cost_micros if isinstance(error, sdk.APITimeoutError) else 0
            self._settle(call, started=started, cost_micros=charged, error=type(error).__name__)
            raise _failure(error) from error
        tokens = _tokens(message.usage)
        cost, _ = self._cost(tokens)
        answer, problem = _read(message, shape)
        self._settle(
            call,
            started=started,
            cost_micros=cost,
            input_tokens=tokens.input,
            output_tokens=tokens.output,
            cache_write_tokens=tokens.write_5m + tokens.write_1h,
            cache_read_tokens=tokens.read,
            stop_reason=message.stop_reason or "",
            provider_request_id=message._request_id or "",
            error=problem.reason if problem else "",
        )
        if problem or answer is None:
            raise problem or ModelFailed("The model gave no answer.", reason="unusable")
        return answer

    def _reserve(self, *, purpose: str, characters: int) -> LlmCall:
        """Put the call on record at the most it can cost, then look at the budget.

        In this order two calls at one moment see each other, and a call whose process died stays counted.
        """
        ceiling, known = self._cost(Tokens(input=characters, output=_MAX_TOKENS))
        call = LlmCall.objects.create(
            workspace=self.workspace,
            run_id=self.run_id,
            at=database_now(),
            purpose=purpose,
            model=self.name,
            cost_micros=ceiling,
            price_is_known=known,
            error=UNDER_WAY,
        )
        if spent_today(workspace=self.workspace) - ceiling >= settings.LLM_DAILY_BUDGET * MILLION:
            LlmCall.objects.filter(pk=call.pk).delete()
            raise self._budget_spent()
        return call

    def _budget_spent(self) -> BudgetSpent:
        told = (
            f"This workspace spent its {settings.LLM_DAILY_BUDGET:g} dollars for models in the last 24 hours. "
            "Wait, or raise LLM_DAILY_BUDGET."
        )
        raise_alert(
            workspace_id=self.workspace.id,
            kind="llm_budget",
            severity="warning",
            fingerprint="llm_budget",
            title="The budget for language models is used up",
            detail=told,
        )
        return BudgetSpent(told)

    def _settle(self, call: LlmCall, *, started: float, **values: Any) -> None:
        latency = int((time.monotonic() - started) * 1000)
        LlmCall.objects.filter(pk=call.pk).update(latency_ms=latency, **values)

    def _cost(self, tokens: Tokens) -> tuple[int, bool]:
        return cost_micros(model=self.name, tokens=tokens, prices={**PRICES, **settings.LLM_PRICES})


def model_for(*, workspace: Workspace, run_id: UUID | None) -> Claude | None:
    """The model in the settings; None without a key, and then the offline writer fills templates."""
    if not settings.ANTHROPIC_API_KEY:
        return None
    return Claude(workspace=workspace, run_id=run_id, name=settings.ANTHROPIC_MODEL or DEFAULT_MODEL)


def spent_today(*, workspace: Workspace) -> int:
    """What the workspace's calls of the last 24 hours cost, in micro-dollars. Inside its scope."""
    since = database_now() - _SPEND_WINDOW
    total = LlmCall.objects.filter(workspace=workspace, at__gt=since).aggregate(total=Sum("cost_micros"))["total"]
    return int(total or 0)


@lru_cache
def instructions(prompt: str) -> str:
    """The text of a prompt file."""
    return (_PROMPTS / f"{prompt}.md").read_text(encoding="utf-8")


def _sdk() -> Any:
    import anthropic  # 70 MiB and over a second: only where a model is really asked

    return anthropic


def _client() -> "Anthropic":
    make: Callable[..., Anthropic] = _sdk().Anthropic
    address = {"base_url": settings.ANTHROPIC_BASE_URL} if settings.ANTHROPIC_BASE_URL else {}
    return make(
        api_key=settings.ANTHROPIC_API_KEY,
        timeout=settings.LLM_TIMEOUT_SECONDS,
        max_retries=settings.LLM_RETRIES,
        **address,
    )


def _read(message: Any, shape: type[Answer]) -> tuple[Answer | None, ModelFailed | None]:
    """The answer, or what is wrong with it."""
    if message.stop_reason == "refusal":
        return None, ModelFailed(
            "The model refused to write this. Change the goal or write it by hand.", reason="refused"
        )
    if message.stop_reason in ("max_tokens", "model_context_window_exceeded"):
        return None, ModelFailed("The model's answer was cut off. Ask for less at once.", reason="cut_off")
    text = "".join(block.text for block in message.content if block.type == "text")
    try:
        return shape.model_validate_json(text), None
    except ValidationError:
        return None, ModelFailed("The model did not answer in the form it was asked for. Try again.", reason="unusable")


def _failure(error: Exception) -> ModelFailed:
    status = getattr(error, "status_code", None)
    if status in (401, 403):
        return ModelFailed("Claude refused the key. Check ANTHROPIC_API_KEY.", reason="unreachable")
    if status == 404:
        return ModelFailed("Claude does not know this model. Check ANTHROPIC_MODEL.", reason="unreachable")
    told = f"HTTP {status}" if status else type(error).__name__
    return ModelFailed(
        f"Claude could not be reached or did not answer ({told}). Try again later.", reason="unreachable"
    )


def _tokens(usage: Any) -> Tokens:
    cached = getattr(usage, "cache_creation", None)
    long = getattr(cached, "ephemeral_1h_input_tokens", 0) or 0
    written = getattr(usage, "cache_creation_input_tokens", 0) or 0
    return Tokens(
        input=usage.input_tokens or 0,
        output=usage.output_tokens or 0,
        write_5m=max(0, written - long),
        write_1h=long,
        read=getattr(usage, "cache_read_input_tokens", 0) or 0,
    )
