"""The settings under which tests run: those of `config.settings`, on PostgreSQL, with everything a run writes apart."""

import os
import sys
import tempfile

from tests.support.environment import prepare_environment

if "pytest" in sys.modules:  # not in a command that a test starts, nor where mypy reads these settings
    prepare_environment()
os.environ.setdefault("SECRET_KEY", "only-for-tests-" + "x" * 40)
os.environ.setdefault("VAR_DIR", os.path.join(tempfile.gettempdir(), "countersign-settings"))

from config.settings import *  # noqa: F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
