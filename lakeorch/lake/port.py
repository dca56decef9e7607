"""What lakeorch asks of a catalog: pointers to metadata files, and commits over several tables.

Every commit goes through here: publishing, rejecting, rolling back, dropping. A catalog in a database moves the
pointers in one transaction of its own (`catalog.DatabaseCatalog`); a server is sent updates with requirements, and
writes the metadata files itself (`rest.ServerCatalog`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from pyiceberg.io import FileIO
from pyiceberg.table import Table
from pyiceberg.table.metadata import TableMetadata
from pyiceberg.table.update import TableUpdate

from lakeorch.lake.versions import Timeline
from lakeorch.model import Published


class CommitMissedError(Exception):
    """A table was not where it was expected: nothing was changed. Look again, and try again."""


@dataclass(frozen=True, slots=True)
class TableCommit:
    """One table's part of a commit.

    Attributes:
        name: of the table.
        table: as it is, and must still be; None for a new one, which must not be there.
        updates: what to apply, in order; for a new table those that make it, too.
        io: access to its files.
        when: the time of the commit, milliseconds since 1970 UTC; a snapshot that the updates add carries it too. None
            for now.
    """

    name: str
    table: Table | None
    updates: tuple[TableUpdate, ...]
    io: FileIO
    when: int | None = None

    @property
    def location(self) -> str | None:
        """The metadata file at which the table must be, None where it must not be there."""
        return self.table.metadata_location if self.table else None


class Catalog(Protocol):
    """A catalog as the lake uses it. All methods may be called from several threads.

    Methods that read raise CatalogError where catalog or files cannot be reached. `commit`, `settle` and `drop` raise
    the catalog's own errors, which `remedy.passing` and `remedy.plainly` know: after one it is not known whether the
    commit was made, and whoever tries again must look first.
    """

    @property
    def place(self) -> str:
        """What to call the catalog in messages; no credentials are in it."""
        ...

    @property
    def guarantee(self) -> str:
        """What it promises about a commit over several tables, in a few words."""
        ...

    def pointers(self, of: Collection[str] | None = None) -> dict[str, str]:
        """Table → location of its metadata file, for all tables.

        Args:
            of: the tables that matter: a catalog that is asked table by table leaves out all others.
        """
        ...

    def everywhere(self) -> frozenset[str]:
        """The locations of all metadata files that this catalog, and any other kept in the same place, points to."""
        ...

    def pointer(self, name: str) -> str | None:
        """The location of one table's metadata file, None when there is no such table."""
        ...

    def published(self, pointers: Mapping[str, str]) -> dict[str, Published]:
        """What the tables say of themselves at these pointers."""
        ...

    def timelines(self, pointers: Mapping[str, str]) -> dict[str, Timeline]:
        """The past of tables, as told at these pointers."""
        ...

    def table(self, name: str, location: str) -> Table:
        """A table as a metadata file describes it."""
        ...

    def unborn(self, name: str, metadata: TableMetadata) -> Table:
        """A table that exists nowhere yet."""
        ...

    def commit(self, changes: Sequence[TableCommit], held: Mapping[str, str | None]) -> None:
        """Makes all changes, or none.

        Args:
            changes: at most one a table.
            held: tables that are not changed → the metadata file at which they must still be, None where there must be
                no such table.

        Raises:
            CommitMissedError: a table is not where it was expected; nothing was changed.
        """
        ...

    def register(self, tables: Mapping[str, str]) -> None:
        """Puts tables of another catalog into this one, all or none; nothing of theirs is written.

        Args:
            tables: table, which must not be there → its metadata file.
        """
        ...

    def settle(self) -> None:
        """Carries a commit through that was begun, by whomever, and perhaps never ended."""
        ...

    def drop(self, tables: Mapping[str, str]) -> None:
        """Takes tables out of the catalog, all or none; their files stay.

        Args:
            tables: table → the metadata file at which it must still be.

        Raises:
            CommitMissedError: a table is not where it was expected; nothing was changed.
        """
        ...

    def close(self) -> None:
        """Frees its connections."""
        ...


def identifier(name: str) -> tuple[str, ...]:
    """`a.b.t` as pyiceberg has it."""
    return tuple(name.split("."))
