"""PostgreSQL databases for tests: made empty, dropped at the end. The server is expected on 127.0.0.1:5432."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator

import psycopg

from tests.services_required import skip_unless

SERVER = os.environ.get("CITYOS_TEST_POSTGRESQL", "postgresql://postgres@127.0.0.1:5432")


@contextlib.contextmanager
def fresh_database() -> Iterator[str]:
    """The URL of a new, empty database; skips the test where there is no server, unless services are required."""
    name = f"cityos_test_{secrets.token_hex(6)}"
    try:
        server = psycopg.connect(f"{SERVER}/postgres", autocommit=True, connect_timeout=3)
    except psycopg.OperationalError:
        skip_unless(present=False, reason=f"no PostgreSQL answers at {SERVER}")
        raise
    with contextlib.closing(server):
        server.execute(f"CREATE DATABASE {name}")
        try:
            yield f"{SERVER}/{name}"
        finally:
            server.execute(f"DROP DATABASE {name} WITH (FORCE)")
