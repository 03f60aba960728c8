"""One sending process with every guard on, against the raw limit and against django-post_office.

All senders are pinned to one core and take turns there; the sink stands on the same core or on the other one, because
where it stands changes an SMTP rate up to fivefold. PostgreSQL is not pinned, for nobody. Rounds are interleaved, the
ratios are of one round, and every sender sends the same text to one recipient a mail over one kept connection.
"""

import os
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any
from urllib.parse import urlsplit

from benchmarks.installation import OTHER_CORE, OUR_CORE, TEXT, Installation, installation, on_server, sink
from benchmarks.peers.running import FOLDER, NoPeer, Peer, peer, peers_python
from benchmarks.report import Figure, figure, skipped

PLACES = {"same_core": OUR_CORE, "other_core": OTHER_CORE}
TARGETS = {
    ("post_office", "same_core"): ">= 2.0",
    ("post_office", "other_core"): ">= 1.5",
    ("smtplib", "same_core"): ">= 0.33",
    ("smtplib", "other_core"): ">= 0.6",
}


def measure(*, rounds: int = 5, mails: int = 2_000, with_peers: bool = True) -> Iterator[Figure]:
    """Rates, CPU a mail, statements a chunk, and the ratios of each placement."""
    if len(os.sched_getaffinity(0)) < 2:
        yield skipped("sending", "It needs two cores, to place the sink on one of them.")
        return
    with installation() as here, ExitStack() as stack:
        before = os.sched_getaffinity(0)
        stack.callback(os.sched_setaffinity, 0, before)
        os.sched_setaffinity(0, {OUR_CORE})
        sink_pid = stack.enter_context(sink(port=here.port, core=OUR_CORE))
        senders: dict[str, Peer] = {}
        try:
            senders = _peers(here, mails, stack) if with_peers else {}
        except NoPeer as reason:
            yield skipped("sending.post_office", str(reason))
        ours(here, mails)  # warms every cache up, and the peers do the same
        for sender in senders.values():
            sender.round()
        found: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
        for _ in range(rounds):
            for place, core in PLACES.items():
                os.sched_setaffinity(sink_pid, {core})
                found["ours", place].append(ours(here, mails))
                for name, sender in senders.items():
                    found[name, place].append(sender.round())
        yield from _figures(found)


def _figures(found: dict[tuple[str, str], list[dict[str, Any]]]) -> Iterator[Figure]:
    for (name, place), taken in found.items():
        yield figure(f"sending.{name}.{place}", [t["sent"] / t["seconds"] for t in taken], "mails/s", digits=0)
        yield figure(f"sending.{name}.{place}.cpu", [t["cpu"] / t["sent"] * 1e3 for t in taken], "ms CPU/mail")
        if name == "ours":
            yield figure(f"sending.ours.{place}.statements", [t["statements"] for t in taken], "a chunk of 100")
            continue
        pairs = zip(found["ours", place], taken, strict=True)
        ratios = [(a["sent"] / a["seconds"]) / (b["sent"] / b["seconds"]) for a, b in pairs]
        yield figure(f"sending.ratio.{name}.{place}", ratios, "times its rate", target=TARGETS[name, place])


def ours(here: Installation, mails: int) -> dict[str, Any]:
    """One drain by one lane over `mails` approved requests: `sent`, `seconds`, `cpu`, and statements for 100 mails."""
    from django.db import connection

    from execution.engine.drain import drain

    here.approved(mails)
    here.tidy()
    statements = 0

    def count(execute: Any, *arguments: Any) -> Any:
        nonlocal statements
        statements += 1
        return execute(*arguments)

    cpu, begun = time.process_time(), time.monotonic()
    with connection.execute_wrapper(count):
        result = drain(manual=True, lanes=1, seconds=600)
    taken = {"seconds": time.monotonic() - begun, "cpu": time.process_time() - cpu}
    if result.succeeded != mails:
        raise RuntimeError(f"{result} of {mails}")
    return {"sent": mails, "statements": statements / (mails / 100), **taken}


def _peers(here: Installation, mails: int, stack: ExitStack) -> dict[str, Peer]:
    from execution.wire import Sender, build_email

    message, text = here.folder / "message.eml", here.folder / "text.txt"
    text.write_text(TEXT)
    wire = build_email(
        payload={"subject": "The hearing, number 1", "text": TEXT},
        sender=Sender(name="Rosa Diaz", address="sender@example.org"),
        to=["reader1@example.org"],
        message_id="<0190a1b2-0000-7000-8000-000000000001@example.org>",
        unsubscribe_url="https://example.org/u/1/AbCdEfGhIjKlMnOpQrStUvWxYz",
        postal_address="1 Main Street\nSpringfield",
    )
    message.write_bytes(b"".join(wire))
    python = peers_python()
    name = f"benchmark_peer_{os.getpid()}"
    on_server(here.admin_url, f'CREATE DATABASE "{name}"')
    stack.callback(on_server, here.admin_url, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
    raw = stack.enter_context(peer(python, FOLDER / "raw_loop.py", here.port, mails, message))
    arguments = [_parts(here.admin_url, name), here.port, mails, text]
    office = stack.enter_context(peer(python, FOLDER / "post_office_loop.py", *arguments))
    return {"smtplib": raw, "post_office": office}


def _parts(url: str, name: str) -> str:
    import json

    parts = urlsplit(url)
    return json.dumps(
        {
            "NAME": name,
            "USER": parts.username or "",
            "PASSWORD": parts.password or "",
            "HOST": parts.hostname or "",
            "PORT": parts.port or "",
        }
    )
