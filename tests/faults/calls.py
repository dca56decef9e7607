"""Every call by which a run writes or commits, numbered, and one fault at one of them.

The calls are taken at the doors of the process, below lakeorch: the functions of `os` and `io`, pyiceberg's file
access, DuckDB's COPY, the statements and commits of SQLAlchemy's dialect, requests to servers. So nothing in lakeorch
knows of it, and a call that is added to lakeorch later is numbered without a change here.
"""

from __future__ import annotations

import errno
import io
import json
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal
from unittest.mock import patch

Kind = Literal["kill", "torn", "full", "error", "lost", "locked", "conflict", "pause"]
Door = Literal["disk", "write", "engine", "sql", "commit", "http", "read"]

# Which faults can happen where. `write` is a disk call that carries bytes, so that half of them can arrive.
CAN: dict[Kind, frozenset[Door]] = {
    "kill": frozenset({"disk", "write", "engine", "sql", "commit", "http"}),
    "torn": frozenset({"write", "engine"}),
    "full": frozenset({"disk", "write", "engine", "sql", "commit"}),
    "error": frozenset({"disk", "write", "engine", "sql", "commit", "http", "read"}),
    "lost": frozenset({"disk", "write", "engine", "sql", "commit", "http"}),
    "locked": frozenset({"sql", "commit", "http"}),
    "conflict": frozenset({"sql", "commit", "http"}),
}


@dataclass(frozen=True)
class Fault:
    """What goes wrong, and at which call (from 1).

    `kill`: SIGKILL before it. `torn`: half of the bytes arrive, then SIGKILL. `full`: from here on the disk is full.
    `error`: it fails, once. `lost`: it is done, then an error is raised. `locked`: the database is busy, nothing is
    done. `conflict`: the database does it, and answers that it did not; a server answers 409 in both cases. `pause`:
    whoever is told of it may let others go first; then it is done.
    """

    kind: Kind
    at: int


@dataclass(frozen=True)
class Call:
    """One numbered call.

    Attributes:
        label: what a report calls it.
        act: does it.
        error: what this door raises on a failure; on a full disk where the argument is True.
        half: does half of it; None where that means nothing.
        busy: what the database raises when another writer is in the way.
    """

    door: Door
    label: str
    act: Callable[[], Any]
    error: Callable[[bool], BaseException]
    half: Callable[[], object] | None = None
    busy: Callable[[], BaseException] | None = None


class Calls:
    """Numbers calls and lets one of them go wrong.

    Args:
        root: only files below it count.
        fault: None to only count.
        reads: whether calls that only read are numbered too.
        hit: told the label of the call at which the fault struck, before it does.
    """

    def __init__(self, root: Path, fault: Fault | None, *, reads: bool, hit: Callable[[str], None]) -> None:
        self.root = f"{root}{os.sep}"
        self.fault = fault
        self.reads = reads
        self.hit = hit
        self.seen: list[tuple[Door, str]] = []
        self.descriptors: dict[int, str] = {}
        self._lock = threading.Lock()

    def through(self, call: Call) -> Any:
        """Does a call, or what the fault makes of it."""
        if call.door == "read" and not self.reads:
            return call.act()
        with self._lock:
            self.seen.append((call.door, call.label))
            number = len(self.seen)
        fault = self.fault
        if fault is None or number < fault.at or (number > fault.at and fault.kind != "full"):
            return call.act()
        if number > fault.at and call.door in {"read", "sql", "http"}:
            return call.act()
        if number == fault.at:
            self.hit(call.label)
        return self._strike(call, fault.kind)

    def _strike(self, call: Call, kind: Kind) -> Any:
        if kind == "kill":
            _die()
        elif kind == "torn":
            if call.half is not None:
                call.half()
            _die()
        elif kind == "full":
            if call.label.startswith("unlink"):
                return call.act()  # needs no space
            if call.half is not None:
                call.half()
            raise call.error(True)
        elif kind == "error":
            if call.label.startswith("close") and call.half is not None:
                call.half()
            raise call.error(False)
        elif kind == "pause":
            return call.act()
        elif kind == "lost":
            call.act()
            raise call.error(False)
        elif kind == "locked" and call.busy is not None:
            raise call.busy()
        elif kind == "conflict" and call.busy is not None:
            call.act()
            raise call.busy()
        # no call of the catalog: after another fault, a run's calls are not those that were numbered
        return call.act()

    def inside(self, path: object) -> bool:
        """Whether a path lies in the project."""
        return isinstance(path, str | os.PathLike) and os.fspath(path).startswith(self.root)

    def short(self, path: object) -> str:
        """A path as a report shows it."""
        return str(path).removeprefix("file://").removeprefix(self.root)


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _os_error(full: bool) -> OSError:
    code = errno.ENOSPC if full else errno.EIO
    return OSError(code, os.strerror(code))


