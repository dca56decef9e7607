"""A catalog in a database: pointers to metadata files, and the one transaction that swaps them.

One code path for SQLite and Postgres: pyiceberg's SqlCatalog owns the tables and the connection, so that every other
Iceberg client sees the same catalog; swapping several pointers at once is what it lacks.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pyiceberg.catalog.sql import IcebergNamespaceProperties, IcebergTables, SqlCatalog, SqlCatalogBaseTable
from pyiceberg.table import Table
from pyiceberg.table.metadata import TableMetadata
from sqlalchemy import (
    Connection,
    Delete,
    String,
    Update,
    bindparam,
    case,
    delete,
    event,
    insert,
    inspect,
    literal,
    select,
    update,
)
from sqlalchemy.exc import OperationalError, SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry

from lakeorch.lake.metadata import Files, written
from lakeorch.lake.pointers import ATOMIC
from lakeorch.lake.port import CommitMissedError, TableCommit, identifier
from lakeorch.lake.remedy import passing, plainly
from lakeorch.lake.versions import Timeline
from lakeorch.model import Published

BUSY_MS = 10_000
_RETRY_S = 0.02
# How a SQLite transaction begins: one that read first and writes later fails at once when another wrote in between.
_BEGIN = "lakeorch_begin"
_READS, _WRITES, _OUTSIDE = "BEGIN", "BEGIN IMMEDIATE", ""


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


class DatabaseCatalog(SqlCatalog):
    """A SqlCatalog that tells absence from failure, and swaps many pointers at once.

    Args:
        name: of the catalog inside the database.
        create: make the tables where they are missing; otherwise such a catalog is empty.
        place: what to call it in messages.
        properties: `uri`, `warehouse` and settings of the file system.
    """

    def __init__(self, name: str, *, create: bool, place: str, properties: Mapping[str, str]) -> None:
        self._create = create
        self.place = place
        self.absent = False
        with plainly(place):
            super().__init__(name, **properties)

    def _init_catalog(self) -> None:
        try:
            self._look()
        except SQLAlchemyError:
            self.engine.dispose()
            raise

    def _look(self) -> None:
        sqlite = self.engine.dialect.name == "sqlite"
        if sqlite:
            event.listen(self.engine, "connect", _connected)
            event.listen(self.engine, "begin", _begun)
        if not self._has_tables():
            self.absent = not self._create
            self._schema_version = "v1"
            if self._create:
                if sqlite:
                    self._write_ahead()
                self._make_tables()
            return
        columns = {column["name"] for column in inspect(self.engine).get_columns(IcebergTables.__tablename__)}
        self._schema_version = "v1" if "iceberg_type" in columns else "v0"

    def _has_tables(self) -> bool:
        wanted = {IcebergTables.__tablename__, IcebergNamespaceProperties.__tablename__}
        return wanted <= set(inspect(self.engine).get_table_names())

    def _write_ahead(self) -> None:
        """Lets readers go on while a run writes; kept in the file for good, so it is set once."""
        deadline = time.monotonic() + BUSY_MS / 1000
        with self.engine.connect().execution_options(**{_BEGIN: _OUTSIDE}) as connection:
            while True:
                try:
                    connection.exec_driver_sql("PRAGMA journal_mode=WAL")
                except OperationalError as error:
                    # Two first runs at once: SQLite does not wait here by itself.
                    if not passing(error) or time.monotonic() > deadline:
                        raise
                    time.sleep(_RETRY_S)
                else:
                    return

    def _make_tables(self) -> None:
        try:
            with self.engine.connect().execution_options(**{_BEGIN: _WRITES}) as connection, connection.begin():
                SqlCatalogBaseTable.metadata.create_all(connection)
        except SQLAlchemyError:
            # Two first runs at once: the other one made them.
            if not self._has_tables():
                raise

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
        found: dict[str, dict[str, str]] = {name: {} for name in names}
        if self.absent:
            return found
        table = IcebergTables
        query = select(table.catalog_name, table.table_namespace, table.table_name, table.metadata_location)
        if names:
            query = query.where(table.catalog_name.in_(names))
        if only:
            space, name = _split(only)
            query = query.where(table.table_namespace == space, table.table_name == name)
        if (only_tables := self._iceberg_type_filter()) is not None:
            query = query.where(only_tables)
        with plainly(self.place), self.engine.connect() as connection:
            rows = connection.execute(query).all()
        for catalog, space, name, location in rows:
            if location:
                found.setdefault(catalog, {})[f"{space}.{name}"] = location
        return found

    def everywhere(self) -> frozenset[str]:
        """The locations of all metadata files that any catalog of the database points to."""
        if self.absent:
            return frozenset()
        with plainly(self.place), self.engine.connect() as connection:
            locations = connection.execute(select(IcebergTables.metadata_location)).scalars().all()
        return frozenset(location for location in locations if location)

    def pointer(self, name: str) -> str | None:
        """The location of one table's metadata file, None when there is no such table."""
        if self.absent:
            return None
        with plainly(self.place), self.engine.connect() as connection:
            return connection.execute(_POINTER, _key(self.name, name)).scalar()

    def published(self, pointers: Mapping[str, str]) -> dict[str, Published]:
        """What the metadata files say, each read once in the life of the process."""
        return self._files.published(pointers)

    def timelines(self, pointers: Mapping[str, str]) -> dict[str, Timeline]:
        """The past of tables, as their metadata files tell it."""
        return self._files.timelines(pointers)

    def table(self, name: str, location: str) -> Table:
        """A table as a metadata file describes it."""
        metadata = self._files.metadata(location)
        io = self._load_file_io(metadata.properties, location)
        return Table(identifier(name), metadata, location, io, self)

    def unborn(self, name: str, metadata: TableMetadata) -> Table:
        """A table that exists nowhere yet."""
        io = self._load_file_io(metadata.properties, metadata.location)
        return Table(identifier(name), metadata, "", io, self)

    @property
    def _files(self) -> Files:
        return Files.of(self.properties)

    # ---- the one transaction -----------------------------------------------------------------------------------

    def commit(self, changes: Sequence[TableCommit], held: Mapping[str, str | None]) -> None:
        """Writes the metadata files, then swaps all pointers at once; see `port.Catalog`.

        Raises:
            CommitMissedError: a table is not where it was expected; nothing was changed.
            SQLAlchemyError: as `swap` says.
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
            SQLAlchemyError: the database failed. Unless it failed before the commit, look what became of it.
        """
        # In one order, so that two runs that want the same tables wait for each other instead of blocking for ever.
        swaps = sorted(swaps, key=lambda swap: (swap.catalog, swap.name))
        there = [swap for swap in swaps if swap.old is not None]
        absent = [swap for swap in swaps if swap.old is None and swap.new is None]
        with self.engine.connect().execution_options(**{_BEGIN: _WRITES}) as connection, connection.begin():
            _change(connection, _MOVE, [swap for swap in there if swap.new is not None])
            _change(connection, _TAKE, [swap for swap in there if swap.new is None])
            for swap in absent:
                if connection.execute(_POINTER, _key(swap.catalog, swap.name)).first():
                    raise CommitMissedError(swap.name)
            if new := [swap for swap in swaps if swap.old is None and swap.new is not None]:
                self._add(connection, new)

    def _add(self, connection: Connection, swaps: Sequence[Swap]) -> None:
        known = IcebergNamespaceProperties
        rows = []
        spaces: dict[tuple[str, str], None] = {}
        for swap in swaps:
            space, table = _split(swap.name)
            spaces[swap.catalog, space] = None
            rows.append({**self._create_table_row(space, table, swap.new), "catalog_name": swap.catalog})
        for catalog, space in spaces:
            there = select(literal(1)).where(known.catalog_name == catalog, known.namespace == space)
            if not connection.execute(there).first():
                values = {"catalog_name": catalog, "namespace": space}
                connection.execute(insert(known).values(**values, property_key="exists", property_value="true"))
        connection.execute(insert(IcebergTables), rows)


