"""Which snapshots of a table are kept: pure, from its metadata and a policy."""

from __future__ import annotations

import itertools
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from pyiceberg.table.metadata import TableMetadata
from pyiceberg.table.refs import MAIN_BRANCH, SnapshotRef, SnapshotRefType
from pyiceberg.table.snapshots import Operation, Snapshot
from pyiceberg.table.update import (
    RemovePartitionSpecsUpdate,
    RemovePartitionStatisticsUpdate,
    RemoveSchemasUpdate,
    RemoveSnapshotRefUpdate,
    RemoveSnapshotsUpdate,
    SetPropertiesUpdate,
    TableUpdate,
)

from lakeorch.lake.published import PROMOTION, RUN_ID
from lakeorch.lake.schema import schema_behind
from lakeorch.lake.standing import ANCESTORS, EXPIRED, ancestors_of, claim_of, gaps_of, line_of, stand_in, summary_of

REJECTED = "rejected-"
_MIN_SNAPSHOTS = "history.expire.min-snapshots-to-keep"
_MAX_AGE = "history.expire.max-snapshot-age-ms"


@dataclass(frozen=True, slots=True)
class Policy:
    """How much of a table's past is kept.

    Attributes:
        snapshots: so many of the newest versions of `main`, at least 1.
        seconds: whatever `main` was at within this time.
    """

    snapshots: int = 10
    seconds: int = 7 * 86400


@dataclass(frozen=True, slots=True)
class Clock:
    """The times that a piece of maintenance goes by, milliseconds since 1970 UTC.

    Attributes:
        now: when it began.
        horizon: nothing is taken away that was made, or was still current, at this time or later.
    """

    now: int
    horizon: int

    def cutoff(self, seconds: float) -> int:
        """The time before which what is kept for so long may go."""
        return min(self.horizon, self.now - int(seconds * 1000))


@dataclass(frozen=True, slots=True)
class Expiry:
    """What of a table goes.

    Attributes:
        snapshots: ids.
        branches: references: rejected rows, and what another writer gave a term that has passed.
        ancestors: snapshots that are kept and that `main` grew from, although what lies between goes.
        gaps: spans of time in which `main` was at what goes, or went before.
    """

    snapshots: tuple[int, ...]
    branches: tuple[str, ...]
    ancestors: tuple[int, ...]
    gaps: tuple[tuple[int, int], ...] = ()


def expiry(
    metadata: TableMetadata, policy: Policy, clock: Clock, *, needed: Collection[int], staged: Collection[int]
) -> Expiry:
    """Decides what of a table goes.

    Kept are: what every branch and tag is at; what `main` was at within the policy's time, and its newest versions,
    down to the newest that lakeorch made; what a published table was made from; what is staged.

    Args:
        metadata: of the table.
        policy: of the table; the retention that another tool wrote into the table is kept to as well.
        clock: the time.
        needed: ids that published tables name as what they were made from.
        staged: ids of snapshots that the next run may publish.
    """
    line = line_of(metadata)
    branches = tuple(
        name for name, ref in metadata.refs.items() if _is_over(name, ref, metadata, policy, clock, staged)
    )
    keep = {ref.snapshot_id for name, ref in metadata.refs.items() if name not in branches}
    if metadata.current_snapshot_id is not None:
        keep.add(metadata.current_snapshot_id)
    policy = _widened(metadata, policy)
    keep |= _recent(metadata, clock.cutoff(policy.seconds))
    keep |= _newest(line, policy.snapshots)
    for name, ref in metadata.refs.items():
        if ref.snapshot_ref_type == SnapshotRefType.BRANCH and name not in branches and not _is_own(name):
            keep |= _of_branch(ref, metadata, policy, clock)
    for id in needed:
        rows = stand_in(metadata, id, compact=True)
        keep |= {rows.snapshot_id} if rows is not None else set()
    gone = tuple(s.snapshot_id for s in metadata.snapshots if s.snapshot_id not in keep | set(staged))
    before = [*(snapshot.snapshot_id for snapshot in line), *ancestors_of(metadata)]
    still = {snapshot.snapshot_id for snapshot in line_of(metadata, gone)} | set(gone)
    ancestors = tuple(id for id in before if id not in still)
    return Expiry(gone, branches, ancestors, _gaps(metadata, set(gone)))


def _is_own(name: str) -> bool:
    return name == MAIN_BRANCH or name.startswith(REJECTED)


