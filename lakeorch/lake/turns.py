"""Who may publish just now: all, side by side, or one run alone that others have overtaken too often.

Publishing is right without this: it only keeps runs that want the same tables from overtaking one another for ever. The
locks end with their process, also when it is killed, and nobody waits for long: a holder that takes its time is passed.
"""

from __future__ import annotations

import contextlib
import os
import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

from lakeorch.lake.database import Connection, Database, DatabaseError, PostgresDatabase

PATIENCE_S = 15.0
_LONGEST_WAIT_S = 0.1


class Turns(Protocol):
    """A lock that many hold together or one holds alone."""

    def hold(self, *, alone: bool) -> contextlib.AbstractContextManager[None]:
        """Waits for the lock, and for `PATIENCE_S` at most; then goes on without it."""
        ...

    def is_queue(self) -> bool:
        """Whether somebody holds it alone just now."""
        ...


class NoTurns:
    """For places that offer no lock: everyone goes at once."""

    @contextlib.contextmanager
    def hold(self, *, alone: bool) -> Iterator[None]:
        """Does not wait."""
        del alone
        yield

    def is_queue(self) -> bool:
        """Never."""
        return False


class FileTurns:
    """A lock on a file in the warehouse, for runs of one machine."""

    def __init__(self, file: Path) -> None:
        self._file = file

    @contextlib.contextmanager
    def hold(self, *, alone: bool) -> Iterator[None]:
        """See `Turns`."""
        with contextlib.ExitStack() as stack:
            # a full or a read-only disk has room for no lock, but that is no reason not to go on
            with contextlib.suppress(OSError):
                descriptor = stack.enter_context(self._opened())
                _wait_for(lambda: _lock(descriptor, alone=alone))
            yield

    def is_queue(self) -> bool:
        """See `Turns`."""
        try:
            with self._opened() as descriptor:
                return not _lock(descriptor, alone=False)
        except OSError:
            return False

    @contextlib.contextmanager
    def _opened(self) -> Iterator[int]:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self._file, os.O_RDONLY | os.O_CREAT, 0o666)
        try:
            yield descriptor
        finally:
            os.close(descriptor)


def _lock(descriptor: int, *, alone: bool) -> bool:
    import fcntl

    try:
        fcntl.flock(descriptor, (fcntl.LOCK_EX if alone else fcntl.LOCK_SH) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


class PostgresTurns:
    """An advisory lock of the catalog's database, for runs anywhere."""

    def __init__(self, database: PostgresDatabase, name: str) -> None:
        self._database = database
        self._name = f"lakeorch:{name}"

    @contextlib.contextmanager
    def hold(self, *, alone: bool) -> Iterator[None]:
        """See `Turns`."""
        with contextlib.ExitStack() as stack:
            with contextlib.suppress(DatabaseError):
                connection = stack.enter_context(self._connected())
                _wait_for(lambda: self._lock(connection, alone=alone))
            yield

    def is_queue(self) -> bool:
        """See `Turns`."""
        try:
            with self._connected() as connection:
                return not self._lock(connection, alone=False)
        except DatabaseError:
            return False

    def _connected(self) -> contextlib.closing[Connection]:
        # one of its own: back among those that are lent, it would keep the lock
        return contextlib.closing(self._database.connect())

    def _lock(self, connection: Connection, *, alone: bool) -> bool:
        call = "pg_try_advisory_lock" if alone else "pg_try_advisory_lock_shared"
        return bool(connection.rows(f"SELECT {call}(hashtextextended(?, 0))", self._name)[0][0])


def turns_of(file: Path | None, database: Database | None, name: str) -> Turns:
    """The lock that a lake can offer.

    Args:
        file: where one could lie; None for a warehouse in an object store.
        database: of the catalog; None where it has none, or that is not there.
        name: of the catalog.
    """
    if isinstance(database, PostgresDatabase):
        return PostgresTurns(database, name)
    return FileTurns(file) if file is not None and os.name == "posix" else NoTurns()


def _wait_for(taken: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not taken() and time.monotonic() < deadline:
        time.sleep(random.uniform(0.0, _LONGEST_WAIT_S))
