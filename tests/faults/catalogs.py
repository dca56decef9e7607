"""A lake's catalog, kept and put back between trials."""

from __future__ import annotations

from typing import Any

from tests.rest import RestServer

TABLES = ("iceberg_tables", "iceberg_namespace_properties")


class SqliteFile:
    """A file in the warehouse, which is put back with it."""

    is_atomic = True
    makes_empty = False

    def __init__(self, warehouse: str) -> None:
        self.uri = f"sqlite:///{warehouse}/catalog.db"
        self.settings: dict[str, str] = {}

    def keep(self) -> None:
        """Nothing: the file is kept with the warehouse."""

    def restore(self) -> None:
        """Nothing: the file is put back with the warehouse."""


class PostgresTables:
    """Two tables of a database that is given to one lake alone."""

    is_atomic = True
    makes_empty = False

    def __init__(self, uri: str) -> None:
        self.uri = uri
        self.settings = {"lakeorch.yml": f"catalog: {uri}\n"}
        self._kept: dict[str, list[Any]] | None = None

    def keep(self) -> None:
        """Remembers every row."""
        with self._connect() as connection:
            there = connection.execute("SELECT to_regclass('iceberg_tables')").fetchone()[0]
            if there:
                self._kept = {name: connection.execute(f"SELECT * FROM {name}").fetchall() for name in TABLES}

    def restore(self) -> None:
        """The rows as they were; no tables where there were none."""
        with self._connect() as connection:
            if self._kept is None:
                connection.execute(f"DROP TABLE IF EXISTS {', '.join(TABLES)}")
                return
            connection.execute(f"TRUNCATE {', '.join(TABLES)}")
            for name, rows in self._kept.items():
                for row in rows:
                    connection.execute(f"INSERT INTO {name} VALUES ({', '.join(['%s'] * len(row))})", row)

    def _connect(self) -> Any:
        import psycopg

        return psycopg.connect(self.uri.replace("+psycopg", ""))


class RestTables:
    """A server that is given to one lake alone."""

    def __init__(self, server: RestServer) -> None:
        self.uri = server.uri
        self.settings = {"lakeorch.yml": f"catalog: {server.uri}\n"}
        self.is_atomic = server.transactions
        self.makes_empty = server.transactions and server.creates != "made"
        self.keep = server.keep
        self.restore = server.restore


def catalog_of(given: str | RestServer, warehouse: str) -> SqliteFile | PostgresTables | RestTables:
    """A catalog in a database, by its URI, behind a server, or in a file where nothing is given."""
    if isinstance(given, RestServer):
        return RestTables(given)
    return PostgresTables(given) if given else SqliteFile(warehouse)
