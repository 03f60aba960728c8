"""How gunicorn serves the web: one process, threads enough for people and API clients, watched like the rest.

Read by gunicorn as its configuration (`gunicorn -c python:config.supervisor.web`).
"""

import os
from typing import Any

from django.conf import settings
from gunicorn.workers.gthread import ThreadWorker

from config.supervisor import lifeline


class BeatingWorker(ThreadWorker):
    """gunicorn's thread worker, which also tells our supervisor that it goes round."""

    def notify(self) -> None:
        lifeline.beat()
        super().notify()


def post_fork(arbiter: Any, worker: Any) -> None:
    """The worker watches over its master too, which forks and so keeps no threads."""
    lifeline.watch(also=os.getppid())


def post_worker_init(worker: Any) -> None:
    """The application is loaded: where no keeper is left to send alerts, the web does."""
    from execution.alerts import duty  # models can be imported once Django is set up, which this file is too early for

    duty.start(duty.stand_in)


wsgi_app = "config.wsgi:application"
bind = f"[{settings.HOST}]:{settings.PORT}" if ":" in settings.HOST else f"{settings.HOST}:{settings.PORT}"
worker_class = "config.supervisor.web.BeatingWorker"
workers = 1
threads = settings.WEB_THREADS
timeout = 30
graceful_timeout = max(1, settings.SHUTDOWN_GRACE_SECONDS - 2)
keepalive = 5
control_socket_disable = True
loglevel = "warning"
