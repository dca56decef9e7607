"""Publishing and rejecting: what becomes of staged changes."""

from __future__ import annotations

import itertools
import json
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from pyiceberg.io import FileIO
from pyiceberg.serializers import ToOutputFile
from pyiceberg.table.locations import load_location_provider
from pyiceberg.table.update import (
    AddPartitionSpecUpdate,
    AddSchemaUpdate,
    AddSnapshotUpdate,
    SetSnapshotRefUpdate,
    TableUpdate,
)

from lakeorch.errors import CatalogError, ConflictError, MovedError
from lakeorch.lake.change import apply
from lakeorch.lake.port import Catalog, CommitMissedError, TableCommit
from lakeorch.lake.published import RUN_ID
from lakeorch.lake.remedy import FAILURES, passing, plainly
from lakeorch.lake.replay import check_fits, is_made_empty, replayed
from lakeorch.lake.requests import only_rows
from lakeorch.lake.scan import plain
from lakeorch.lake.staged import Staged, stamped
from lakeorch.model import Published

# how long other writers may come first, or hold a lock, before a publish gives up
PATIENCE_S = 15.0
_ATTEMPTS_ON_FAILURE = 3
_FIRST_WAIT_S = 0.02
_LONGEST_WAIT_S = 1.0

T = TypeVar("T")


def publish(
    catalog: Catalog, staged: Sequence[Staged], run_id: str, unmoved: Mapping[str, int | None]
) -> dict[str, int | None]:
    """Makes all changes current in one transaction.

    Every attempt begins by reading where the tables stand, so a commit whose reply was lost is found done, and
    another writer's commit is replayed upon or refused.

    Args:
        catalog: where.
        staged: at most one change a table.
        run_id: goes into the snapshots.
        unmoved: tables that the steps read → the data snapshot they must still be at; those in `staged` must still
            be at what their own change was made on.

    Returns:
        Table → its newest data snapshot.

    Raises:
        MovedError: an input or a table was moved by another run.
        ConflictError: a foreign writer is in the way.
        CatalogError: the catalog failed; nothing was published, unless its last reply was lost.
    """
    names = {change.name for change in staged}
    if len(names) != len(staged):
        raise ValueError("two changes of one table in one publish")
    return patiently(catalog, lambda: _publish(catalog, staged, run_id, unmoved))


def _publish(
    catalog: Catalog, staged: Sequence[Staged], run_id: str, unmoved: Mapping[str, int | None]
) -> dict[str, int | None]:
    inputs = {name: id for name, id in unmoved.items() if name not in {change.name for change in staged}}
    wanted = [*(change.name for change in staged), *inputs]
    pointers = catalog.pointers(wanted)
    published = catalog.published({name: pointers[name] for name in wanted if name in pointers})
    changes: list[TableCommit] = []
    done: dict[str, int | None] = {}
    for asked in staged:
        now = published.get(asked.name)
        done[asked.name] = asked.snapshot_id if asked.writes_data else now.snapshot_id if now else None
        prepared = _prepared(catalog, asked, now, read=asked.name in unmoved)
        if prepared is not None:
            changes.append(prepared)
    if changes:
        catalog.commit(at_one_time(changes, {RUN_ID: run_id}), _held(inputs, published))
    return done


def at_one_time(changes: Sequence[TableCommit], said: Mapping[str, str]) -> list[TableCommit]:
    """The same changes, all at one time, later than every table's last, and with more said in their snapshots.

    So a query "as of" a time sees all of them or none.
    """
    last = max((change.table.metadata.last_updated_ms for change in changes if change.table), default=0)
    when = max(int(time.time() * 1000), last + 1)
    return [
        replace(change, updates=stamped(change.updates, summary=said, timestamp_ms=when), when=when)
        for change in changes
    ]


def _prepared(catalog: Catalog, staged: Staged, now: Published | None, *, read: bool) -> TableCommit | None:
    """The change against the table as it is; None where it is there already.

    Where another step has `read` it, rows that came in between are rows that this step missed: all is planned again.
    """
    if now is None:
        if not staged.is_new:
            raise ConflictError(staged.name, "the table was dropped meanwhile", hint="run again to build it anew")
        return TableCommit(staged.name, None, staged.request.updates, staged.io)
    if staged.writes_data and staged.snapshot_id in now.history:
        return None
    table = catalog.table(staged.name, now.location)
    if now.location == staged.stand.location:
        updates = staged.request.updates
    elif is_made_empty(staged.stand, table):
        updates = only_rows(staged.request.updates)
    else:
        check_fits(staged, now, table)
        if read and now.snapshot_id != staged.stand.snapshot_id:
            raise MovedError(staged.name, "another writer added rows after a step of this run had read it")
        updates = replayed(staged, table)
    return TableCommit(staged.name, table, updates, staged.io) if updates else None


