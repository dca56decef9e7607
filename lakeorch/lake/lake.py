"""The lake: a catalog and a warehouse, read and changed through one door."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Literal

from pyiceberg.io import FileIO

from lakeorch.errors import CatalogError, LakeorchError
from lakeorch.lake import commit, opening
from lakeorch.lake.compare import rows_differ
from lakeorch.lake.drafting import amended, finished, new_draft, next_draft
from lakeorch.lake.drop import note
from lakeorch.lake.environment import Environment, EnvironmentCatalog, environment_of, environments
from lakeorch.lake.port import Catalog
from lakeorch.lake.remedy import plainly
from lakeorch.lake.rollback import Return, roll_back
from lakeorch.lake.scan import Scan, plain, scan_of
from lakeorch.lake.shelf import Shelf
from lakeorch.lake.staged import Draft, Mode, Staged
from lakeorch.lake.standing import stand_in
from lakeorch.lake.storage import Storage
from lakeorch.lake.turns import Turns
from lakeorch.lake.versions import Timeline
from lakeorch.model import Published, Schema
from lakeorch.types import Transform

if TYPE_CHECKING:
    from lakeorch.lake.upkeep import Upkeep


class Lake(Shelf):
    """A catalog and a warehouse.

    Every method raises CatalogError, with a remedy, when disk, catalog or network fails. All may be called from
    several threads.

    Attributes:
        warehouse: the folder or URL under which new tables lie, without a trailing `/`.
        environment: whose tables it shows in front of production's; empty for production.
    """

    def __init__(
        self,
        catalog: Catalog,
        warehouse: str,
        storage: Storage,
        turns: Turns,
        io: FileIO,
        own: Collection[str],
        environment: str = "",
    ) -> None:
        super().__init__(catalog, warehouse, storage, environment)
        self._turns = turns
        self._io = io
        self._own = own
        self._alone = False

    @classmethod
    def open(
        cls,
        uri: str,
        warehouse: str,
        *,
        name: str = opening.NAME,
        environment: str = "",
        properties: Mapping[str, str] | None = None,
        create: bool,
    ) -> Lake:
        """Opens a lake.

        Args:
            uri: of the catalog: `sqlite:///…`, `postgresql://…`, `https://…` for a server.
            warehouse: a folder or a URL.
            name: of the catalog inside its database.
            environment: show its tables in front of the catalog's, and change only those; empty for none.
            properties: settings of the file system and of a server's login, in pyiceberg's words (`s3.endpoint`, …).
            create: make folder and catalog where they are missing. Without, nothing is written, and a SQLite file
                that is not there is an empty lake.
        """
        found = opening.opened(uri, warehouse, name, environment, properties or {}, create=create)
        return cls(found.catalog, found.warehouse, found.storage, found.turns, found.io, found.own, environment)

    @property
    def guarantee(self) -> str:
        """What the catalog promises about a publish of several tables."""
        return self._catalog.guarantee

    def settle(self) -> None:
        """Carries a publish through that another run began and perhaps did not live to end."""
        with plainly(self.warehouse):
            self._catalog.settle()

    # ---- what is published -------------------------------------------------------------------------------------

    def published(self) -> dict[str, Published]:
        """All tables as of one moment: one statement reads all pointers."""
        return self._catalog.published(self._catalog.pointers())

    def pointers(self) -> dict[str, str]:
        """Table → location of its metadata file, for all tables, as of one moment."""
        return self._catalog.pointers()

    def described(self, pointers: Mapping[str, str]) -> dict[str, Published]:
        """Tables as they are at these pointers."""
        return self._catalog.published(pointers)

    def published_one(self, name: str) -> Published | None:
        """One table, None when there is none."""
        pointer = self._catalog.pointer(name)
        return None if pointer is None else self._catalog.published({name: pointer})[name]

    def timelines(self) -> dict[str, Timeline]:
        """The past of all tables, as of one moment."""
        return self._catalog.timelines(self._catalog.pointers())

    def published_at(self, line: Timeline, ms: int) -> Published | None:
        """A table as its own metadata showed it at a time; None where that file is not kept, or there was none yet."""
        location = line.file_at(ms)
        if location is None:
            return None
        try:
            return self._catalog.published({line.name: location})[line.name]
        except CatalogError:
            return None  # old metadata files may be removed at any time: whoever asks has to do without

    def scan(
        self,
        name: str,
        snapshot_id: int | None = None,
        location: str | None = None,
    ) -> Scan:
        """How to read a table.

        Args:
            name: of the table.
            snapshot_id: a snapshot of it, seen with the columns it had; the head of `main` by default.
            location: of a metadata file, to read the table as of that file; the current one by default.

        Raises:
            LakeorchError: there is no such table or snapshot.
        """
        pointer = location or self._catalog.pointer(name)
        if pointer is None:
            raise LakeorchError(f"there is no table {name}")
        table = self._catalog.table(name, pointer)
        metadata = table.metadata
        snapshot, schema = metadata.current_snapshot(), metadata.schema()
        if snapshot_id is not None:
            snapshot = stand_in(metadata, snapshot_id, compact=True)
            if snapshot is None:
                raise LakeorchError(f"{name}: there is no snapshot {snapshot_id}", hint="it may have expired")
            schema = next((s for s in metadata.schemas if s.schema_id == snapshot.schema_id), schema)
        with plainly(plain(metadata.location)):
            return scan_of(name, table.io, metadata, schema, snapshot)

    def location(self, name: str) -> str:
        """Where the table lies or would lie: a plain path on local disk, a URL in an object store."""
        pointer = self._catalog.pointer(name)
        if pointer is not None:
            return plain(self._catalog.table(name, pointer).metadata.location)
        return self._new_location(name)

    def _new_location(self, name: str) -> str:
        space, _, table = name.rpartition(".")
        return f"{self.warehouse}/{space}/{table}"

    # ---- staging -----------------------------------------------------------------------------------------------

    def draft(
        self,
        name: str,
        columns: Schema,
        *,
        full: bool,
        partition_by: Sequence[Transform] = (),
        sort_by: Sequence[str] = (),
    ) -> Draft:
        """Opens a change of a table.

        Args:
            name: of the table, which may be new.
            columns: what the query yields, in order, with descriptions.
            full: the table is made anew: columns that left go, types may change, partitions and order follow the
                arguments. Otherwise columns are only added or widened, and partitions stay.
            partition_by: of a new table, or with `full`.
            sort_by: column names, each optionally followed by ` desc`; as `partition_by`.

        Raises:
            LakeorchError: a type cannot change without `full`, or a partition that cannot be written.
        """
        pointer = self._catalog.pointer(name)
        with plainly(self._catalog.place):
            if pointer is None:
                return new_draft(self._catalog, name, self._new_location(name), columns, partition_by, sort_by)
            return next_draft(self._catalog, name, pointer, columns, partition_by, sort_by, full=full)

    def stage(
        self,
        draft: Draft,
        paths: Sequence[str],
        *,
        mode: Mode,
        removed: Sequence[str] = (),
        summary: Mapping[str, str],
        properties: Mapping[str, str | None],
        key: str,
    ) -> Staged:
        """Finishes a change with the files that were written: one snapshot, seen by nobody.

        Args:
            draft: used up by this call.
            paths: files written into `draft.directory`; none is fine.
            mode: `replace` drops all rows the table had, `append` none, `rewrite` the files in `removed`.
            removed: only for `rewrite`.
            summary: properties of the snapshot.
            properties: of the table; None or an empty text removes.
            key: of the record to come.

        Raises:
            LakeorchError: a file does not fit the table.
            MovedError: a file to remove is not in the table.
        """
        with plainly(draft.directory):
            return finished(draft, paths, mode, removed, summary, properties, key)

    def amend(
        self,
        name: str,
        snapshot_id: int | None,
        *,
        properties: Mapping[str, str | None],
        docs: Mapping[str, str] | None,
        key: str,
    ) -> Staged:
        """A change of table properties and column docs only, without a snapshot.

        Args:
            name: of the table.
            snapshot_id: the data snapshot it is about: valid only while the table is at it.
            properties: of the table; None or an empty text removes.
            docs: column → description; None leaves them.
            key: of the record to come.

        Raises:
            MovedError: the table is at another snapshot.
        """
        return amended(self._catalog, name, snapshot_id, properties, docs, key)

    def same_rows(self, draft: Draft, paths: Sequence[str]) -> Literal["different", "maybe"]:
        """Compares statistics of new files with the table's: `different` is proof, `maybe` is not."""
        with plainly(draft.directory):
            return "different" if rows_differ(draft, paths) else "maybe"

    # ---- publishing --------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """While this lasts, and no longer than is bearable for the others, only this lake publishes.

        For a run that others have overtaken: what it reads and makes now will still fit when it publishes.
        """
        with self._turns.hold(alone=True):
            self._alone = True
            try:
                yield
            finally:
                self._alone = False

    def is_queue(self) -> bool:
        """Whether a run goes `alone` just now: who has work to do had better wait for a turn of its own."""
        return self._turns.is_queue()

    def _turn(self) -> contextlib.AbstractContextManager[None]:
        return contextlib.nullcontext() if self._alone else self._turns.hold(alone=False)

    def publish(
        self, staged: Sequence[Staged], run_id: str, *, unmoved: Mapping[str, int | None] | None = None
    ) -> dict[str, int | None]:
        """Makes all changes current in one catalog transaction, then removes their records.

        Args:
            staged: at most one change a table.
            run_id: goes into the snapshots.
            unmoved: tables that the steps read → the data snapshot they must still be at (None: no data). Those in
                `staged` must still be at what their own change was made on.

        Returns:
            Table → its newest data snapshot.

        Raises:
            MovedError: an input or a table was moved by another run, or maintenance removed a record: plan again.
            ConflictError: a foreign writer is in the way.
        """
        self.require_kept(staged)
        with self._turn():
            done = commit.publish(self._catalog, staged, run_id, unmoved or {})
        # It is published, whatever becomes of the records: at worst one is found that the table has moved on from.
        with contextlib.suppress(CatalogError):
            self.forget(change.key for change in staged)
        return done

    def reject(self, staged: Staged, run_id: str) -> str:
        """Keeps the rows readable while `main` and the table's columns stay as they are; returns where.

        That is `branch rejected-<run> of ns.t`, or for a new table the path of a metadata file.

        Raises:
            ConflictError: the table is gone.
        """
        with plainly(self.warehouse):
            return commit.reject(self._catalog, staged, run_id)

    def roll_back(self, returns: Sequence[Return]) -> None:
        """Moves `main` of tables to other snapshots of theirs, all in one catalog transaction.

        Raises:
            MovedError: a table is no more where it was when this was decided.
        """
        with self.hold(f"rollback-{uuid.uuid4().hex[:12]}"), plainly(self.warehouse):
            roll_back(self._catalog, returns)

    def borrow(self, tables: Mapping[str, str]) -> None:
        """Shows tables of another lake in this one, to be read: name → metadata file. None of them may be here."""
        with plainly(self._catalog.place):
            self._catalog.register(tables)

    def upkeep(self) -> Upkeep:
        """What names tables, takes them away and keeps the lake small."""
        # a run needs none of it
        from lakeorch.lake.upkeep import Upkeep

        return Upkeep(self._catalog, self._storage, self._io, self.warehouse, self._own)

    # ---- environments ------------------------------------------------------------------------------------------

    def environments(self) -> dict[str, Environment]:
        """The environments that have tables of their own in this lake, by name."""
        return environments(self._catalog)

    def is_begun(self) -> bool:
        """Whether this environment has tables of its own, void ones too."""
        return isinstance(self._catalog, EnvironmentCatalog) and bool(self._catalog.own())

    def own(self) -> dict[str, Published]:
        """The tables that this environment shows of its own."""
        return self._catalog.published(self._catalog.live()) if isinstance(self._catalog, EnvironmentCatalog) else {}

    def void(self) -> frozenset[str]:
        """Tables that the environment built and that show production's again, because that has moved since."""
        return self._catalog.void() if isinstance(self._catalog, EnvironmentCatalog) else frozenset()

    def promote(self, tables: Mapping[str, str], run_id: str, *, unmoved: Mapping[str, int | None]) -> None:
        """Makes tables of this environment production's, in one catalog transaction.

        Args:
            tables: table → the metadata file that it is at in the environment.
            run_id: of the promotion; goes into the snapshots.
            unmoved: tables of production that they were made from → the data snapshot they must still be at.

        Raises:
            MovedError: something moved, in production or in the environment: plan again.
            ConflictError: somebody changed a table's partitions in production.
        """
        with self._turn(), plainly(self.warehouse):
            environment_of(self._catalog, self.environment).promote(tables, unmoved, run_id)

    def drop_environment(self) -> tuple[str, ...]:
        """Takes all of this environment's own tables away, in one transaction; returns their names."""
        catalog = environment_of(self._catalog, self.environment)
        with plainly(self.warehouse):
            note(catalog, self._storage, catalog.own())
        return catalog.clear()

    def close(self) -> None:
        """Frees the catalog's connections."""
        self._catalog.close()
