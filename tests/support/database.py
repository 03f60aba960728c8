"""A database of a test's own, which other processes and threads see too: what they commit is really committed."""

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit, urlunsplit

import psycopg
from django.core.management import call_command
from django.db import connections

from tests.support.postgres import Server
from workspaces.installation import adopt_where_empty


def url_of(database: str) -> str:
    """The address of a database on the server of the tests."""
    return urlunsplit(urlsplit(os.environ["TEST_DATABASE_URL"])._replace(path=f"/{database}"))


def _on_server(statement: str) -> None:
    with psycopg.connect(os.environ["TEST_DATABASE_URL"], autocommit=True) as connection:
        connection.execute(statement)


@contextmanager
def cloned_database() -> Iterator[str]:
    """A copy of the migrated test database, in which `connections["default"]` then works, in every thread.

    Yields its URL, for other processes. The copy is dropped at the end, whoever is still connected to it.
    """
    settings = connections["default"].settings_dict
    original = settings["NAME"]
    copy = f"{original}_{uuid.uuid4().hex[:12]}"
    connections.close_all()
    _on_server(
        f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{original}'"  # noqa: S608
    )
    _on_server(f'CREATE DATABASE "{copy}" TEMPLATE "{original}"')
    settings["NAME"] = copy
    try:
        adopt_where_empty()  # a copy of a database that was in use waits for a person
        yield url_of(copy)
    finally:
        connections.close_all()
        settings["NAME"] = original
        _on_server(f'DROP DATABASE "{copy}" WITH (FORCE)')


@contextmanager
def database_on(server: Server) -> Iterator[str]:
    """A migrated database on `server`, in which `connections["default"]` then works; yields its URL."""
    with psycopg.connect(server.url(), autocommit=True) as session:
        session.execute("CREATE DATABASE countersign")
    settings, kept = connections["default"].settings_dict, dict(connections["default"].settings_dict)
    connections.close_all()
    settings |= {"NAME": "countersign", "HOST": "127.0.0.1", "PORT": server.port, "USER": "postgres", "PASSWORD": ""}
    try:
        call_command("migrate", verbosity=0)
        yield server.url("countersign")
    finally:
        connections.close_all()
        settings |= kept
