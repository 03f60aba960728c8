"""How long it takes to build one mail: our builder against Django's EmailMultiAlternatives, in the same rounds.

`python -m benchmarks.wire [--rounds N] [--mails N]` prints one JSON object a line. Both make the same mail, which
`tests/execution/wire/test_like_django.py` holds them to: a text and an HTML body of about 1.5 KB together, plain ASCII
or with letters beyond it. Rounds are interleaved, and the ratio is taken within a round, because a machine's speed
drifts more between runs than between neighbours. Messages are built as each side does it for a batch: Django's with a
Message-ID of its own, serialised as its SMTP backend does; ours with the unsubscribe fields and footer, which Django's
goes without.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any

import django
from django.conf import settings
from django.core.mail import EmailMultiAlternatives

from execution.wire import Sender, build_email

LINE = (
    "The committee on energy will hear the bill on clean grids next Tuesday, and we would like to ask you to speak.\n"
)
PLAIN = "Dear Senator Lee,\n\n" + LINE * 5 + "\nKind regards,\nRosa Diaz\n"
BODIES = {
    "ascii": ("Clean energy hearing on Tuesday", PLAIN),
    "utf8": ("Énergie propre: audience mardi", PLAIN.replace("Senator", "Sénateur").replace("energy", "énergie")),
}
ROSA = Sender(name="Rosa Diaz", address="rosa@example.org")


def html_of(text: str) -> str:
    """The same words as a small HTML mail."""
    return "<html><body>" + "".join(f"<p>{line}</p>\n" for line in text.splitlines()) + "</body></html>"


def ours(number: int, subject: str, text: str, html: str) -> bytes:
    """One mail by execution.wire, with everything that the law asks for."""
    parts = build_email(
        payload={"subject": subject, "text": text, "html": html},
        sender=ROSA,
        to=[f"office{number}@senate.example"],
        message_id=f"<0190a1b2-0000-7000-8000-{number:012}@example.org>",
        unsubscribe_url=f"https://example.org/u/{number}/AbCdEfGhIjKlMnOpQrStUvWxYz",
        postal_address="Clean Grid Coalition\n1 Main Street\nSpringfield",
    )
    return b"".join(parts)


def djangos(number: int, subject: str, text: str, html: str) -> bytes:
    """One mail by Django, as its SMTP backend serialises it."""
    message = EmailMultiAlternatives(
        subject=subject,
        body=text,
        from_email=f"{ROSA.name} <{ROSA.address}>",
        to=[f"office{number}@senate.example"],
        headers={"Message-ID": f"<0190a1b2-0000-7000-8000-{number:012}@example.org>"},
    )
    message.attach_alternative(html, "text/html")
    made: Any = message.message()
    return bytes(made.as_bytes(linesep="\r\n"))


def microseconds(build: Callable[..., bytes], mails: int, *arguments: str) -> float:
    """CPU time for one mail, on average over `mails`."""
    started = time.process_time()
    for number in range(mails):
        build(number, *arguments)
    return (time.process_time() - started) / mails * 1e6


def measure(*, rounds: int, mails: int) -> Iterator[dict[str, Any]]:
    """The figures, one after the other."""
    for name, (subject, text) in BODIES.items():
        html = html_of(text)
        pairs = []
        for _ in range(rounds):
            mine = microseconds(ours, mails, subject, text, html)
            pairs.append((mine, microseconds(djangos, max(mails // 10, 1), subject, text, html)))
        for label, values in (("ours", [a for a, _ in pairs]), ("django", [b for _, b in pairs])):
            yield figure(f"wire.{name}.{label}", values, "us/mail")
        yield figure(f"wire.{name}.ratio", [b / a for a, b in pairs], "times faster than Django")


def figure(name: str, values: list[float], unit: str) -> dict[str, Any]:
    """One line of output: the median of the rounds and their spread."""
    low, high = min(values), max(values)
    return {
        "name": name,
        "value": round(statistics.median(values), 2),
        "unit": unit,
        "min": round(low, 2),
        "max": round(high, 2),
        "rounds": len(values),
    }


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Building mails: our builder against Django's.")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--mails", type=int, default=5_000)
    arguments = parser.parse_args()
    if not settings.configured:
        settings.configure(USE_I18N=False, DEFAULT_CHARSET="utf-8")
        django.setup()
    for line in measure(rounds=arguments.rounds, mails=arguments.mails):
        print(json.dumps(line))


if __name__ == "__main__":
    main()
