"""A real Postgres server for tests: Debian's package, on loopback, on a free port, gone with the test session."""

from __future__ import annotations

import itertools
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

_PROGRAMS = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
_SETTINGS = {"fsync": "off", "full_page_writes": "off", "max_connections": "100", "shared_buffers": "32MB"}

NewDatabase = Callable[[], str]


@pytest.fixture(scope="session")
def postgres() -> Iterator[NewDatabase]:
    """Makes an empty database and returns its URI; the test is skipped where there is no Postgres."""
    pytest.importorskip("psycopg", reason="psycopg is not installed: pip install 'lakeorch[postgres]'")
    if not _PROGRAMS:
        pytest.skip("Postgres is not installed: apt-get install postgresql")
    folder = Path(tempfile.mkdtemp(prefix="lakeorch-postgres-"))
    try:
        yield from _served(folder, _PROGRAMS[-1].parent)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


# The server ends when this shell's standard input does: also when the tests are killed. Its folder goes with it.
_GUARD = 'folder=$1; shift; "$@" & server=$!; read -r _; kill -QUIT $server; wait $server; rm -rf "$folder"'
_PATIENCE_S = 60


def _served(folder: Path, programs: Path) -> Iterator[NewDatabase]:
    user: dict[str, Any] = {}
    if os.geteuid() == 0:  # Postgres refuses to run as root
        known = {entry.pw_name: entry for entry in pwd.getpwall()}
        someone = known.get("postgres") or known["nobody"]
        os.chown(folder, someone.pw_uid, someone.pw_gid)
        user = {"user": someone.pw_uid, "group": someone.pw_gid, "extra_groups": []}
    data, port, log = str(folder / "data"), _free_port(), folder / "log"
    make = [programs / "initdb", "-D", data, "-U", "lakeorch", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"]
    settings = _SETTINGS | {"listen_addresses": "127.0.0.1", "port": str(port), "unix_socket_directories": str(folder)}
    serve = [programs / "postgres", "-D", data, *(part for s in settings.items() for part in ("-c", "=".join(s)))]
    with log.open("ab") as told:
        subprocess.run(make, cwd=folder, stdout=told, stderr=told, check=True, **user)
        guard = ["/bin/sh", "-c", _GUARD, "sh", folder, *serve]
        with subprocess.Popen(guard, cwd=folder, stdin=subprocess.PIPE, stdout=told, stderr=told, **user) as server:
            _wait_for(port, log)
            numbers = itertools.count(1)
            yield lambda: _database(port, f"test{next(numbers)}")
            server.communicate()


def _wait_for(port: int, log: Path) -> None:
    import psycopg

    deadline = time.monotonic() + _PATIENCE_S
    while True:
        try:
            psycopg.connect(host="127.0.0.1", port=port, user="lakeorch", dbname="postgres").close()
        except psycopg.OperationalError:
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)
        else:
            return


def _database(port: int, name: str) -> str:
    import psycopg

    with psycopg.connect(host="127.0.0.1", port=port, user="lakeorch", dbname="postgres", autocommit=True) as server:
        server.execute(f"CREATE DATABASE {name}".encode())
    return f"postgresql+psycopg://lakeorch@127.0.0.1:{port}/{name}"


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port
