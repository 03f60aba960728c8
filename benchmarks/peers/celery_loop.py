"""Celery with Redis in one process: a task a mail, as its users send mail.

At its best for that: the solo pool (no process between the queue and the call), many tasks fetched at once, no results,
one SMTP connection kept over all tasks, and the queue filled outside the time taken, which runs from the first task's
start to the last one's end. Arguments: the Redis URL, the port, the number of mails, a file with one message. A line on
stdin starts a round. Run by the Python of var/peers, which has it installed.
"""

import json
import os
import smtplib
import sys
import time
from pathlib import Path
from typing import Any

from celery import Celery
from celery.worker import WorkController, state


def main() -> None:
    url, port, mails, message = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4]).read_bytes()
    os.environ.pop("DJANGO_SETTINGS_MODULE", None)  # or Celery would set our project up
    queue = f"benchmark-{os.getpid()}"
    app = Celery("peer", broker=url, set_as_current=True)
    app.conf.update(
        task_default_queue=queue,
        task_ignore_result=True,
        worker_prefetch_multiplier=1_000,
        worker_enable_remote_control=False,
        broker_connection_retry_on_startup=True,
    )
    round_now: dict[str, Any] = {}

    @app.task(name="send")
    def send(place: int) -> None:
        if not round_now["left"] - mails:
            round_now.update(cpu=time.process_time(), begun=time.monotonic())
        round_now["session"].sendmail("sender@example.org", [f"reader{place}@example.org"], message)
        round_now["left"] -= 1
        if not round_now["left"]:
            taken = {"seconds": time.monotonic() - round_now["begun"], "cpu": time.process_time() - round_now["cpu"]}
            print(json.dumps({"sent": mails, **taken}), flush=True)
            state.should_stop = 0  # the worker's loop ends after this task

    for _ in sys.stdin:
        for place in range(mails):
            send.delay(place)
        with smtplib.SMTP("127.0.0.1", port) as session:
            round_now |= {"left": mails, "session": session}
            worker = WorkController(
                app=app,
                hostname=f"{queue}@localhost",
                pool="solo",
                concurrency=1,
                queues=[queue],
                loglevel="ERROR",
                without_heartbeat=True,
                without_mingle=True,
                without_gossip=True,
            )
            worker.start()
        state.should_stop = None


if __name__ == "__main__":
    main()