def _widened(metadata: TableMetadata, policy: Policy) -> Policy:
    """The policy, and what other tools ask for: the table's properties, the fields of `main` itself."""
    main = metadata.refs.get(MAIN_BRANCH)
    counts = [metadata.properties.get(_MIN_SNAPSHOTS), main and main.min_snapshots_to_keep]
    ages = [metadata.properties.get(_MAX_AGE), main and main.max_snapshot_age_ms]
    return Policy(
        max([policy.snapshots, *(_number(count) for count in counts)]),
        max([policy.seconds, *(_number(age) // 1000 for age in ages)]),
    )


def _number(value: object) -> int:
    try:
        return int(str(value))
    except ValueError:
        return 0


def _is_over(
    name: str, ref: SnapshotRef, metadata: TableMetadata, policy: Policy, clock: Clock, staged: Collection[int]
) -> bool:
    """Whether a reference goes: rejected rows by the policy, what is another writer's only by its own term."""
    snapshot = metadata.snapshot_by_id(ref.snapshot_id)
    if name == MAIN_BRANCH or snapshot is None:
        return False
    if ref.max_ref_age_ms is not None:
        return snapshot.timestamp_ms < min(clock.horizon, clock.now - ref.max_ref_age_ms)
    rejected = name.startswith(REJECTED) and ref.snapshot_ref_type == SnapshotRefType.BRANCH
    return rejected and ref.snapshot_id not in staged and snapshot.timestamp_ms < clock.cutoff(policy.seconds)


def _recent(metadata: TableMetadata, cutoff: int) -> set[int]:
    """What `main` was at since a time: a snapshot is as old as the time it has not been current for."""
    log = metadata.snapshot_log
    left = [move.timestamp_ms for move in log[1:]]
    # what is current has not been left
    return {move.snapshot_id for move, until in zip(log, left, strict=False) if until >= cutoff}


def _newest(line: Sequence[Snapshot], count: int) -> set[int]:
    """The newest versions of `main`, lakeorch's newest among them, each as the newest snapshot that holds its rows.

    What an environment tried before it was promoted came along with it, and counts with it as one version.
    """
    keep: set[int] = set()
    versions: set[int] = set()
    counted: set[int | str] = set()
    made = False
    for snapshot in line:
        claim = claim_of(summary_of(snapshot))
        bare = claim is None and snapshot.summary is not None and snapshot.summary.operation == Operation.REPLACE
        version = claim.snapshot_id if claim else snapshot.snapshot_id
        if bare:
            keep.add(snapshot.snapshot_id)  # another engine's: it does not say whose rows it holds
            continue
        if version in versions:
            continue
        counts_as = summary_of(snapshot).get(PROMOTION) or version
        if len(counted | {counts_as}) > count and made:
            break
        versions.add(version)
        counted.add(counts_as)
        keep.add(snapshot.snapshot_id)
        made = made or RUN_ID in summary_of(snapshot)
    return keep


def _of_branch(ref: SnapshotRef, metadata: TableMetadata, policy: Policy, clock: Clock) -> set[int]:
    """What another writer's branch keeps, by its own fields or else by the policy, as Iceberg defines them."""
    count = ref.min_snapshots_to_keep or policy.snapshots
    cutoff = min(clock.horizon, clock.now - (ref.max_snapshot_age_ms or policy.seconds * 1000))
    above = enumerate(_above(metadata, ref.snapshot_id))
    return {snapshot.snapshot_id for place, snapshot in above if place < count or snapshot.timestamp_ms >= cutoff}


def _above(metadata: TableMetadata, snapshot_id: int | None) -> Iterator[Snapshot]:
    by_id: Mapping[int | None, Snapshot] = {snapshot.snapshot_id: snapshot for snapshot in metadata.snapshots}
    while snapshot_id in by_id:
        yield by_id[snapshot_id]
        snapshot_id = by_id[snapshot_id].parent_snapshot_id


def _gaps(metadata: TableMetadata, gone: Collection[int]) -> tuple[tuple[int, int], ...]:
    log = metadata.snapshot_log
    spans = gaps_of(metadata.properties)
    spans += [(a.timestamp_ms, b.timestamp_ms) for a, b in itertools.pairwise(log) if a.snapshot_id in gone]
    # before the first move that is kept everything has expired
    begin = next((move.timestamp_ms for move in log if move.snapshot_id not in gone), 0)
    found: list[tuple[int, int]] = []
    for start, end in sorted(span for span in spans if span[1] > begin):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return tuple(found)


def updates_of(metadata: TableMetadata, expiry: Expiry, specs: Collection[int]) -> tuple[TableUpdate, ...]:
    """The changes of a table's metadata that make an expiry so; none where nothing goes.

    Args:
        metadata: of the table.
        expiry: what goes.
        specs: ids of the partition specs that files of kept snapshots follow.
    """
    updates: list[TableUpdate] = [RemoveSnapshotRefUpdate(ref_name=name) for name in expiry.branches]
    gone = set(expiry.snapshots)
    if gone:
        updates.append(RemoveSnapshotsUpdate(snapshot_ids=list(expiry.snapshots)))
        statistics = {file.snapshot_id for file in metadata.partition_statistics} & gone
        updates += [RemovePartitionStatisticsUpdate(snapshot_id=id) for id in sorted(statistics)]
        updates += _unused(metadata, gone, specs)
    said = {ANCESTORS: json.dumps([str(id) for id in expiry.ancestors]), EXPIRED: json.dumps(expiry.gaps)}
    said = {key: text for key, text in said.items() if text != metadata.properties.get(key, "[]")}
    updates += [SetPropertiesUpdate(updates=said)] if said else []
    return tuple(updates)


def _unused(metadata: TableMetadata, gone: Collection[int], specs: Collection[int]) -> list[TableUpdate]:
    """Takes away schemas and partition specs that nothing is left of."""
    used = {s.schema_id for s in metadata.snapshots if s.snapshot_id not in gone} | {metadata.current_schema_id}
    followed = {*specs, metadata.default_spec_id}
    for spec in metadata.partition_specs:
        behind = schema_behind(spec, metadata) if spec.spec_id in followed else None
        used |= {behind.schema_id} if behind is not None else set()  # without it no manifest could be written again
    schemas = [schema.schema_id for schema in metadata.schemas if schema.schema_id not in used]
    loose = [spec.spec_id for spec in metadata.partition_specs if spec.spec_id not in followed]
    updates: list[TableUpdate] = [RemoveSchemasUpdate(schema_ids=schemas)] if schemas else []
    return updates + ([RemovePartitionSpecsUpdate(spec_ids=loose)] if loose else [])
