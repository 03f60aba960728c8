"""The environment of a test run: its database, its own folder for what is written, nothing of the shell around it."""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

from tests.support.postgres import Server

_ENVIRONMENT = {
    "READ_DOT_ENV": "false",
    "AGENT_DRY_RUN": "false",
    "ENABLE_AUTO_EXECUTION": "true",
    "CRON_SECRET": "cron-secret-of-the-tests",
    "CREDENTIALS_KEY": "Y291bnRlcnNpZ24tdGVzdHMta2V5LTMyLWJ5dGVzISE=",
    "LOG_LEVEL": "WARNING",
}
_KEPT_OUT = (
    "ALERT_EMAIL",
    "ALERT_URLS",
    "ANTHROPIC_API_KEY",
    "ANTHROPIC_BASE_URL",
    "ANTHROPIC_MODEL",
    "DEBUG",
    "DEMO",
    "EMAIL_URL",
    "HOST",
    "PORT",
    "PUBLIC_URL",
    "REDIS_URL",
    "SECRET_KEY",
)


def prepare_environment() -> None:
    """Set what `config.settings` reads, in the process that runs pytest and in each worker of xdist.

    The first of them finds or starts the database server; the workers inherit its address.
    """
    for name in _KEPT_OUT:
        # The opt-in live suite reads the key it was given from here.
        value = os.environ.pop(name, None)
        if name == "ANTHROPIC_API_KEY" and value:
            os.environ["LIVE_ANTHROPIC_API_KEY"] = value
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    if not worker:
        _start_session()
    folder = Path(os.environ["FOLDER_OF_TESTS"]) / (worker or "main")
    os.environ.update(_ENVIRONMENT, DATABASE_URL=os.environ["TEST_DATABASE_URL"], VAR_DIR=str(folder))


def _start_session() -> None:
    folder = tempfile.mkdtemp(prefix="countersign-tests-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    os.environ["FOLDER_OF_TESTS"] = folder
    if not os.environ.get("TEST_DATABASE_URL"):
        server = Server()
        server.start()
        atexit.register(server.remove)
        os.environ["TEST_DATABASE_URL"] = server.url()
