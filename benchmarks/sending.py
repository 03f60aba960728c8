"""One sending process with every guard on, against the raw limit, django-post_office, and Celery with Redis.

All senders are pinned to one core and take turns there; the sink stands on the same core or on the other one, because
where it stands changes an SMTP rate up to fivefold. PostgreSQL is not pinned, for nobody. Rounds are interleaved, the
ratios are of one round, and every sender sends the same text to one recipient a mail over kept connections. Each is one
process at its best setting: ours with as many lanes as it ships with, and with one; post_office with the number of
threads that was faster in that round.
"""

import os
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any
from urllib.parse import urlsplit

from benchmarks.bell import redis
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
        ours(here, mails, lanes=None)  # warms every cache up, and the peers do the same
        for sender in senders.values():
            sender.round()
        found: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
        for _ in range(rounds):
            for place, core in PLACES.items():
                os.sched_setaffinity(sink_pid, {core})
                found["ours", place].append(ours(here, mails, lanes=None))
                found["ours_one_lane", place].append(ours(here, mails, lanes=1))
                taken = {name: sender.round() for name, sender in senders.items()}
                if offices := [taken.pop(name) for name in list(taken) if name.startswith("post_office")]:
                    taken["post_office"] = min(offices, key=lambda one: one["seconds"])
                for name, one in taken.items():
                    found[name, place].append(one)
        yield from _figures(found)


def _figures(found: dict[tuple[str, str], list[dict[str, Any]]]) -> Iterator[Figure]:
    for (name, place), taken in found.items():
        yield figure(f"sending.{name}.{place}", [t["sent"] / t["seconds"] for t in taken], "mails/s", digits=0)
        yield figure(f"sending.{name}.{place}.cpu", [t["cpu"] / t["sent"] * 1e3 for t in taken], "ms CPU/mail")
        if name.startswith("ours"):
            yield figure(f"sending.{name}.{place}.statements", [t["statements"] for t in taken], "a chunk of 100")
            continue
        pairs = zip(found["ours", place], taken, strict=True)
        ratios = [(a["sent"] / a["seconds"]) / (b["sent"] / b["seconds"]) for a, b in pairs]
        yield figure(f"sending.ratio.{name}.{place}", ratios, "times its rate", target=TARGETS.get((name, place), ""))


def ours(here: Installation, mails: int, *, lanes: int | None) -> dict[str, Any]:
    """One drain over `mails` approved requests: `sent`, `seconds`, `cpu`, and statements of one lane for 100 mails."""
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
        result = drain(manual=True, lanes=lanes, seconds=600)
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
    senders = {"smtplib": stack.enter_context(peer(python, FOLDER / "raw_loop.py", here.port, mails, message))}
    if redis_url := stack.enter_context(redis()):
        celery = peer(python, FOLDER / "celery_loop.py", redis_url, here.port, mails, message)
        senders["celery"] = stack.enter_context(celery)
    for threads in (1, 5):
        name = f"benchmark_peer_{os.getpid()}_{threads}"
        on_server(here.admin_url, f'CREATE DATABASE "{name}"')
        stack.callback(on_server, here.admin_url, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        arguments = [_parts(here.admin_url, name), here.port, mails, text, str(threads)]
        office = peer(python, FOLDER / "post_office_loop.py", *arguments)
        senders[f"post_office_{threads}"] = stack.enter_context(office)
    return senders


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
