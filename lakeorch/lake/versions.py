"""What a table's metadata file tells of the past: its snapshots, and which of them `main` was at, and when.

Snapshots and their log are Iceberg's own; nothing else is kept anywhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from lakeorch.errors import UsageError
from lakeorch.lake.published import ENVIRONMENT, PROMOTION, RUN_ID, data_snapshots, main_line, same_as
from lakeorch.lake.standing import gaps_of, settled

State = Literal["current", "published", "undone", "rejected", "branch"]

_COMPACTION = "replace"
_Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Version:
    """One snapshot of a table.

    Attributes:
        table: the table's name.
        at: when it was made, milliseconds since 1970 UTC; the same for all tables of one run.
        state: `current`; `published`: what `current` grew from; `undone`: `main` was there once and was rolled back;
            `rejected`: a check failed, it was never published; `branch`: on a branch that is not lakeorch's.
        operation: Iceberg's word: `append`, `overwrite`, `delete`, or `replace` for a compaction, which changes no row.
        facts: its `lakeorch.*` properties; empty where another writer made it.
        rows, bytes: of the whole table at this snapshot, None where its writer did not say.
        added, removed: rows that it added and removed, as far as whole files tell.
    """

    table: str
    snapshot_id: int
    parent_id: int | None
    at: int
    state: State
    operation: str
    facts: Mapping[str, str]
    rows: int | None
    bytes: int | None
    added: int
    removed: int

    @property
    def run_id(self) -> str:
        """The run that made it, or that promoted it from an environment; empty where another writer did."""
        return self.facts.get(PROMOTION) or self.made_by

    @property
    def made_by(self) -> str:
        """The run that made it, in an environment perhaps; empty where another writer did."""
        return self.facts.get(RUN_ID, "")

    @property
    def environment(self) -> str:
        """The environment that it was made in; empty for production."""
        return self.facts.get(ENVIRONMENT, "")

    @property
    def changes_rows(self) -> bool:
        """False for a compaction."""
        return self.operation != _COMPACTION


@dataclass(frozen=True, slots=True)
class Timeline:
    """The past of one table.

    Attributes:
        name: of the table.
        location: of the metadata file that tells it.
        versions: every snapshot that is kept, newest first.
        head: the newest snapshot of `main` that changed rows; None for a table without rows.
        moves: when `main` was moved to which snapshot, oldest first.
        line: the snapshots of `main`, newest first.
        tags: tag → snapshot.
        facts: the table's `lakeorch.*` properties.
        files: the metadata files that are known, oldest first: since when each was the table's, and where it lies.
    """

    name: str
    location: str
    versions: tuple[Version, ...]
    head: int | None
    moves: tuple[tuple[int, int], ...]
    line: tuple[int, ...]
    tags: Mapping[str, int]
    facts: Mapping[str, str]
    files: tuple[tuple[int, str], ...]
    _by_id: Mapping[int, Version] = field(repr=False)
    _sequence: Mapping[int, int] = field(repr=False)

    def version(self, snapshot_id: int) -> Version | None:
        """The version of a snapshot, None where it is not kept."""
        return self._by_id.get(snapshot_id)

    def holding(self, version: Version) -> Mapping[str, str]:
        """The facts of a version, overlaid by those of a later run that found the same rows."""
        return {**version.facts, **self.same(version)}

    def same(self, version: Version) -> Mapping[str, str]:
        """The facts of a later run that found the rows of a version unchanged; empty where there was none."""
        return same_as(self.facts, version.snapshot_id)

    def at(self, ms: int) -> Version | None:
        """What readers of `main` saw at a time; None where the table did not exist yet, or had no rows yet.

        Raises:
            UsageError: the snapshot of that time has expired.
        """
        place = max((i for i, (when, _) in enumerate(self.moves) if when <= ms), default=None)
        lost = self._begins_late() if place is None else self._by_id.get(self.moves[place][1]) is None
        if lost or (place is not None and (self._gap_behind(place) or self._expired(self.moves[place][0], ms))):
            raise UsageError(
                f"{self.name}: the snapshot of that time has expired",
                hint=f"lakeorch history {self.name} shows what is kept",
            )
        return None if place is None else self._by_id[self.moves[place][1]]

    def file_at(self, ms: int) -> str | None:
        """The metadata file that was the table's at a time; None where it is not known any more, or there was none."""
        return next((location for when, location in reversed(self.files) if when <= ms), None)

    def newer(self, snapshot_id: int) -> tuple[Version, ...]:
        """The versions of `main` behind a snapshot of it that changed rows, newest first; all where it is not on it."""
        line = self.line[: self.line.index(snapshot_id)] if snapshot_id in self.line else self.line
        return tuple(v for id in line if (v := self._by_id[id]).changes_rows)

    def ancestors(self, snapshot_id: int | None) -> Iterator[Version]:
        """A snapshot and what it grew from, newest first, as far back as it is kept."""
        while snapshot_id is not None and (version := self._by_id.get(snapshot_id)) is not None:
            yield version
            snapshot_id = version.parent_id

    def _begins_late(self) -> bool:
        """Whether the first move that is kept was not the table's first: what is promoted may bring a line with it."""
        if not self.moves:
            return False
        first = self._by_id.get(self.moves[0][1])
        line = self.ancestors(first.snapshot_id) if first and PROMOTION in first.facts else ()
        came_along = [each.snapshot_id for each in line if first and each.run_id == first.run_id]
        return self._sequence.get(came_along[-1] if came_along else self.moves[0][1], 0) > 1

    def _expired(self, since: int, ms: int) -> bool:
        """Whether `main` was at something that has expired, at a time behind the last move that is kept."""
        return any(since < start <= ms < end for start, end in gaps_of(self.facts))

    def _gap_behind(self, place: int) -> bool:
        """Whether `main` was elsewhere between this move and the next that is kept: expiry takes moves out."""
        if place + 1 == len(self.moves):
            return False
        after = self._by_id.get(self.moves[place + 1][1])
        if after is None or after.at < self.moves[place + 1][0]:
            return after is None  # moved back to an older snapshot: a roll-back
        # a compaction may have been left aside: what counts are the rows that it stood for
        rows = next((each for each in self.ancestors(self.moves[place][1]) if each.changes_rows), None)
        line = {version.snapshot_id for version in self.ancestors(after.snapshot_id)}
        return not {self.moves[place][1], rows and rows.snapshot_id} & line


