"""An environment: production's catalog with tables of its own in front of it. Nothing is copied.

Its own tables are rows of a second catalog name in the same database (`lakeorch_dev` beside `lakeorch`); what has none
is production's. A table that changes first is a clone: production's metadata with the change upon it, at the table's
own location, and only the environment's row points to it. `lakeorch.clone` says which state of production it grew
from. Where production's data or columns have moved since, the clone is void: production's table shows again, until
the next publish replaces the row.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from pyiceberg.manifest import DataFile
from pyiceberg.table import Table
from pyiceberg.table.metadata import TableMetadata
from pyiceberg.table.update import SetPropertiesUpdate

from lakeorch.errors import ConflictError, MovedError, UsageError
from lakeorch.lake.catalog import DatabaseCatalog, Swap
from lakeorch.lake.commit import patiently
from lakeorch.lake.metadata import write, written
from lakeorch.lake.port import Catalog, CommitMissedError, TableCommit
from lakeorch.lake.promotion import promoted
from lakeorch.lake.published import CLONE, ENVIRONMENT
from lakeorch.lake.remedy import plainly
from lakeorch.lake.scan import live
from lakeorch.lake.staged import stamped
from lakeorch.lake.versions import Timeline
from lakeorch.model import Published


@dataclass(frozen=True, slots=True)
class _Rows:
    """Where tables stand: those of production, those of the environment, and which of the latter are void."""

    production: Mapping[str, str]
    own: Mapping[str, str]
    void: frozenset[str]

    def shown(self) -> dict[str, str]:
        """Table → metadata file, as the environment shows it; a void table that production has not is not there."""
        return {**self.production, **{name: at for name, at in self.own.items() if name not in self.void}}

    def at(self, name: str) -> str | None:
        """The metadata file of one table as the environment shows it."""
        return self.production.get(name) if name in self.void or name not in self.own else self.own[name]


@dataclass(frozen=True, slots=True)
class Environment:
    """What an environment holds.

    Attributes:
        name: of the environment.
        tables: its own tables, as they are; by name.
        void: those that show production's again, because that has moved since.
        rows, bytes: in data files of its own tables that production's do not have.
    """

    name: str
    tables: Mapping[str, Published]
    void: frozenset[str]
    rows: int
    bytes: int


class EnvironmentCatalog:
    """A catalog, as `port.Catalog` has it, that reads through to production's and never changes it but to promote.

    Args:
        name: of the environment.
        production: the catalog behind it.
    """

    def __init__(self, name: str, production: DatabaseCatalog) -> None:
        self.environment = name
        self.name = f"{production.name}_{name}"
        self.place = production.place
        self.guarantee = production.guarantee
        self._production = production

    # ---- reading -----------------------------------------------------------------------------------------------

    def pointers(self, of: Collection[str] | None = None) -> dict[str, str]:
        """Table → metadata file, as of one moment."""
        del of
        return self._rows().shown()

    def everywhere(self) -> frozenset[str]:
        """The locations of all metadata files that any catalog of the database points to."""
        return self._production.everywhere()

    def pointer(self, name: str) -> str | None:
        """One table's metadata file, None when there is no such table."""
        return self._rows(name).at(name)

    def published(self, pointers: Mapping[str, str]) -> dict[str, Published]:
        """What the tables say of themselves at these pointers."""
        return self._production.published(pointers)

    def timelines(self, pointers: Mapping[str, str]) -> dict[str, Timeline]:
        """The past of tables, as told at these pointers; that of a clone begins with production's."""
        return self._production.timelines(pointers)

    def table(self, name: str, location: str) -> Table:
        """A table as a metadata file describes it."""
        return self._production.table(name, location)

    def unborn(self, name: str, metadata: TableMetadata) -> Table:
        """A table that exists nowhere yet."""
        return self._production.unborn(name, metadata)

    def close(self) -> None:
        """Frees the connections."""
        self._production.close()

    def own(self) -> dict[str, str]:
        """The metadata files of the environment's own tables, void ones too."""
        return self._production.catalogs(self.name)[self.name]

    def live(self) -> dict[str, str]:
        """Those of its own tables that it shows."""
        rows = self._rows()
        return {name: location for name, location in rows.own.items() if name not in rows.void}

    def void(self) -> frozenset[str]:
        """Its own tables that are void: production moved since they were built."""
        return self._rows().void

    def look(self) -> Environment:
        """What the environment holds."""
        rows = self._rows()
        clones = {name: found for name, found in self._production.published(rows.own).items() if _base(found)}
        own = [file for name in clones for file in self._files(name, rows.own[name])]
        theirs = [
            file for name in clones if name in rows.production for file in self._files(name, rows.production[name])
        ]
        known = {file.file_path for file in theirs}
        extra = [file for file in own if file.file_path not in known]
        return Environment(
            self.environment,
            clones,
            rows.void & clones.keys(),
            sum(file.record_count for file in extra),
            sum(file.file_size_in_bytes for file in extra),
        )

    def _files(self, name: str, location: str) -> list[DataFile]:
        """The live data files of a table at a metadata file."""
        table = self.table(name, location)
        with plainly(location):
            return [entry.data_file for entry in live(table.io, table.metadata.current_snapshot())]

    def _rows(self, only: str = "") -> _Rows:
        found = self._production.catalogs(self._production.name, self.name, only=only)
        production, own = found[self._production.name], found[self.name]
        both = [name for name in own if name in production]
        clones = self._production.published(own)
        behind = self._production.published({name: production[name] for name in both})
        void = {name for name, clone in clones.items() if _base(clone) != _stand(behind.get(name))}
        return _Rows(production, own, frozenset(void))

    # ---- changing ----------------------------------------------------------------------------------------------

    def commit(self, changes: Sequence[TableCommit], held: Mapping[str, str | None]) -> None:
        """Makes all changes in the environment, in one transaction; see `port.Catalog`.

        Production must not move meanwhile either: what the environment shows is of one moment.
        """
        rows = self._rows()
        for name, location in (*((change.name, change.location) for change in changes), *held.items()):
            if rows.at(name) != location:
                raise CommitMissedError(name)
        names = [*(change.name for change in changes), *held]
        swaps = [Swap(self._production.name, name, at, at) for name in names for at in [rows.production.get(name)]]
        swaps += [Swap(self.name, name, at, at) for name in held for at in [rows.own.get(name)]]
        swaps += [Swap(self.name, c.name, rows.own.get(c.name), written(self._marked(c, rows))) for c in changes]
        self._production.swap(swaps)

    def settle(self) -> None:
        """Nothing, as for the database's catalog."""

    def register(self, tables: Mapping[str, str]) -> None:
        """Refused: what an environment has of its own is made in it."""
        for name in sorted(tables):
            raise ConflictError(name, f"environment {self.environment} takes no table from elsewhere")

    def drop(self, tables: Mapping[str, str]) -> None:
        """Takes tables of the environment's own away, so that production's show again."""
        rows = self._rows()
        for name, location in tables.items():
            if rows.at(name) != location:
                raise CommitMissedError(name)
            if rows.own.get(name) != location:
                raise ConflictError(
                    name, f"it is production's, environment {self.environment} has none", hint="drop it without --env"
                )
        self._production.swap([Swap(self.name, name, location, None) for name, location in tables.items()])

    def clear(self) -> tuple[str, ...]:
        """Takes all of the environment's own tables away, in one transaction; their files stay. Returns their names."""

        def act() -> tuple[str, ...]:
            own = self.own()
            self._production.swap([Swap(self.name, name, location, None) for name, location in own.items()])
            return tuple(sorted(own))

        return patiently(self, act)

    def promote(self, tables: Mapping[str, str], held: Mapping[str, int | None], run_id: str) -> None:
        """Makes tables of the environment production's, all in one transaction; they are the environment's no more.

        Args:
            tables: table → the metadata file of the environment's that is to be promoted.
            held: production's tables that must not have moved → their data snapshot, None for none.
            run_id: of the promotion.

        Raises:
            MovedError: a table moved, in production or in the environment: plan again.
            ConflictError: somebody changed production's partitions.
        """
        sent: dict[str, str] = {}
        patiently(self, lambda: self._promote(tables, held, run_id, sent))

    def _promote(
        self, tables: Mapping[str, str], held: Mapping[str, int | None], run_id: str, sent: dict[str, str]
    ) -> None:
        rows = self._rows()
        if sent and all(self._landed(rows, name, location) for name, location in sent.items()):
            return  # the reply was lost, the commit was not
        for name, location in tables.items():
            if rows.at(name) != location:
                who = "production" if name in rows.void else f"environment {self.environment}"
                raise MovedError(name, f"{who} moved while it was to be promoted")
        behind = self._production.published({n: rows.production[n] for n in held if n in rows.production})
        for name, expected in held.items():
            if (behind[name].snapshot_id if name in behind else None) != expected:
                raise MovedError(name, "production moved it while what reads it was to be promoted")
        swaps = [Swap(self._production.name, name, at, at) for name in held for at in [rows.production.get(name)]]
        sent.clear()
        sent.update(self._written(tables, rows, run_id))
        for name, location in tables.items():
            swaps.append(Swap(self._production.name, name, rows.production.get(name), sent[name]))
            swaps.append(Swap(self.name, name, location, None))
        self._production.swap(swaps)

    def _written(self, tables: Mapping[str, str], rows: _Rows, run_id: str) -> dict[str, str]:
        """Writes the metadata files that production will point to; returns where."""
        own = self._production.published(tables)
        behind = self._production.published({n: rows.production[n] for n in tables if n in rows.production})
        pairs = {
            name: (self.table(name, at), self.table(name, behind[name].location) if name in behind else None)
            for name, at in tables.items()
        }
        last = max(table.metadata.last_updated_ms for pair in pairs.values() for table in pair if table is not None)
        when = max(int(time.time() * 1000), last + 1)
        found = {}
        for name, (clone, production) in pairs.items():
            moves = production is not None and own[name].snapshot_id != behind[name].snapshot_id
            metadata = promoted(clone, production, run_id, when, moves=moves)
            found[name] = write(metadata, clone.io, production.metadata_location if production else None)
        return found

    def _landed(self, rows: _Rows, name: str, location: str) -> bool:
        """Whether a promotion that was sent was made, although production may have moved on since."""
        now = rows.production.get(name)
        if now is None or name in rows.own:
            return False
        older = self.table(name, now).metadata.metadata_log
        return now == location or any(entry.metadata_file == location for entry in older)

    def _marked(self, change: TableCommit, rows: _Rows) -> TableCommit:
        """The change with the state of production that it grew from, and the environment in its snapshot."""
        if change.location is not None and change.location == rows.own.get(change.name):
            text = change.table.metadata.properties[CLONE] if change.table else ""
        else:
            behind = {change.name: change.location} if change.location else {}
            stand = _stand(self._production.published(behind).get(change.name))
            text = json.dumps({"environment": self.environment, **stand}, sort_keys=True)
        # the last word: a roll-back brings table properties of earlier with it
        updates = (*change.updates, SetPropertiesUpdate(updates={CLONE: text}))
        return replace(change, updates=stamped(updates, summary={ENVIRONMENT: self.environment}))


