"""Ten thousand mails of 1.5 KB proposed as one plan, and the plan approved: seconds of each service call."""

from collections.abc import Iterator

from benchmarks.installation import TEXT, installation
from benchmarks.report import Figure, figure


def measure(*, rounds: int = 5, mails: int = 10_000) -> Iterator[Figure]:
    """Both in each round, after a small plan that warms the caches up."""
    proposed, approved = [], []
    with installation() as here:
        here.approved(min(mails, 100))
        for _ in range(rounds):
            here.tidy()
            first, second, _ = here.approved(mails)
            proposed.append(first)
            approved.append(second)
    size = len(TEXT.encode())
    for name, taken, target in (("propose", proposed, "< 10"), ("approve", approved, "< 3")):
        yield figure(f"bulk.{name}.{mails}", [t.seconds for t in taken], "s", target=target, payload_bytes=size)
        yield figure(f"bulk.{name}.{mails}.cpu", [t.cpu for t in taken], "s of CPU, PostgreSQL's not included")