def timeline_of(name: str, location: str, metadata: _Json) -> Timeline:
    """The past that a table's metadata tells.

    Args:
        name: of the table.
        location: of the metadata file.
        metadata: its JSON.
    """
    metadata = settled(metadata)
    line = list(main_line(metadata))
    data = data_snapshots(line)
    head = data[0]["snapshot-id"] if data else None
    moves = tuple((m["timestamp-ms"], m["snapshot-id"]) for m in metadata.get("snapshot-log") or ())
    if not moves:
        # the log is optional; without roll-backs it says no more than the line
        moves = tuple((s.get("timestamp-ms", 0), s["snapshot-id"]) for s in reversed(line))
    refs: _Json = metadata.get("refs") or {}
    rejected = {ref["snapshot-id"] for ref_name, ref in refs.items() if ref_name.startswith("rejected-")}
    on_main, once = {s["snapshot-id"] for s in line} | set(metadata["ancestors"]), {id for _, id in moves}
    once |= set(metadata["loose"])

    def state(id: int) -> State:
        if id == head:
            return "current"
        if id in on_main:
            return "published"
        return "undone" if id in once else "rejected" if id in rejected else "branch"

    snapshots = sorted(metadata.get("snapshots") or (), key=_age)
    versions = tuple(_version(name, s, state(s["snapshot-id"])) for s in snapshots)
    return Timeline(
        name,
        location,
        versions,
        head,
        moves,
        tuple(s["snapshot-id"] for s in line),
        {tag: ref["snapshot-id"] for tag, ref in refs.items() if ref.get("type") == "tag"},
        {k: v for k, v in (metadata.get("properties") or {}).items() if k.startswith("lakeorch.")},
        (
            *((entry["timestamp-ms"], entry["metadata-file"]) for entry in metadata.get("metadata-log") or ()),
            (metadata.get("last-updated-ms", 0), location),
        ),
        {version.snapshot_id: version for version in versions},
        {s["snapshot-id"]: int(s.get("sequence-number") or 0) for s in snapshots},
    )


def _age(snapshot: _Json) -> tuple[int, int]:
    return -int(snapshot.get("timestamp-ms", 0)), -int(snapshot.get("sequence-number") or 0)


def _version(table: str, snapshot: _Json, state: State) -> Version:
    summary: _Json = snapshot.get("summary") or {}

    def number(key: str) -> int | None:
        return int(summary[key]) if key in summary else None

    return Version(
        table,
        snapshot["snapshot-id"],
        snapshot.get("parent-snapshot-id"),
        int(snapshot.get("timestamp-ms", 0)),
        state,
        str(summary.get("operation", "")),
        {key: str(value) for key, value in summary.items() if key.startswith("lakeorch.")},
        number("total-records"),
        number("total-files-size"),
        number("added-records") or 0,
        number("deleted-records") or 0,
    )