def _held(inputs: Mapping[str, int | None], published: Mapping[str, Published]) -> dict[str, str | None]:
    """Pointers that must stay until the commit, because steps read those tables."""
    held = {}
    for name, expected in inputs.items():
        now = published.get(name)
        found = now.snapshot_id if now else None
        if found != expected:
            raise MovedError(
                name,
                f"it moved while the run read it: from snapshot {expected} to {found}",
                snapshots=() if found is None else (found,),
            )
        held[name] = now.location if now else None
    return held


def reject(catalog: Catalog, staged: Staged, run_id: str) -> str:
    """Keeps a change's rows readable while `main` and the table's columns stay as they are.

    Returns:
        `branch rejected-<run> of ns.t`, or for a new table the path of a metadata file; the same place when the
        change was rejected before. Empty where there are no rows.

    Raises:
        ConflictError: the table is gone.
    """
    if not staged.writes_data:
        return ""
    if staged.is_new:
        return _rejected_file(staged, run_id)
    return patiently(catalog, lambda: _rejected_branch(catalog, staged, run_id))


def _rejected_file(staged: Staged, run_id: str) -> str:
    updates = stamped(staged.request.updates, summary={RUN_ID: run_id})
    metadata = apply(None, updates)
    provider = load_location_provider(metadata.location, metadata.properties)
    location = provider.new_metadata_location(f"rejected-{staged.snapshot_id}.metadata.json")
    with plainly(plain(location)):
        if not _is_whole(staged.io, location):
            ToOutputFile.table_metadata(metadata, staged.io.new_output(location), overwrite=True)
    return plain(location)


def _is_whole(io: FileIO, location: str) -> bool:
    """Whether a metadata file is there, and not torn by the end of the run that wrote it."""
    try:
        with io.new_input(location).open() as stream:
            json.loads(stream.read())
    except (FileNotFoundError, ValueError):
        return False
    return True


def _rejected_branch(catalog: Catalog, staged: Staged, run_id: str) -> str:
    pointer = catalog.pointer(staged.name)
    if pointer is None:
        raise ConflictError(staged.name, "the table was dropped meanwhile", hint="run again to build it anew")
    table = catalog.table(staged.name, pointer)
    kept = next((ref for ref, at in table.metadata.refs.items() if at.snapshot_id == staged.snapshot_id), None)
    if kept is None:
        kept = f"rejected-{run_id}"
        same = pointer == staged.stand.location
        updates = _beside_main(staged.request.updates if same else replayed(staged, table), kept)
        change = TableCommit(staged.name, table, updates, staged.io)
        catalog.commit(at_one_time([change], {RUN_ID: run_id}), {})
    return f"branch {kept} of {staged.name}"


def _beside_main(updates: Sequence[TableUpdate], branch: str) -> tuple[TableUpdate, ...]:
    """The same snapshot on a branch: columns and partitions are made known, but `main` keeps its own."""
    kept: list[TableUpdate] = []
    for update in updates:
        if isinstance(update, SetSnapshotRefUpdate):
            kept.append(update.model_copy(update={"ref_name": branch}))
        elif isinstance(update, AddSchemaUpdate | AddPartitionSpecUpdate | AddSnapshotUpdate):
            kept.append(update)
    return tuple(kept)


def patiently(catalog: Catalog, act: Callable[[], T]) -> T:
    """Acts again, with jittered back-off, while other writers come first or the database is busy."""
    deadline = time.monotonic() + PATIENCE_S
    for attempt in itertools.count():
        late = time.monotonic() > deadline
        try:
            if attempt:
                catalog.settle()
            return act()
        except CommitMissedError as error:
            if late:
                raise _busy(catalog) from error
        except FAILURES as error:
            if late or (not passing(error) and attempt + 1 >= _ATTEMPTS_ON_FAILURE):
                with plainly(catalog.place):
                    raise
        time.sleep(random.uniform(0, min(_LONGEST_WAIT_S, _FIRST_WAIT_S * 2 ** min(attempt, 10))))
    raise AssertionError("unreachable")


def _busy(catalog: Catalog) -> CatalogError:
    return CatalogError(
        f"{catalog.place}: other writers kept coming first for {PATIENCE_S:.0f} s", hint="run again in a moment"
    )