# ---- the doors -------------------------------------------------------------------------------------------------


@contextmanager
def watched(calls: Calls) -> Iterator[None]:
    """Takes every call of this process through `calls`."""
    with ExitStack() as stack:
        for door in (_operating_system, _opened_files, _iceberg_files, _copies, _database, _servers):
            stack.enter_context(door(calls))
        yield


@contextmanager
def _operating_system(calls: Calls) -> Iterator[None]:
    def watch(name: str) -> Callable[..., Any]:
        real = getattr(os, name)

        def call(path: Any, *args: Any, **words: Any) -> Any:
            if not calls.inside(path):
                return real(path, *args, **words)
            label = f"{name} {calls.short(path)}"
            return calls.through(Call("disk", label, lambda: real(path, *args, **words), _os_error))

        return call

    real_open, real_fsync = os.open, os.fsync

    def opened(path: Any, flags: int, *args: Any, **words: Any) -> Any:
        if not flags & os.O_CREAT or not calls.inside(path):
            return real_open(path, flags, *args, **words)
        label = f"open {calls.short(path)}"
        descriptor = calls.through(Call("disk", label, lambda: real_open(path, flags, *args, **words), _os_error))
        calls.descriptors[descriptor] = calls.short(path)
        return descriptor

    def synced(descriptor: int) -> None:
        calls.through(Call("disk", "fsync", lambda: real_fsync(descriptor), _os_error))

    with ExitStack() as stack:
        for name in ("mkdir", "replace", "rename", "link", "unlink", "remove", "rmdir"):
            stack.enter_context(patch.object(os, name, watch(name)))
        stack.enter_context(patch.object(os, "open", opened))
        stack.enter_context(patch.object(os, "fsync", synced))
        yield