def _change(connection: Connection, statement: Update | Delete, swaps: Sequence[Swap]) -> None:
    rows = [{**_key(swap.catalog, swap.name), "old": swap.old, "new": swap.new} for swap in swaps]
    if rows and connection.execute(statement, rows).rowcount != len(rows):
        raise CommitMissedError(", ".join(swap.name for swap in swaps))


# one table; the values are bound when it is executed
_IS = (
    IcebergTables.catalog_name == bindparam("catalog"),
    IcebergTables.table_namespace == bindparam("space"),
    IcebergTables.table_name == bindparam("table"),
)
_POINTER = select(IcebergTables.metadata_location).where(*_IS)
# one row, where its pointer is as expected
_OLD, _NEW = bindparam("old", type_=String), bindparam("new", type_=String)
_AT = (*_IS, IcebergTables.metadata_location == _OLD)
# a table that must only stay is written as it is: that locks its row and counts it
_BEFORE = case((_OLD == _NEW, IcebergTables.previous_metadata_location), else_=_OLD)
_MOVE = (
    update(IcebergTables)
    .where(*_AT)
    .values(metadata_location=_NEW, previous_metadata_location=_BEFORE)
    .execution_options(synchronize_session=False)
)
_TAKE = delete(IcebergTables).where(*_AT).execution_options(synchronize_session=False)


def _key(catalog: str, name: str) -> dict[str, str]:
    space, table = _split(name)
    return {"catalog": catalog, "space": space, "table": table}


def _split(name: str) -> tuple[str, str]:
    space, _, table = name.rpartition(".")
    return space, table


def _connected(connection: Any, _entry: ConnectionPoolEntry) -> None:
    # The driver would begin transactions late and by itself; `_begun` says when.
    connection.isolation_level = None
    connection.execute(f"PRAGMA busy_timeout={BUSY_MS}").close()


def _begun(connection: Connection) -> None:
    begin = connection.get_execution_options().get(_BEGIN, _READS)
    if begin:
        connection.exec_driver_sql(begin)
