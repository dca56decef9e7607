"""The catalog: pointers to metadata files, and the one transaction that swaps them.

One code path for SQLite and Postgres: pyiceberg's SqlCatalog owns the tables and the connection, so that every other
Iceberg client sees the same catalog; swapping several pointers at once is what it lacks.
"""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from pyiceberg.catalog.sql import IcebergNamespaceProperties, IcebergTables, SqlCatalog, SqlCatalogBaseTable
from pyiceberg.io import FileIO, load_file_io
from pyiceberg.table import Table
from pyiceberg.table.metadata import TableMetadata, TableMetadataUtil
from sqlalchemy import Connection, String, bindparam, case, event, insert, inspect, literal, select, update
from sqlalchemy.exc import OperationalError, SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry

from lakeorch.errors import CatalogError
from lakeorch.lake.published import published_of
from lakeorch.lake.remedy import passing, plainly
from lakeorch.lake.scan import plain
from lakeorch.lake.versions import Timeline, timeline_of
from lakeorch.model import Published

BUSY_MS = 10_000
_RETRY_S = 0.02
# How a SQLite transaction begins: one that read first and writes later fails at once when another wrote in between.
_BEGIN = "lakeorch_begin"
_READS, _WRITES, _OUTSIDE = "BEGIN", "BEGIN IMMEDIATE", ""


class SwapMissedError(Exception):
    """A pointer was not where it was expected: nothing was changed."""


@dataclass(frozen=True, slots=True, order=True)
class Swap:
    """A pointer to move: from `old` (None: the table is not there) to `new` (equal to `old`: it must only stay)."""

    name: str
    old: str | None
    new: str | None


