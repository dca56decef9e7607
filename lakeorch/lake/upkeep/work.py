"""Maintenance of the tables of one lake, piece by piece; the order of the pieces is the caller's (`project.maintain`).

Nothing is deleted that a catalog pointer, a kept record, a dropped table within its term or a live run could need; what
cannot be read stops the work before anything is deleted.
"""

from __future__ import annotations

import contextlib
import time
import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pyiceberg.io import FileIO
from pyiceberg.table.metadata import TableMetadata

from lakeorch.errors import ConflictError
from lakeorch.lake.change import Change
from lakeorch.lake.commit import at_one_time, patiently
from lakeorch.lake.drop import Dropped, drop, drops
from lakeorch.lake.footer import data_file
from lakeorch.lake.leases import Lease, held, leases, writers
from lakeorch.lake.port import Catalog, TableCommit
from lakeorch.lake.remedy import plainly
from lakeorch.lake.scan import live, plain
from lakeorch.lake.snapshot import mergeable
from lakeorch.lake.standing import MAINTAINED
from lakeorch.lake.storage import Storage, Stored, stored
from lakeorch.lake.tags import set_tag
from lakeorch.lake.upkeep import sweep
from lakeorch.lake.upkeep.compact import MIN_MANIFESTS, Pack, Rearranged, Repacked, is_compactable, packs
from lakeorch.lake.upkeep.kept import Kept, told_apart
from lakeorch.lake.upkeep.policy import Clock, Policy, expiry, updates_of
from lakeorch.lake.upkeep.reach import Reach, readable
from lakeorch.model import Inputs

# clocks of hosts and of object stores differ; what a live run made is known by its time
SKEW_MS = 300_000
_DELETERS = 8


@dataclass(frozen=True, slots=True)
class Tended:
    """What became of one table.

    Attributes:
        snapshots: how many there are now, `expired` of which there were more before.
        branches: of rejected rows that were dropped, and references whose term had passed.
        packed, files: small files that were rewritten, and how many they became.
        manifests: how many became one.
    """

    name: str
    snapshots: int = 0
    expired: int = 0
    branches: tuple[str, ...] = ()
    packed: int = 0
    files: int = 0
    manifests: int = 0

    @property
    def changed(self) -> bool:
        """Whether anything was done."""
        return bool(self.expired or self.branches or self.packed or self.manifests)


@dataclass
class _Sent:
    """The snapshot of a compaction that was sent to the catalog, perhaps more than once, and what it does."""

    snapshot_id: int | None = None
    done: tuple[int, int, int] = (0, 0, 0)


