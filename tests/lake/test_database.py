"""Databases through their own drivers: all or nothing, one connection a thread, addresses as people write them."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from pyiceberg.catalog.sql import SqlCatalog

from lakeorch.lake import Lake
from lakeorch.lake.database import Database, DatabaseError, PostgresDatabase, SqliteDatabase
from tests.postgres import NewDatabase


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    made: Database
    if request.param == "sqlite":
        made = SqliteDatabase(tmp_path / "it's 100% a #?.db")
    else:
        made = PostgresDatabase(request.getfixturevalue("postgres")())
    with made.connection() as connection:
        connection.change("CREATE TABLE t (a VARCHAR(10) PRIMARY KEY, b INTEGER)")
    yield made
    made.close()


def _rows(database: Database) -> list[tuple[object, ...]]:
    return database.rows("SELECT a, b FROM t ORDER BY a")


def test_a_transaction_is_made_whole(database: Database) -> None:
    with database.transaction() as connection:
        assert connection.change("INSERT INTO t VALUES (?, ?)", [("x", 1), ("y", None), ("z", 3)]) == 3
        assert connection.change("UPDATE t SET b = ? WHERE a = ?", [(5, "x"), (6, "nobody")]) == 1
        assert connection.change("DELETE FROM t WHERE a = 'z'") == 1
    assert _rows(database) == [("x", 5), ("y", None)]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_transaction_that_is_left_is_undone(database: Database, error: type[BaseException]) -> None:
    def left() -> None:
        with database.transaction() as connection:
            connection.change("INSERT INTO t VALUES ('x', 1)")
            raise error

    with pytest.raises(error):
        left()
    assert _rows(database) == []
    with database.transaction() as connection:  # nothing is held by what was left
        connection.change("INSERT INTO t VALUES ('x', 2)")
    assert _rows(database) == [("x", 2)]


def test_a_statement_that_fails_undoes_the_others(database: Database) -> None:
    def twice() -> None:
        with database.transaction() as connection:
            connection.change("INSERT INTO t VALUES ('y', 1)")
            connection.change("INSERT INTO t VALUES ('x', 1)")
            connection.change("INSERT INTO t VALUES ('x', 2)")

    with pytest.raises(DatabaseError, match=r"(?i)unique"):
        twice()
    assert _rows(database) == []


def test_threads_do_not_meet_in_one_transaction(database: Database) -> None:
    inside, seen = threading.Event(), []

    def look() -> None:
        inside.wait()
        seen.append(_rows(database))

    thread = threading.Thread(target=look)
    thread.start()
    with database.transaction() as connection:
        connection.change("INSERT INTO t VALUES ('x', 1)")
        inside.set()
        if isinstance(database, PostgresDatabase):
            thread.join()
    thread.join()
    assert seen == [[]] or isinstance(database, SqliteDatabase)  # without a write-ahead log a SQLite reader may wait
    assert _rows(database) == [("x", 1)]


def test_a_connection_is_used_again_until_it_fails(database: Database) -> None:
    with database.connection() as first:
        pass
    with database.connection() as second:
        assert second is first
    with pytest.raises(DatabaseError), database.connection() as third:
        third.rows("SELECT nothing FROM nowhere")
    with database.connection() as fourth:
        assert fourth is not first


def test_a_connection_that_the_server_ended_is_not_used_for_ever(postgres: NewDatabase) -> None:
    database = PostgresDatabase(postgres())
    with database.connection() as connection:
        number = connection.rows("SELECT pg_backend_pid()")[0][0]
    other = PostgresDatabase(postgres().rpartition("/")[0] + "/postgres")
    other.rows("SELECT pg_terminate_backend(?)", number)
    other.close()
    with pytest.raises(DatabaseError, match="terminat"):
        database.rows("SELECT 1")
    assert database.rows("SELECT 1") == [(1,)]
    database.close()


def test_a_silent_connection_is_made_anew(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    with database.connection() as first:
        pass
    monkeypatch.setattr("lakeorch.lake.database.SILENT_S", 0.0)
    with database.connection() as second:
        assert second is not first
        assert second.rows("SELECT 1") == [(1,)]
    with pytest.raises((DatabaseError, sqlite3.ProgrammingError)):  # it was closed
        first.rows("SELECT 1")


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
@pytest.mark.parametrize(
    ("address", "user", "password", "rest"),
    [
        ("me@host/db", "me", None, {"host": "host", "dbname": "db"}),
        ("me:p%40ss%25@host:5433/db", "me", "p@ss%", {"host": "host", "port": "5433", "dbname": "db"}),
        ("me:pa/ss#1?@host/db", "me", "pa/ss#1?", {"host": "host", "dbname": "db"}),
        ("me:50%@host/db?sslmode=require", "me", "50%", {"host": "host", "dbname": "db", "sslmode": "require"}),
        ("/db?host=/run/postgresql", None, None, {"host": "/run/postgresql", "dbname": "db"}),
        ("one:1,two:2/db", None, None, {"host": "one,two", "port": "1,2", "dbname": "db"}),
    ],
)
def test_addresses_of_postgres(
    scheme: str,
    address: str,
    user: str | None,
    password: str | None,
    rest: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[str] = []

    def connect(uri: str, **_: object) -> None:
        asked.append(uri)
        raise psycopg.OperationalError("not now")

    monkeypatch.setattr(psycopg, "connect", connect)
    with pytest.raises(DatabaseError, match="not now"):
        PostgresDatabase(f"{scheme}://{address}").connect()
    found = psycopg.conninfo.conninfo_to_dict(asked[0])
    assert (found.pop("user", None), found.pop("password", None)) == (user, password)
    assert found == rest


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
@pytest.mark.parametrize("first", ["ours", "theirs"])
def test_the_tables_are_pyicebergs(request: pytest.FixtureRequest, tmp_path: Path, kind: str, first: str) -> None:
    """Whoever makes them, the other finds the same columns, keys and namespaces."""
    uri = f"sqlite:///{tmp_path / 'c.db'}" if kind == "sqlite" else request.getfixturevalue("postgres")()
    theirs = uri.replace("postgresql://", "postgresql+psycopg://")
    if first == "theirs":
        SqlCatalog("lakeorch", uri=theirs, warehouse=str(tmp_path)).close()
    lake = Lake.open(uri, str(tmp_path / "wh"), create=True)
    lake._catalog.register({"a.b.t": "/none.json"})
    other = SqlCatalog("lakeorch", uri=theirs, warehouse=str(tmp_path))
    assert other.list_tables("a.b") == [("a", "b", "t")]
    assert other.namespace_exists("a.b")
    with pytest.raises(DatabaseError):
        lake._catalog.register({"a.b.t": "/none.json"})
    other.drop_table("a.b.t")
    assert lake.pointers() == {}
    lake.close()
    other.close()


def test_what_is_read_while_a_connection_is_made_fails_plainly(tmp_path: Path) -> None:
    with pytest.raises(DatabaseError, match="unable to open"):
        SqliteDatabase(tmp_path / "none.db", "mode=ro").connect()
    assert not (tmp_path / "none.db").exists()