class Catalog(SqlCatalog):
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

    # ---- reading -----------------------------------------------------------------------------------------------

    def pointers(self) -> dict[str, str]:
        """Table → location of its metadata file, for all tables, as of one moment."""
        if self.absent:
            return {}
        table = IcebergTables
        query = select(table.table_namespace, table.table_name, table.metadata_location).where(
            table.catalog_name == self.name
        )
        if (only_tables := self._iceberg_type_filter()) is not None:
            query = query.where(only_tables)
        with plainly(self.place), self.engine.connect() as connection:
            rows = connection.execute(query).all()
        return {f"{space}.{name}": location for space, name, location in rows if location}

    def pointer(self, name: str) -> str | None:
        """The location of one table's metadata file, None when there is no such table."""
        if self.absent:
            return None
        with plainly(self.place), self.engine.connect() as connection:
            return connection.execute(select(IcebergTables.metadata_location).where(*self._is(name))).scalar()

    def published(self, pointers: Mapping[str, str]) -> dict[str, Published]:
        """What the metadata files say, each read once in the life of the process."""
        with ThreadPoolExecutor(max_workers=8) as pool:
            return dict(zip(pointers, pool.map(self._published, pointers, pointers.values()), strict=True))

    def _published(self, name: str, location: str) -> Published:
        return _published(self._files, name, location)

    def timelines(self, pointers: Mapping[str, str]) -> dict[str, Timeline]:
        """The past of tables, as their metadata files tell it."""
        with ThreadPoolExecutor(max_workers=8) as pool:
            return dict(zip(pointers, pool.map(self._timeline, pointers, pointers.values()), strict=True))

    def _timeline(self, name: str, location: str) -> Timeline:
        document = _json(self._files, location)
        with _readable(location):
            return timeline_of(name, location, document)

    def table(self, name: str, location: str) -> Table:
        """A table as a metadata file describes it."""
        metadata = _metadata(self._files, location)
        io = self._load_file_io(metadata.properties, location)
        return Table(identifier(name), metadata, location, io, self)

    @property
    def _files(self) -> _Files:
        return _Files(tuple(sorted((k, str(v)) for k, v in self.properties.items())))

    def _is(self, name: str) -> tuple[Any, ...]:
        space, _, table = name.rpartition(".")
        return (
            IcebergTables.catalog_name == self.name,
            IcebergTables.table_namespace == space,
            IcebergTables.table_name == table,
        )

    # ---- the one transaction -----------------------------------------------------------------------------------

    def swap(self, swaps: Sequence[Swap]) -> None:
        """Moves all pointers, or none.

        Raises:
            SwapMissedError: a pointer is not at `old`; nothing was changed.
            SQLAlchemyError: the database failed. Unless it failed before the commit, look what became of it.
        """
        with self.engine.connect().execution_options(**{_BEGIN: _WRITES}) as connection, connection.begin():
            # By name, so that two runs that want the same tables wait for each other instead of blocking for ever.
            self._move(connection, sorted(s for s in swaps if s.old is not None))
            for swap in sorted(s for s in swaps if s.old is None):
                if swap.new is None:
                    if connection.execute(select(literal(1)).where(*self._is(swap.name))).first():
                        raise SwapMissedError(swap.name)
                else:
                    self._add(connection, swap.name, swap.new)

    def _move(self, connection: Connection, swaps: Sequence[Swap]) -> None:
        if not swaps:
            return
        table = IcebergTables
        old, new = bindparam("old", type_=String), bindparam("new", type_=String)
        statement = (
            update(table)
            .where(
                table.catalog_name == self.name,
                table.table_namespace == bindparam("space"),
                table.table_name == bindparam("table"),
                table.metadata_location == old,
            )
            # A table that must only stay is written as it is: that locks its row and counts it.
            .values(
                metadata_location=new,
                previous_metadata_location=case((old == new, table.previous_metadata_location), else_=old),
            )
            .execution_options(synchronize_session=False)
        )
        rows = [dict(zip(("space", "table"), _split(s.name), strict=True), old=s.old, new=s.new) for s in swaps]
        if connection.execute(statement, rows).rowcount != len(swaps):
            raise SwapMissedError(", ".join(s.name for s in swaps))

    def _add(self, connection: Connection, name: str, location: str) -> None:
        space, table = _split(name)
        known = IcebergNamespaceProperties
        there = select(literal(1)).where(known.catalog_name == self.name, known.namespace == space)
        if not connection.execute(there).first():
            values = {"catalog_name": self.name, "namespace": space, "property_key": "exists", "property_value": "true"}
            connection.execute(insert(known).values(**values))
        connection.execute(insert(IcebergTables).values(**self._create_table_row(space, table, location)))


def identifier(name: str) -> tuple[str, ...]:
    """`a.b.t` as pyiceberg has it."""
    return tuple(name.split("."))


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


# ---- metadata files, parsed once: a location is never written twice --------------------------------------------


@dataclass(frozen=True, slots=True)
class _Files:
    properties: tuple[tuple[str, str], ...]

    def io(self, location: str) -> FileIO:
        return load_file_io(dict(self.properties), location)


def _json(files: _Files, location: str) -> dict[str, Any]:
    with _readable(location):
        with files.io(location).new_input(location).open() as stream:
            content = bytes(stream.read())
        if location.endswith(".gz.metadata.json"):
            content = gzip.decompress(content)
        document = json.loads(content)
        if not isinstance(document, dict):
            raise ValueError("not an object")
        return document


@contextmanager
def _readable(location: str) -> Iterator[None]:
    try:
        with plainly(plain(location)):
            yield
    except ValueError as error:
        raise CatalogError(
            f"{plain(location)}: the table's metadata file is damaged",
            hint="restore it from a backup, or drop the table from the catalog and run again",
        ) from error


@lru_cache(maxsize=20_000)
def _published(files: _Files, name: str, location: str) -> Published:
    document = _json(files, location)
    with _readable(location):
        return published_of(name, location, document)


@lru_cache(maxsize=64)
def _metadata(files: _Files, location: str) -> TableMetadata:
    document = _json(files, location)
    with _readable(location):
        return TableMetadataUtil.parse_obj(document)
