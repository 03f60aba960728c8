"""The writer that needs no model: it fills in a template from the prospect's fields, and says so."""

from pathlib import Path

import liquid

from campaigns.errors import AgentFailed
from campaigns.writers.base import Brief, Prospect, WrittenEmail
from campaigns.writers.checks import flags, hidden_notes

LABEL = "offline template"
UNSIGNED = "Nobody signs this: the campaign names no sender."
NOTE = "Filled in from a template: no model and no person wrote these words for this recipient."
_FOLDER = Path(__file__).parent / "templates"


class _Bounded(liquid.Environment):
    """Limits, because a prospect's field can be as long as a file allows."""

    output_stream_limit = 50_000
    loop_iteration_limit = 1_000
    context_depth_limit = 10
    local_namespace_limit = 50_000


_liquid = _Bounded()
_subject = _liquid.from_string((_FOLDER / "outreach_subject.liquid").read_text())
_text = _liquid.from_string((_FOLDER / "outreach_text.liquid").read_text())


class OfflineWriter:
    """Fills in one template. The same brief and prospect give the same words every time."""

    label = LABEL

    def write(self, *, brief: Brief, prospect: Prospect, reason: str) -> WrittenEmail:
        """One email from the template. Values are put in as they are: Liquid in a prospect's field is not run."""
        values = {
            "brief": {name: _one_line(value) for name, value in brief.as_fields().items()},
            "to": {name: line for name, value in prospect.fields.items() if (line := _one_line(value))},
        }
        try:
            subject = _one_line(_subject.render(**values))[:200]
            subject = subject[:1].upper() + subject[1:]
            text = _text.render(**values).strip() + "\n"
        except liquid.exceptions.LiquidError as error:
            raise AgentFailed(f"The template cannot be filled in for {prospect.name}: {error}") from error
        found = flags(subject=subject, text=text, brief=brief.as_fields(), prospect=prospect.fields)
        hidden = hidden_notes(prospect=prospect)
        unsigned = [] if brief.sender_name or brief.sender_organisation else [UNSIGNED]
        return WrittenEmail(subject=subject, text=text, writer=LABEL, notes=(NOTE, *unsigned, *found, *hidden))


def _one_line(value: str) -> str:
    return " ".join(value.split())
