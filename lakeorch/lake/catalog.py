"""A catalog in a database: pointers to metadata files, and the one transaction that swaps them.

The tables are those of pyiceberg's SqlCatalog, so that every other Iceberg client sees the same catalog; swapping
several pointers at once is what that lacks.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from pyiceberg.catalog.noop import NoopCatalog
from pyiceberg.io import FileIO, load_file_io
from pyiceberg.table import Table
from pyiceberg.table.metadata import TableMetadata

from lakeorch.lake.database import Connection, Database, DatabaseError, SqliteDatabase
from lakeorch.lake.metadata import Files, written
from lakeorch.lake.pointers import ATOMIC, TYPE, pointers_in, split
from lakeorch.lake.port import CommitMissedError, TableCommit, identifier
from lakeorch.lake.remedy import passing, plainly
from lakeorch.lake.versions import Timeline
from lakeorch.model import Published

_RETRY_S = 0.02
# as pyiceberg makes them
_TABLES = (
    """CREATE TABLE IF NOT EXISTS iceberg_tables (
        catalog_name VARCHAR(255) NOT NULL,
        table_namespace VARCHAR(255) NOT NULL,
        table_name VARCHAR(255) NOT NULL,
        metadata_location VARCHAR(1000),
        previous_metadata_location VARCHAR(1000),
        iceberg_type VARCHAR(5),
        PRIMARY KEY (catalog_name, table_namespace, table_name))""",
    """CREATE TABLE IF NOT EXISTS iceberg_namespace_properties (
        catalog_name VARCHAR(255) NOT NULL,
        namespace VARCHAR(255) NOT NULL,
        property_key VARCHAR(255) NOT NULL,
        property_value VARCHAR(1000) NOT NULL,
        PRIMARY KEY (catalog_name, namespace, property_key))""",
)
# one table
_IS = "catalog_name = ? AND table_namespace = ? AND table_name = ?"
_POINTER = f"SELECT metadata_location FROM iceberg_tables WHERE {_IS}"
# one row, where its pointer is as expected; a table that must only stay is written as it is, which locks and counts it
_MOVE = f"""UPDATE iceberg_tables SET metadata_location = ?, previous_metadata_location =
    CASE WHEN metadata_location = ? THEN previous_metadata_location ELSE metadata_location END
    WHERE {_IS} AND metadata_location = ?"""
_TAKE = f"DELETE FROM iceberg_tables WHERE {_IS} AND metadata_location = ?"
_ADD = """INSERT INTO iceberg_tables (catalog_name, table_namespace, table_name, metadata_location{column})
    VALUES (?, ?, ?, ?{value})"""
_SPACE = "SELECT 1 FROM iceberg_namespace_properties WHERE catalog_name = ? AND namespace = ?"
_ADD_SPACE = """INSERT INTO iceberg_namespace_properties (catalog_name, namespace, property_key, property_value)
    VALUES (?, ?, 'exists', 'true')"""


@dataclass(frozen=True, slots=True)
class Swap:
    """A pointer to move from `old` to `new`. None is no table: one appears, or goes. Equal: it must only stay.

    Attributes:
        name: of the table.
        catalog: the name, in the database, of the catalog that the pointer is in.
    """

    catalog: str
    name: str
    old: str | None
    new: str | None


class DatabaseCatalog:
    """A catalog that tells absence from failure, and swaps many pointers at once; see `port.Catalog`.

    Args:
        name: of the catalog inside the database.
        database: where it lies; None for a file that is not there, whose catalog is empty.
        create: make the tables where they are missing; otherwise such a catalog is empty.
        place: what to call it in messages.
        properties: settings of the file system.
    """

    def __init__(
        self, name: str, database: Database | None, *, create: bool, place: str, properties: Mapping[str, str]
    ) -> None:
        self.name = name
        self.place = place
        self.properties = dict(properties)
        self._database = database
        self._layout: frozenset[str] = frozenset()
        if database is None:
            return
        try:
            with plainly(place):
                self._layout = database.layout()
                if create and not self._layout:
                    self._layout = _made(database)
        except BaseException:
            database.close()
            raise

    def close(self) -> None:
        """Frees the connections."""
        if self._database is not None:
            self._database.close()

    @property
    def guarantee(self) -> str:
        """What it promises about a commit over several tables."""
        return ATOMIC

    # ---- reading -----------------------------------------------------------------------------------------------

    def pointers(self, of: Collection[str] | None = None) -> dict[str, str]:
        """Table → location of its metadata file, for all tables, as of one moment: one statement, whatever matters."""
        del of
        return self.catalogs(self.name)[self.name]

    def catalogs(self, *names: str, only: str = "") -> dict[str, dict[str, str]]:
        """The pointers of several catalogs of the database, as of one moment: an environment has one of its own.

        Args:
            names: of the catalogs; every one that holds a table where none is given. What any of them points to is in
                use.
            only: one table, where not all are asked for.

        Returns:
            Catalog → table → location of its metadata file.
        """
        with plainly(self.place):
            return pointers_in(self._database, self._layout, names, only)

    def everywhere(self) -> frozenset[str]:
        """The locations of all metadata files that any catalog of the database points to."""
        if self._database is None or not self._layout:
            return frozenset()
        with plainly(self.place):
            rows = self._database.rows("SELECT metadata_location FROM iceberg_tables")
        return frozenset(location for (location,) in rows if location)

    def pointer(self, name: str) -> str | None:
        """The location of one table's metadata file, None when there is no such table."""
        if self._database is None or not self._layout:
            return None
        with plainly(self.place):
            rows = self._database.rows(_POINTER, self.name, *split(name))
        return rows[0][0] if rows else None

    def published(self, pointers: Mapping[str, str]) -> dict[str, Published]:
        """What the metadata files say, each read once in the life of the process."""
        return self._files.published(pointers)

    def timelines(self, pointers: Mapping[str, str]) -> dict[str, Timeline]:
        """The past of tables, as their metadata files tell it."""
        return self._files.timelines(pointers)

    def table(self, name: str, location: str) -> Table:
        """A table as a metadata file describes it."""
        metadata = self._files.metadata(location)
        return Table(identifier(name), metadata, location, self._io(metadata, location), NoopCatalog(self.name))

    def unborn(self, name: str, metadata: TableMetadata) -> Table:
        """A table that exists nowhere yet."""
        io = self._io(metadata, metadata.location)
        return Table(identifier(name), metadata, "", io, NoopCatalog(self.name))

    def _io(self, metadata: TableMetadata, location: str) -> FileIO:
        return load_file_io({**self.properties, **metadata.properties}, location)

    @property
    def _files(self) -> Files:
        return Files.of(self.properties)

    # ---- the one transaction -----------------------------------------------------------------------------------

    def commit(self, changes: Sequence[TableCommit], held: Mapping[str, str | None]) -> None:
        """Writes the metadata files, then swaps all pointers at once; see `port.Catalog`.

        Raises:
            CommitMissedError: a table is not where it was expected; nothing was changed.
            DatabaseError: as `swap` says.
        """
        stay = [Swap(self.name, name, location, location) for name, location in held.items()]
        self.swap([*stay, *(Swap(self.name, change.name, change.location, written(change)) for change in changes)])

    def register(self, tables: Mapping[str, str]) -> None:
        """Adds pointers; raises as `commit` does."""
        self.swap([Swap(self.name, name, None, location) for name, location in tables.items()])

    def settle(self) -> None:
        """Nothing: no commit is ever under way for others to see."""

    def drop(self, tables: Mapping[str, str]) -> None:
        """Takes pointers away; raises as `commit` does."""
        self.swap([Swap(self.name, name, location, None) for name, location in tables.items()])

    def swap(self, swaps: Sequence[Swap]) -> None:
        """Moves all pointers, or none.

        Raises:
            CommitMissedError: a pointer is not at `old`; nothing was changed.
            DatabaseError: the database failed. Unless it failed before the commit, look what became of it.
        """
        if self._database is None:
            raise DatabaseError("unable to open database file")
        # In one order, so that two runs that want the same tables wait for each other instead of blocking for ever.
        swaps = sorted(swaps, key=lambda swap: (swap.catalog, swap.name))
        moved = [(s.new, s.new, *_at(s), s.old) for s in swaps if s.old is not None and s.new is not None]
        taken = [(*_at(s), s.old) for s in swaps if s.old is not None and s.new is None]
        absent = [swap for swap in swaps if swap.old is None and swap.new is None]
        with self._database.transaction() as connection:
            for statement, rows in ((_MOVE, moved), (_TAKE, taken)):
                if rows and connection.change(statement, rows) != len(rows):
                    raise CommitMissedError(", ".join(swap.name for swap in swaps))
            for swap in absent:
                if connection.rows(_POINTER, *_at(swap)):
                    raise CommitMissedError(swap.name)
            if new := [swap for swap in swaps if swap.old is None and swap.new is not None]:
                self._add(connection, new)

    def _add(self, connection: Connection, swaps: Sequence[Swap]) -> None:
        spaces = dict.fromkeys((swap.catalog, split(swap.name)[0]) for swap in swaps)
        for space in spaces:
            if not connection.rows(_SPACE, *space):
                connection.change(_ADD_SPACE, [space])
        typed = TYPE in self._layout
        statement = _ADD.format(column=f", {TYPE}" if typed else "", value=", 'TABLE'" if typed else "")
        connection.change(statement, [(*_at(swap), swap.new) for swap in swaps])


def _at(swap: Swap) -> tuple[str, str, str]:
    return (swap.catalog, *split(swap.name))


def _made(database: Database) -> frozenset[str]:
    """Makes the tables of a catalog; returns the columns of its table of tables."""
    if isinstance(database, SqliteDatabase):
        _write_ahead(database)
    try:
        with database.transaction() as connection:
            for statement in _TABLES:
                connection.change(statement)
    except DatabaseError:
        # Two first runs at once: the other one made them.
        if not database.layout():
            raise
    return database.layout()


def _write_ahead(database: SqliteDatabase) -> None:
    """Lets readers go on while a run writes; kept in the file for good, so it is set once."""
    deadline = time.monotonic() + database.patience_s
    while True:
        try:
            database.rows("PRAGMA journal_mode=WAL")
        except DatabaseError as error:
            # Two first runs at once: SQLite does not wait here by itself.
            if not passing(error) or time.monotonic() > deadline:
                raise
            time.sleep(_RETRY_S)
        else:
            return
