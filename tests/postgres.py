"""A real Postgres server for tests: Debian's package, on loopback, on a free port, gone with the test session."""

from __future__ import annotations

import itertools
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
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


def _served(folder: Path, programs: Path) -> Iterator[NewDatabase]:
    user: dict[str, Any] = {}
    if os.geteuid() == 0:  # Postgres refuses to run as root
        known = {entry.pw_name: entry for entry in pwd.getpwall()}
        someone = known.get("postgres") or known["nobody"]
        os.chown(folder, someone.pw_uid, someone.pw_gid)
        user = {"user": someone.pw_uid, "group": someone.pw_gid, "extra_groups": []}
    data, port = folder / "data", _free_port()

    def call(program: str, *arguments: str) -> None:
        command = [str(programs / program), "-D", str(data), *arguments]
        # not a pipe: the server inherits it, and would keep it open
        with (folder / "log").open("ab") as log:
            done = subprocess.run(command, cwd=folder, stdout=log, stderr=log, check=False, **user)
        assert done.returncode == 0, (folder / "log").read_text()

    call("initdb", "-U", "lakeorch", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
    settings = _SETTINGS | {"listen_addresses": "127.0.0.1", "port": str(port), "unix_socket_directories": str(folder)}
    call("pg_ctl", "start", "-w", "-o", " ".join(f"-c {name}={value}" for name, value in settings.items()))
    try:
        numbers = itertools.count(1)
        yield lambda: _database(port, f"test{next(numbers)}")
    finally:
        call("pg_ctl", "stop", "-w", "-m", "immediate")


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
