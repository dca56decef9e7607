"""The database that a catalog lies in, spoken to by its own driver: SQLite, which Python has, or Postgres, by psycopg.

A toolkit over both, as pyiceberg's own SqlCatalog loads it, takes longer to load than all that a small run asks of its
catalog.
"""

from __future__ import annotations

import re
import sqlite3
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, ClassVar, TypeVar
from urllib.parse import quote, unquote

BUSY_S = 10.0
# what lies between may have dropped a connection that was silent for longer: a run computes for hours, then publishes
SILENT_S = 30.0
_TABLE, _SPACES = "iceberg_tables", "iceberg_namespace_properties"
_SQLITE_LAYOUT = f"""SELECT made.name, has.name FROM sqlite_master AS made, pragma_table_info(made.name) AS has
    WHERE made.type = 'table' AND made.name IN ('{_TABLE}', '{_SPACES}')"""
_POSTGRES_LAYOUT = f"""SELECT made.relname, has.attname FROM pg_class AS made, pg_attribute AS has
    WHERE made.oid IN (to_regclass('{_TABLE}'), to_regclass('{_SPACES}')) AND has.attrelid = made.oid
    AND has.attnum > 0 AND NOT has.attisdropped"""
_POSTGRES = re.compile(
    r"postgres(?:ql)?(?:\+\w+)?://(?:(?P<user>[^:/@]*)(?P<password>:[^@]*)?@)?(?P<rest>.*)", re.DOTALL
)

Value = str | int | None
T = TypeVar("T")


class DatabaseError(Exception):
    """What the driver raised, in its words. After one from a transaction nobody knows whether that was made."""


class Connection:
    """A connection that makes every statement's effect at once, but for those between `begin` and `commit`.

    Args:
        raw: of the driver.
        mark: what stands for a value in the driver's statements; in those given here it is `?`.
        failure: what the driver raises.
    """

    def __init__(self, raw: Any, mark: str, failure: type[Exception]) -> None:
        self._raw = raw
        self._mark = mark
        self._failure = failure

    def rows(self, statement: str, *values: Value) -> list[tuple[Any, ...]]:
        """What a statement answers. Raises DatabaseError, as all methods do."""

        def act(cursor: Any, text: str) -> list[tuple[Any, ...]]:
            return list(cursor.execute(text, values).fetchall())

        return self._run(statement, act)

    def change(self, statement: str, rows: Sequence[Sequence[Value]] = ((),)) -> int:
        """Runs a statement that changes something, once for each row of values; returns how many rows it changed."""

        def act(cursor: Any, text: str) -> int:
            if len(rows) == 1:
                cursor.execute(text, rows[0])
            else:
                cursor.executemany(text, rows)
            return int(cursor.rowcount)

        return self._run(statement, act)

    def commit(self) -> None:
        """Ends a transaction: what was changed in it holds."""
        self.change("COMMIT")

    def close(self) -> None:
        """Undoes a transaction that is open, and frees the connection."""
        with suppress(self._failure):
            self._raw.close()

    def _run(self, statement: str, act: Callable[[Any, str], T]) -> T:
        try:
            with closing(self._raw.cursor()) as cursor:
                return act(cursor, statement.replace("?", self._mark))
        except self._failure as error:
            raise DatabaseError(str(error).strip() or type(error).__name__) from error


class Database(ABC):
    """A database; connections are kept when they are not in use, and lent to one thread at a time."""

    begin: ClassVar[str]
    layout_query: ClassVar[str]

    def __init__(self) -> None:
        self._idle: list[tuple[Connection, float]] = []

    @abstractmethod
    def connect(self) -> Connection:
        """A new connection, which the caller closes. Raises DatabaseError."""

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """Lends a connection; one that failed, or was silent for long, is not lent again."""
        lent = self._taken() or self.connect()
        try:
            yield lent
        except BaseException:
            lent.close()
            raise
        self._idle.append((lent, time.monotonic()))

    def _taken(self) -> Connection | None:
        with suppress(IndexError):  # another thread takes them too
            while True:
                known, since = self._idle.pop()
                if time.monotonic() - since < SILENT_S:
                    return known
                known.close()
        return None

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """All that is done in the block, or nothing; another writer waits until its end."""
        with self.connection() as connection:
            connection.change(self.begin)
            yield connection
            connection.commit()

    def rows(self, statement: str, *values: Value) -> list[tuple[Any, ...]]:
        """What a statement answers, as of one moment."""
        with self.connection() as connection:
            return connection.rows(statement, *values)

    def layout(self) -> frozenset[str]:
        """The columns of a catalog's table of tables; none where the catalog's tables are not there."""
        found = self.rows(self.layout_query)
        columns = frozenset(column for table, column in found if table == _TABLE)
        return columns if any(table == _SPACES for table, _ in found) else frozenset()

    def close(self) -> None:
        """Frees the connections that are not lent."""
        while self._idle:
            self._idle.pop()[0].close()


class SqliteDatabase(Database):
    """A SQLite file.

    Args:
        file: it is made where it is not there, unless `how` says otherwise.
        how: parameters for SQLite: `mode=ro`, …; see https://www.sqlite.org/uri.html.
        patience_s: how long a statement waits for another writer, seconds; None for `BUSY_S`.

    Attributes:
        patience_s: the same, told.
    """

    # one that read first and wrote later would fail at once where another wrote in between
    begin = "BEGIN IMMEDIATE"
    layout_query = _SQLITE_LAYOUT

    def __init__(self, file: Path, how: str = "", patience_s: float | None = None) -> None:
        super().__init__()
        self._address = f"{file.absolute().as_uri()}?{how}"
        self.patience_s = BUSY_S if patience_s is None else patience_s

    def connect(self) -> Connection:
        """See `Database`."""
        try:
            raw = sqlite3.connect(
                self._address, uri=True, timeout=self.patience_s, isolation_level=None, check_same_thread=False
            )
        except sqlite3.Error as error:
            raise DatabaseError(str(error)) from error
        return Connection(raw, "?", sqlite3.Error)


class PostgresDatabase(Database):
    """A Postgres database.

    Args:
        uri: `postgresql://user:password@host:port/database?parameter=…`, parameters as libpq has them.
    """

    begin = "BEGIN"
    layout_query = _POSTGRES_LAYOUT

    def __init__(self, uri: str) -> None:
        super().__init__()
        self._uri = _strict(uri)

    def connect(self) -> Connection:
        """See `Database`. Raises ModuleNotFoundError too: the driver is not installed."""
        import psycopg

        try:
            return Connection(psycopg.connect(self._uri, autocommit=True), "%s", psycopg.Error)
        except psycopg.Error as error:
            raise DatabaseError(str(error).strip()) from error


def is_postgres(uri: str) -> bool:
    """Whether an address is one of Postgres; a driver may be named in it."""
    return _POSTGRES.fullmatch(uri) is not None


def _strict(uri: str) -> str:
    """The address as libpq takes it: no driver in it, and a password with characters of its own written out."""
    found = _POSTGRES.fullmatch(uri)
    if found is None:
        raise ValueError(uri)
    user, password, rest = found["user"] or "", (found["password"] or "")[1:], found["rest"]
    who = quote(unquote(user), safe="") + (f":{quote(unquote(password), safe='')}" if password else "")
    return f"postgresql://{who}{'@' if who else ''}{rest}"
