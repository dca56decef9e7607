"""Taking a run back, or going back to what a run published: all tables in one commit.

Rows are never lost: `main` of each table moves, and what was rolled back stays a snapshot of its table, so that
`rollback --to` the same run brings it forth again. Tables that were moved are pinned; see `lakeorch.graph.pins`.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from lakeorch.errors import ConflictError, MovedError, UsageError
from lakeorch.graph.pins import PINNED, Pin
from lakeorch.lake import Lake, Return, Timeline, Version
from lakeorch.project.past import Moment, PastRun, moment, run_of, runs

ATTEMPTS = 5
_FINGERPRINT = "lakeorch.fingerprint"
_RUN_ID = "lakeorch.run-id"
_PROMOTION = "lakeorch.promotion"


@dataclass(frozen=True, slots=True)
class Returned:
    """What a roll-back did with one table.

    Attributes:
        action: `returned` to an earlier state (or, with `--to`, to any); `kept` as it is, because it had none.
        before, after: the snapshots that it was and is at.
        run_id: of the run whose rows it shows now; empty where another writer made them.
        rows: that it has now, None where its writer did not say.
    """

    model: str
    action: str
    before: int
    after: int
    run_id: str
    rows: int | None

    def to_dict(self) -> dict[str, object]:
        """An entry of `tables` in the JSON of `lakeorch rollback`."""
        return {
            "model": self.model,
            "action": self.action,
            "before": str(self.before),
            "after": str(self.after),
            "run_id": self.run_id,
            "rows": self.rows,
        }


@dataclass(frozen=True, slots=True)
class Rollback:
    """A finished roll-back.

    Attributes:
        status: `rolled back`, or `nothing to do`.
        undone: the run that was taken back; empty where the way back was to a state.
        to: the state that was gone back to; empty where a run was taken back.
        tables: those that were moved, and those that could not be and were pinned as they are, by name.
    """

    status: str
    undone: str
    to: str
    tables: tuple[Returned, ...]

    def to_dict(self) -> dict[str, object]:
        """The JSON document of `lakeorch rollback`."""
        tables = [table.to_dict() for table in self.tables]
        return {"status": self.status, "undone": self.undone, "to": self.to, "tables": tables}


@dataclass(frozen=True, slots=True)
class _Way:
    """One table on its way: where it is, and where it goes."""

    timeline: Timeline
    before: Version
    after: Version


def roll_back(lake: Lake, run: str | None, to: str | None) -> Rollback:
    """`undo` for a run, `go_to` for a state; raises UsageError unless just one of them is given."""
    if (run is None) == (to is None):
        raise UsageError("give the run to take back, or with --to the state to go back to")
    lake.settle()
    return undo(lake, run) if run is not None else go_to(lake, to or "")


def undo(lake: Lake, run: str) -> Rollback:
    """Takes a run back: every table that it published becomes what it was before it.

    A table that the run made has nothing to go back to: it stays as it is, pinned.

    Args:
        lake: where the tables are.
        run: its id, or a beginning of it.

    Raises:
        UsageError: there is no such run, it was taken back already, later runs built upon it, it made all its
            tables, or what was before it has expired.
        ConflictError: another writer changed a table since.
    """
    return _patiently(lambda: _undo(lake, run))


def go_to(lake: Lake, at: str) -> Rollback:
    """Returns every table that lakeorch made to what it was at a run, a tag or a time.

    Tables that did not exist then stay as they are, pinned.

    Raises:
        UsageError: nothing is meant by `at`, no table existed then, or what it means has expired.
        ConflictError: another writer changed a table since.
    """
    return _patiently(lambda: _go_to(lake, at))


def _patiently(act: Callable[[], Rollback]) -> Rollback:
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return act()
        except MovedError:
            if attempt == ATTEMPTS:
                raise
        time.sleep(random.uniform(0.0, 0.05 * 2**attempt))
    raise AssertionError("unreachable")


def _undo(lake: Lake, text: str) -> Rollback:
    timelines = lake.timelines()
    run = run_of(timelines, text)
    if run is None:
        raise UsageError(f'there is no run "{text}"', hint="lakeorch runs shows the runs")
    made = [version for version in run.versions if version.state in {"current", "published"}]
    if not made:
        what = "was never published: its checks failed" if run.state == "rejected" else "is rolled back already"
        raise UsageError(f"run {run.run_id} {what}")
    _refuse_later(timelines, run, made)
    ways, new = [], []
    for version in made:
        line = timelines[version.table]
        before = line.at(version.at - 1)
        if before is None:
            new.append(_Way(line, version, version))
        else:
            ways.append(_Way(line, version, before))
    if not ways:
        hint = "drop them, or change their models and run again"
        raise UsageError(f"run {run.run_id} made all of its tables: there is nothing to go back to", hint=hint)
    amended = [line for name, line in timelines.items() if name not in {v.table for v in made}]
    amended = [line for line in amended if _amended_by(line) == run.run_id]
    return _commit(lake, ways, new, amended, run.at - 1, undone=run.run_id)


def _refuse_later(timelines: Mapping[str, Timeline], run: PastRun, made: Iterable[Version]) -> None:
    """Raises where something was built upon what the run made: it would go with it unasked."""
    later = {v.table: newer for v in made if (newer := timelines[v.table].newer(v.snapshot_id))}
    _refuse_foreign(later)
    if not later:
        return
    names = {version.run_id: version.at for newer in later.values() for version in newer}
    listed = sorted(names, key=lambda id: -names[id])
    tables = ", ".join(sorted(later)[:5]) + (", …" if len(later) > 5 else "")
    earlier = next((past.run_id for past in runs(timelines) if past.at < run.at and past.state == "published"), "")
    back = f", or go back to what was before all of them: lakeorch rollback --to {earlier}" if earlier else ""
    raise UsageError(
        f"later runs have changed tables of run {run.run_id} ({tables}): {', '.join(listed[:5])}",
        hint=f"take the latest back first: lakeorch rollback {listed[0]}{back}",
    )


def _refuse_foreign(newer: Mapping[str, Sequence[Version]]) -> None:
    for name, versions in sorted(newer.items()):
        foreign = tuple(version.snapshot_id for version in versions if not version.run_id)
        if foreign:
            ids = ", ".join(str(id) for id in foreign[:3]) + (", …" if len(foreign) > 3 else "")
            raise ConflictError(
                name,
                f"another writer changed it since (snapshot {ids}), and that would be lost",
                snapshots=foreign,
                hint="take those snapshots back with the tool that made them, then try again",
            )


def _go_to(lake: Lake, at: str) -> Rollback:
    timelines = lake.timelines()
    when = moment(timelines, at)
    ways, new, amended, known = [], [], [], 0
    for line in timelines.values():
        head = None if line.head is None else line.version(line.head)
        if head is None or not any(version.run_id for version in line.versions):
            continue
        known += 1
        after = when.version(line)
        if after is None:
            new.append(_Way(line, head, head))
        elif after.snapshot_id == line.line[0] or after.snapshot_id == head.snapshot_id:
            amended += [line] if _amended_by(line) else []
        else:
            ways.append(_Way(line, head, after))
    _refuse_foreign({way.timeline.name: _lost(way) for way in ways})
    if not ways:
        if len(new) == known:
            raise UsageError(f"no table existed at {when.name}", hint="lakeorch runs shows since when there are any")
        return Rollback("nothing to do", "", when.name, ())
    return _commit(lake, ways, new, amended, when.ms, to=when)


def _lost(way: _Way) -> tuple[Version, ...]:
    """The versions of `main` that the wanted one does not contain."""
    contained = {version.snapshot_id for version in way.timeline.ancestors(way.after.snapshot_id)}
    return tuple(v for v in way.timeline.newer(way.after.snapshot_id) if v.snapshot_id not in contained)


def _amended_by(line: Timeline) -> str:
    """The run that last found a table's rows unchanged; empty where its snapshot's own facts hold."""
    head = None if line.head is None else line.version(line.head)
    facts = {} if head is None else line.same(head)
    run = facts.get(_PROMOTION) or facts.get(_RUN_ID, "")
    return "" if head is None or run == head.run_id else run


def _commit(
    lake: Lake,
    ways: Sequence[_Way],
    new: Sequence[_Way],
    amended: Sequence[Timeline],
    at: int,
    *,
    undone: str = "",
    to: Moment | None = None,
) -> Rollback:
    since = datetime.now(UTC).isoformat(timespec="seconds")
    returns = []
    for way in (*ways, *new):
        line, moves = way.timeline, way.after is not way.before
        # what is kept from being made again is what was rolled back
        fingerprint = line.holding(way.before).get(_FINGERPRINT, "")
        made_by = _data_run(line, way.after)
        pin = Pin(str(way.after.snapshot_id), fingerprint, since, made_by, undone if moves else made_by)
        goal = way.after.snapshot_id if moves else line.line[0]
        returns.append(Return(line.name, line.location, goal, at if moves else None, {PINNED: pin.to_json()}))
    for line in amended:
        kept = {PINNED: line.facts.get(PINNED)}
        returns.append(Return(line.name, line.location, line.line[0], at, kept))
    lake.roll_back(returns)
    tables = [_returned(way, "returned") for way in ways] + [_returned(way, "kept") for way in new]
    name = "" if to is None else to.name
    return Rollback("rolled back", undone, name, tuple(sorted(tables, key=lambda table: table.model)))


def _data_run(line: Timeline, version: Version) -> str:
    """The run whose rows a version shows: a compaction shows those of the version before it."""
    return next((each.run_id for each in line.ancestors(version.snapshot_id) if each.changes_rows), "")


def _returned(way: _Way, action: str) -> Returned:
    run = _data_run(way.timeline, way.after)
    return Returned(way.timeline.name, action, way.before.snapshot_id, way.after.snapshot_id, run, way.after.rows)