class Upkeep:
    """Maintenance of one lake.

    Args:
        catalog: of the lake.
        storage: of what lakeorch keeps beside tables.
        io: access to the warehouse.
        warehouse: its place.
        own: files in the warehouse that are the catalog's own.
    """

    def __init__(
        self, catalog: Catalog, storage: Storage, io: FileIO, warehouse: str, own: Collection[str] = ()
    ) -> None:
        self._catalog = catalog
        self._storage = storage
        self._io = io
        self._warehouse = warehouse
        self._own = own
        self._reach = Reach()
        self._instead: dict[str, TableMetadata] = {}

    # ---- who is at work ----------------------------------------------------------------------------------------

    def clock(self, grace: float, *, but: str) -> Clock:
        """The times to go by: a run that is under way, all but one, moves the horizon to when it began.

        Args:
            grace: for so many seconds nothing is touched that was made, or was current.
            but: the caller's own run.
        """
        now = int(time.time() * 1000)
        began = [int(lease.started * 1000) - SKEW_MS for lease in self.at_work(but)]
        return Clock(now, min([now - int(grace * 1000), *began]))

    def at_work(self, but: str) -> list[Lease]:
        """The runs under way, all but one."""
        with plainly(self._warehouse):
            return [lease for lease in leases(self._storage) if lease.run_id != but and lease.is_live(time.time())]

    def forget_dead_runs(self) -> None:
        """Removes the leases of runs that were not heard of for an hour."""
        with plainly(self._warehouse):
            for lease in leases(self._storage):
                if not lease.is_live(time.time()):
                    self._storage.remove(lease.name)

    # ---- what is kept ------------------------------------------------------------------------------------------

    def kept(self, files: Iterable[Stored], clock: Clock, seconds: float) -> Kept:
        """Finished steps, told apart; see `kept.told_apart`."""
        with plainly(self._warehouse):
            return told_apart(self._catalog, self._storage, self._warehouse, files, clock, seconds)

    def remove_records(self, kept: Kept, but: str) -> None:
        """Removes the records that are of no more use; their files are then nobody's.

        A run that is under way may have taken one up before: then their files are kept for this once, and the run
        finds before it publishes that the record is gone.
        """
        with plainly(self._warehouse):
            for name in kept.gone:
                self._storage.remove(name)
        if kept.aged and self.at_work(but):
            kept.records += kept.aged

    def needed(self) -> set[int]:
        """The snapshots that published tables, of whatever catalog, name as what their current rows were made from."""
        found: set[int] = set()
        for table in self._catalog.published(self.tables()).values():
            text = table.properties.get("lakeorch.inputs")
            if text:
                with contextlib.suppress(ValueError):
                    found |= {id for id in Inputs.from_json(text).tables.values() if id is not None}
        return found

    def tables(self) -> dict[str, str]:
        """The tables that may have files here: those of this catalog, and others that lie in the warehouse.

        Tables of another lake, that only show here, are none of them.
        """
        own = self._catalog.pointers()
        others = self._catalog.everywhere() - set(own.values())
        named = {**own, **{f"_.{number}": at for number, at in enumerate(sorted(others))}}
        return {name: at for name, at in named.items() if plain(at).startswith(f"{self._warehouse}/")}

    # ---- one table ---------------------------------------------------------------------------------------------

    def packs(self, name: str) -> list[Pack]:
        """The small files of a table that pay to be rewritten."""
        location = self._catalog.pointer(name)
        if location is None:
            return []
        table = self._catalog.table(name, location)
        with readable(plain(table.metadata.location)):
            return packs(table)

    def tend(
        self,
        name: str,
        policy: Policy,
        clock: Clock,
        *,
        needed: Collection[int],
        staged: Collection[int],
        repacked: Sequence[Repacked] = (),
        dry: bool = False,
    ) -> Tended:
        """Expires what a table need not keep, drops old branches, puts rewritten files and merged manifests in place.

        A table that another writer moves meanwhile is looked at again; files that it took away meanwhile are not
        replaced, and what was written in their place is left to the sweep.

        Args:
            name: of the table.
            policy: what is kept of its past.
            clock: the time.
            needed: snapshots that tables were made from, see `needed`.
            staged: snapshots that the next run may publish.
            repacked: files that were rewritten.
            dry: only tell what would be done.
        """
        sent = _Sent()
        return patiently(
            self._catalog, lambda: self._tend(name, policy, clock, needed, staged, repacked, sent, dry=dry)
        )

    def _tend(
        self,
        name: str,
        policy: Policy,
        clock: Clock,
        needed: Collection[int],
        staged: Collection[int],
        repacked: Sequence[Repacked],
        sent: _Sent,
        *,
        dry: bool,
    ) -> Tended:
        location = self._catalog.pointer(name)
        if location is None:
            return Tended(name)
        table = self._catalog.table(name, location)
        change = Change(table)
        with plainly(self._warehouse):
            with readable(plain(table.metadata.location)):
                done = self._rearrange(change, repacked, sent, dry=dry)
            now = change.table_metadata
            gone = expiry(now, policy, clock, needed=needed, staged=staged)
            left = [s for s in now.snapshots if s.snapshot_id not in set(gone.snapshots)]
            specs = {m.partition_spec_id for s in left for m in self._reach.manifests(table.io, s)}
            change._apply(updates_of(now, gone, specs))
            if dry:
                self._instead[location] = change.table_metadata
            elif change.updates:
                self._catalog.commit(at_one_time([TableCommit(name, table, change.updates, table.io)], {}), {})
        return Tended(name, len(left), len(gone.snapshots), gone.branches, *done)

    def _rearrange(
        self, change: Change, repacked: Sequence[Repacked], sent: _Sent, *, dry: bool
    ) -> tuple[int, int, int]:
        """Adds the snapshot of a compaction to a change; small files, what they became, manifests that became one."""
        table = change.table
        metadata = table.metadata
        if any(snapshot.snapshot_id == sent.snapshot_id for snapshot in metadata.snapshots):
            return sent.done  # the reply was lost, the commit was not
        if not is_compactable(table):
            return 0, 0, 0
        files = {plain(entry.data_file.file_path) for entry in live(table.io, metadata.current_snapshot())}
        still = [pack for pack in repacked if files >= set(pack.removed)]
        snapshot = metadata.current_snapshot()
        manifests = mergeable(metadata, self._reach.manifests(table.io, snapshot), MIN_MANIFESTS) if snapshot else []
        removed = [path for pack in still for path in pack.removed]
        added = [path for pack in still for path in pack.added]
        if not dry and (removed or manifests):
            with contextlib.suppress(ConflictError):
                new = [data_file(table.io, metadata, path) for path in added]
                producer = Rearranged(change, new, removed, snapshot_id=sent.snapshot_id)
                producer.commit()
                sent.snapshot_id = producer.snapshot_id
        sent.done = len(removed), len(added), len(manifests)
        return sent.done

    def stamp(self, name: str, clock: Clock) -> None:
        """Says in a table when the lake was last maintained."""
        location = self._catalog.pointer(name)
        if location is not None:
            table = self._catalog.table(name, location)
            change = Change(table)
            change.set_values({MAINTAINED: datetime.fromtimestamp(clock.now / 1000, UTC).isoformat(timespec="seconds")})
            self._catalog.commit(at_one_time([TableCommit(name, table, change.updates, table.io)], {}), {})

    # ---- names, and the end of tables ---------------------------------------------------------------------------

    def set_tag(self, tag: str, targets: Mapping[str, int | None]) -> None:
        """Sets a tag of tables, or takes it away (None), all in one commit.

        Raises:
            UsageError: a branch is called so, or a snapshot has expired meanwhile.
        """
        with plainly(self._warehouse), held(self._storage, f"tag-{uuid.uuid4().hex[:12]}"):
            set_tag(self._catalog, tag, targets)

    def drop(self, tables: Mapping[str, str]) -> list[Dropped]:
        """Takes tables out of the catalog, all or none; their files are deleted when the grace has passed.

        Args:
            tables: name → the metadata file at which the decision was made.

        Raises:
            MovedError: a table is no more where it was.
        """
        with plainly(self._warehouse), held(self._storage, f"drop-{uuid.uuid4().hex[:12]}"):
            return drop(self._catalog, self._storage, tables)

    # ---- files -------------------------------------------------------------------------------------------------

    def files(self) -> list[Stored]:
        """Every file of the warehouse."""
        with plainly(self._warehouse):
            return list(stored(self._io, self._warehouse))

    def unneeded(self, files: Sequence[Stored], kept: Kept, clock: Clock) -> sweep.Swept:
        """Tells which files nothing needs. Raises CatalogError where something cannot be read that must be."""
        digests = set(kept.digests)
        folders: set[str] = set()
        for name, location in self.tables().items():
            metadata = self._instead.get(location) or self._catalog.table(name, location).metadata
            self._reach.table(self._io, metadata, location)
            digests |= sweep.digests_in(metadata.model_dump_json())
            folders.add(plain(metadata.location))
        for dropped in drops(self._storage):
            folders.add(dropped.folder)
            if dropped.at >= clock.horizon and self._is_there(dropped.location):
                metadata = self._catalog.table(dropped.table, dropped.location).metadata
                self._reach.table(self._io, metadata, dropped.location)
                digests |= sweep.digests_in(metadata.model_dump_json())
        with plainly(self._warehouse):
            for record in kept.records:
                if record.kept_at.endswith(".metadata.json"):
                    self._reach.files.add(record.kept_at)
                if record.staged is not None and record.staged.snapshot is not None:
                    self._reach.snapshots(record.staged.io, [record.staged.snapshot])
        folders |= sweep.never_made(files, self._warehouse, folders)
        return sweep.sort_out(
            files,
            warehouse=self._warehouse,
            folders=folders,
            alive=self._reach.files,
            digests=digests,
            known=self._own,
            horizon=clock.horizon,
        )

    def _is_there(self, location: str) -> bool:
        with plainly(self._warehouse):
            return self._io.new_input(location).exists()

    def others(self) -> list[str]:
        """What other catalogs have written into this warehouse: what they need cannot be known here."""
        with plainly(self._warehouse):
            return [place for place in writers(self._storage) if not _is_same(place, self._catalog.place)]

    def forget_drops(self, clock: Clock) -> None:
        """Removes what is kept of dropped tables whose term has passed; their files are deleted by then."""
        with plainly(self._warehouse):
            for dropped in drops(self._storage):
                if dropped.at < clock.horizon:
                    self._storage.remove(dropped.name)

    def delete(self, files: Sequence[Stored]) -> None:
        """Deletes files; one that is gone already is no error."""

        def one(file: Stored) -> None:
            with contextlib.suppress(FileNotFoundError):
                self._io.delete(file.path)

        # metadata files first: a table that lacks only some of its data files would look damaged to whoever comes next
        first = [file for file in files if file.path.endswith(".metadata.json")]
        rest = [file for file in files if not file.path.endswith(".metadata.json")]
        with plainly(self._warehouse), ThreadPoolExecutor(_DELETERS) as pool:
            list(pool.map(one, first))
            list(pool.map(one, rest))


def _is_same(one: str, other: str) -> bool:
    """Whether two names are of one catalog: a file may be reached by several paths."""
    with contextlib.suppress(OSError, ValueError):
        return one == other or Path(one).samefile(other)
    return False