class _Stream:
    """A file that is written to. Its first write and its end are calls; the many small writes between are not."""

    def __init__(self, stream: Any, name: str, calls: Calls) -> None:
        self._stream = stream
        self._name = name
        self._calls = calls
        self._begun = False

    def write(self, data: Any) -> Any:
        def act() -> Any:
            done = self._stream.write(data)
            # what is still in this process when it is killed would hide that the call was made
            self._stream.flush()
            return done

        def half() -> None:
            self._stream.write(data[: len(data) // 2])
            self._stream.flush()

        if self._begun:
            return act()
        self._begun = True
        return self._calls.through(Call("write", f"write {self._name}", act, _os_error, half))

    def close(self) -> None:
        def half() -> None:
            self._stream.close()
            path = self._calls.root + self._name
            os.truncate(path, Path(path).stat().st_size // 2)

        if not self._stream.closed:
            self._calls.through(Call("write", f"close {self._name}", self._stream.close, _os_error, half))

    def __enter__(self) -> _Stream:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextmanager
def _opened_files(calls: Calls) -> Iterator[None]:
    real = io.open

    def opened(file: Any, mode: str = "r", *args: Any, **words: Any) -> Any:
        ours = calls.inside(file) or file in calls.descriptors
        if not ours or not set(mode) & set("wax+"):
            return real(file, mode, *args, **words)
        name = calls.descriptors.pop(file) if isinstance(file, int) else calls.short(file)
        act = partial(real, file, mode, *args, **words)
        return _Stream(calls.through(Call("disk", f"open {name}", act, _os_error)), name, calls)

    with patch.object(io, "open", opened):
        yield


@contextmanager
def _iceberg_files(calls: Calls) -> Iterator[None]:
    from pyiceberg.io.pyarrow import PyArrowFile, PyArrowFileIO

    create, opened, delete = PyArrowFile.create, PyArrowFile.open, PyArrowFileIO.delete

    def created(self: PyArrowFile, overwrite: bool = False) -> Any:
        name = calls.short(self.location)
        call = Call("disk", f"create {name}", lambda: create(self, overwrite), _os_error)
        return _Stream(calls.through(call), name, calls)

    def read(self: PyArrowFile, seekable: bool = True) -> Any:
        call = Call("read", f"read {calls.short(self.location)}", lambda: opened(self, seekable), _os_error)
        return calls.through(call)

    def deleted(self: PyArrowFileIO, location: Any) -> None:
        calls.through(Call("disk", f"delete {location}", lambda: delete(self, location), _os_error))

    with (
        patch.object(PyArrowFile, "create", created),
        patch.object(PyArrowFile, "open", read),
        patch.object(PyArrowFileIO, "delete", deleted),
    ):
        yield


class _Cursor:
    """A DuckDB cursor whose COPY is a call: to its files the engine goes alone."""

    def __init__(self, cursor: Any, calls: Calls) -> None:
        self._cursor = cursor
        self._calls = calls

    def execute(self, statement: str, *args: Any) -> Any:
        if not statement.startswith("COPY"):
            return self._cursor.execute(statement, *args)
        copied: list[Any] = []

        def act() -> Any:
            copied.extend(self._cursor.execute(statement, *args).fetchall())
            return _Fetched(copied)

        def half() -> None:
            act()
            for path, *_ in copied[-1:]:
                os.truncate(path, Path(path).stat().st_size // 2)

        table = statement.rpartition(" TO '")[2].partition("'")[0]
        return self._calls.through(Call("engine", f"copy {self._calls.short(table)}", act, _engine_error, half))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cursor, name)


class _Fetched:
    def __init__(self, rows: list[Any]) -> None:
        self._rows = rows

    def fetchall(self) -> list[Any]:
        return self._rows


def _engine_error(full: bool) -> BaseException:
    import duckdb

    code = errno.ENOSPC if full else errno.EIO
    facts = {"exception_message": f"Could not write to file: {os.strerror(code)}", "errno": str(code)}
    return duckdb.IOException(f"IO Error: {json.dumps(facts)}")


@contextmanager
def _copies(calls: Calls) -> Iterator[None]:
    from lakeorch.engines.duckdb import DuckDBSession

    make = DuckDBSession.__init__

    def made(self: Any, engine: Any, cursor: Any, catalog: str) -> None:
        watched: Any = _Cursor(cursor, calls)
        make(self, engine, watched, catalog)

    with patch.object(DuckDBSession, "__init__", made):
        yield


# what drivers say: broken, full, and another writer in the way
_SAID = {
    "?": ("disk I/O error", "database or disk is full", "database is locked"),
    "%s": (
        "server closed the connection unexpectedly",
        "could not extend file: No space left on device",
        "could not serialize access due to concurrent update",
    ),
}


@contextmanager
def _database(calls: Calls) -> Iterator[None]:
    from lakeorch.lake.database import Connection, DatabaseError

    real = Connection._run

    def run(self: Any, statement: str, act: Callable[[Any, str], Any]) -> Any:
        said = " ".join(statement.split())
        reads = said == "BEGIN" or said.upper().startswith("SELECT")
        door: Door = "commit" if said == "COMMIT" else "read" if reads else "sql"
        error = lambda full: DatabaseError(_SAID[self._mark][int(full)])  # noqa: E731
        busy = lambda: DatabaseError(_SAID[self._mark][2])  # noqa: E731
        return calls.through(Call(door, f"sql {said[:40]}", partial(real, self, statement, act), error, busy=busy))

    with patch.object(Connection, "_run", run):
        yield


class _Conflicted(Exception):
    """Stands for the answer of a server that takes no commit."""


@contextmanager
def _servers(calls: Calls) -> Iterator[None]:
    from requests import ConnectionError, Response
    from requests.adapters import HTTPAdapter

    real = HTTPAdapter.send

    def send(self: HTTPAdapter, request: Any, *args: Any, **words: Any) -> Response:
        act = partial(real, self, request, *args, **words)
        error = lambda _: ConnectionError("connection reset")  # noqa: E731
        door: Door = "read" if request.method in {"GET", "HEAD"} else "http"
        try:
            found: Response = calls.through(
                Call(door, f"{request.method} {request.path_url}", act, error, busy=_Conflicted)
            )
        except _Conflicted:
            found = Response()
            found.status_code, found.request, found.url = 409, request, request.url
            found._content = b'{"error": {"message": "no", "type": "CommitFailedException", "code": 409}}'
        return found

    with patch.object(HTTPAdapter, "send", send):
        yield