def environment_of(catalog: Catalog, name: str) -> EnvironmentCatalog:
    """An environment of a catalog, or the one that it is already.

    Raises:
        UsageError: a catalog that can have none.
    """
    if isinstance(catalog, EnvironmentCatalog):
        return catalog
    if not isinstance(catalog, DatabaseCatalog):
        raise UsageError(
            f"{catalog.place}: a REST catalog has no room for environment {name} beside production",
            hint=f"give it a catalog of its own in lakeorch.yml, under environments: {name}",
        )
    return EnvironmentCatalog(name, catalog)


def environments(catalog: Catalog) -> dict[str, Environment]:
    """The environments that have tables of their own in the database of a catalog, by name."""
    production = catalog._production if isinstance(catalog, EnvironmentCatalog) else catalog
    if not isinstance(production, DatabaseCatalog):
        return {}
    prefix = f"{production.name}_"
    names = sorted(name.removeprefix(prefix) for name in production.catalogs() if name.startswith(prefix))
    return {found.name: found for name in names if (found := EnvironmentCatalog(name, production).look()).tables}


def _stand(published: Published | None) -> dict[str, str | None]:
    """A state of production's table, as a clone remembers it: its newest data snapshot, and its columns."""
    if published is None:
        return {"base": None, "columns": None}
    columns = json.dumps([[column.name, column.type] for column in published.columns])
    return {
        "base": str(published.snapshot_id or 0),
        "columns": hashlib.blake2b(columns.encode(), digest_size=8).hexdigest(),
    }


def _base(clone: Published) -> dict[str, str | None]:
    """What a clone grew from; nothing that fits where it does not say so."""
    try:
        told = json.loads(clone.properties[CLONE])
        return {"base": told["base"], "columns": told["columns"]}
    except (KeyError, ValueError, TypeError):
        return {}
