"""Compactions: snapshots that rewrote files, and stand for the rows of the snapshot before them.

A snapshot that maintenance makes says in its summary for which one it stands, and repeats the facts of that one. So the
other may expire, and its small files with it, while everybody goes on to call the rows by its id: `settled` shows a
table's metadata that way, and `stand_in` finds the snapshot that holds the rows.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pyiceberg.table.metadata import TableMetadata
from pyiceberg.table.snapshots import Snapshot

STANDS_FOR = "lakeorch.stands-for"
ANCESTORS = "lakeorch.ancestors"
EXPIRED = "lakeorch.expired"
MAINTAINED = "lakeorch.maintained"
# what maintenance says of a table, whatever state of it is current
UPKEEP = frozenset({ANCESTORS, EXPIRED, MAINTAINED})
REPLACE = "replace"
_OURS = "lakeorch."

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Claim:
    """The snapshot whose rows another one holds.

    Attributes:
        at: when it was made.
        since: when `main` was moved to it last: later than `at` after a roll-back.
        added, removed: rows that it added and removed.
    """

    snapshot_id: int
    parent_id: int | None
    at: int
    since: int
    operation: str
    added: str
    removed: str

    def to_json(self) -> str:
        """The text of the summary property."""
        facts = {
            "at": self.at,
            "since": self.since,
            "operation": self.operation,
            "added": self.added,
            "removed": self.removed,
        }
        parent = None if self.parent_id is None else str(self.parent_id)
        return json.dumps({"snapshot-id": str(self.snapshot_id), "parent": parent, **facts}, sort_keys=True)


def claim_of(summary: Mapping[str, Any]) -> Claim | None:
    """What a snapshot's summary claims; None where it claims nothing, or somebody else wrote there."""
    try:
        said = json.loads(summary[STANDS_FOR])
        parent = None if said["parent"] is None else int(said["parent"])
        counts = said["operation"], said["added"], said["removed"]
        return Claim(int(said["snapshot-id"]), parent, int(said["at"]), int(said["since"]), *counts)
    except (KeyError, ValueError, TypeError):
        return None


def settled(metadata: Json) -> Json:
    """A metadata file as everything but the writing of snapshots should see it.

    A snapshot that stands for one which expired has that one's id, time and facts, wherever it is named; one that
    stands for a snapshot which is still there is a bare compaction. `ancestors` are the snapshots that `main` grew
    from and that are kept, although what lies between has expired; `loose` are those on no branch, as `main` was at
    once and is no more, also where a server has shortened its log.

    Args:
        metadata: its JSON.
    """
    snapshots = metadata.get("snapshots") or ()
    nodes = [_Node.of(snapshot) for snapshot in snapshots]
    parents = _linked(nodes)
    line = _line(parents, metadata.get("current-snapshot-id"))
    ancestors = _ancestors(metadata.get("properties") or {}, nodes, line)
    claims = {node.id: node.claim for node in nodes if node.claim}
    held = {id for ref in (metadata.get("refs") or {}).values() for id in _line(parents, ref.get("snapshot-id"))}
    loose = [s["snapshot-id"] for s in snapshots if s["snapshot-id"] not in {*held, *line, *ancestors} and _is_ours(s)]
    if not claims:
        return {**metadata, "ancestors": ancestors, "loose": loose}
    snapshots = [{**s, "parent-snapshot-id": parents[s["snapshot-id"]]} for s in snapshots]
    names = _names(nodes, set(line))

    def named(entry: Json, *keys: str) -> dict[str, Any]:
        return {**entry, **{key: names.get(entry[key], entry[key]) for key in keys if key in entry}}

    log: list[dict[str, Any]] = []
    for raw in metadata.get("snapshot-log") or ():
        move, last = named(raw, "snapshot-id"), log[-1] if log else None
        if raw["snapshot-id"] in names and (last is None or last["snapshot-id"] != move["snapshot-id"]):
            # the rows were there before they were rewritten, though not before what main was at until then
            since = claims[raw["snapshot-id"]].since
            move["timestamp-ms"] = since if last is None else max(since, last["timestamp-ms"] + 1)
        log.append(move)
    return {
        **named(metadata, "current-snapshot-id"),
        "snapshots": [
            _settled(named(s, "snapshot-id", "parent-snapshot-id"), claims.get(s["snapshot-id"]), s) for s in snapshots
        ],
        "snapshot-log": log,
        "refs": {name: named(ref, "snapshot-id") for name, ref in (metadata.get("refs") or {}).items()},
        "ancestors": [names.get(id, id) for id in ancestors],
        "loose": [names.get(id, id) for id in loose],
    }


def _is_ours(snapshot: Json) -> bool:
    return any(key.startswith(_OURS) for key in snapshot.get("summary") or {})


def _settled(snapshot: dict[str, Any], claim: Claim | None, raw: Json) -> Json:
    if claim is None:
        return snapshot
    summary = snapshot.get("summary") or {}
    if snapshot["snapshot-id"] == raw["snapshot-id"]:
        return {**snapshot, "summary": {key: value for key, value in summary.items() if not key.startswith(_OURS)}}
    facts = {key: value for key, value in summary.items() if key != STANDS_FOR}
    told = {"operation": claim.operation, "added-records": claim.added, "deleted-records": claim.removed}
    # the first snapshot of a table tells that there was none before it
    first = {"sequence-number": 1} if claim.parent_id is None else {}
    return {**snapshot, **first, "timestamp-ms": claim.at, "summary": {**facts, **told}}


@dataclass(frozen=True, slots=True)
class _Node:
    """What of a snapshot tells how it hangs together with others."""

    id: int
    parent: int | None
    sequence: int
    claim: Claim | None

    @classmethod
    def of(cls, snapshot: Json) -> _Node:
        """Out of a metadata file."""
        id, parent = snapshot["snapshot-id"], snapshot.get("parent-snapshot-id")
        return cls(id, parent, snapshot.get("sequence-number") or 0, claim_of(snapshot.get("summary") or {}))

    @classmethod
    def at(cls, snapshot: Snapshot) -> _Node:
        """As pyiceberg has it."""
        claim = claim_of(summary_of(snapshot))
        return cls(snapshot.snapshot_id, snapshot.parent_snapshot_id, snapshot.sequence_number or 0, claim)


def _linked(nodes: Sequence[_Node]) -> dict[int, int | None]:
    """Snapshot → what it grew from. Where that expired, what stands for it, or else what it grew from itself."""
    by_id = {node.id: node for node in nodes}
    holders: dict[int, list[_Node]] = {}
    for node in nodes:
        if node.claim:
            holders.setdefault(node.claim.snapshot_id, []).append(node)

    def standing(id: int | None, child: _Node) -> int | None:
        if id is None or id in by_id:
            return id
        # several may stand for one and follow one another; what another snapshot grew from is in none of their lines
        older = [node for node in holders.get(id, ()) if child.claim is None or node.sequence < child.sequence]
        return max(older, key=lambda node: node.sequence).id if older else None

    parents: dict[int, int | None] = {}
    for node in nodes:
        parent = standing(node.parent, node)
        if parent is None and node.claim:
            parent = standing(node.claim.snapshot_id, node) or standing(node.claim.parent_id, node)
        parents[node.id] = parent
    return parents


def _line(parents: Mapping[int, int | None], at: int | None) -> list[int]:
    """A snapshot and what it grew from, newest first, as far back as it is kept."""
    found: dict[int, None] = {}
    while at is not None and at in parents and at not in found:
        found[at] = None
        at = parents[at]
    return list(found)


def _names(nodes: Sequence[_Node], line: Collection[int]) -> dict[int, int]:
    """Snapshot → the id of the expired one that it stands for; of several the newest on `main`, else the newest."""
    there = {node.id for node in nodes}
    names: dict[int, int] = {}
    for node in sorted(nodes, key=lambda node: (node.id in line, node.sequence), reverse=True):
        meant = node.claim.snapshot_id if node.claim else None
        if meant is not None and meant not in there and meant not in names.values():
            names[node.id] = meant
    return names


def _ancestors(properties: Mapping[str, str], nodes: Sequence[_Node], line: Sequence[int]) -> list[int]:
    """The snapshots that the table property ANCESTORS names, as far as it still holds.

    What is newer than the oldest of `main` cannot be what `main` grew from: it was rolled back since.
    """
    sequence = {node.id: node.sequence for node in nodes}
    try:
        ids = [int(id) for id in json.loads(properties.get(ANCESTORS, "[]"))]
    except (ValueError, TypeError):
        return []
    oldest = sequence[line[-1]] if line else 0
    return [id for id in ids if id in sequence and sequence[id] < oldest]


def gaps_of(properties: Mapping[str, str]) -> list[tuple[int, int]]:
    """The spans of time, in milliseconds since 1970 UTC, in which `main` was at snapshots that have expired.

    The table property EXPIRED holds them: the log of a table tells nothing any more of what has expired.
    """
    try:
        return [(int(start), int(end)) for start, end in json.loads(properties.get(EXPIRED, "[]"))]
    except (ValueError, TypeError):
        return []


def line_of(metadata: TableMetadata, gone: Collection[int] = ()) -> list[Snapshot]:
    """The snapshots of `main`, newest first, as far back as they are kept; `gone` are those that are not to be."""
    by_id = {s.snapshot_id: s for s in metadata.snapshots if s.snapshot_id not in gone}
    parents = _linked([_Node.at(snapshot) for snapshot in by_id.values()])
    return [by_id[id] for id in _line(parents, metadata.current_snapshot_id)]


def ancestors_of(metadata: TableMetadata) -> list[int]:
    """Snapshots that `main` grew from and that are kept, although what lies between has expired."""
    line = [snapshot.snapshot_id for snapshot in line_of(metadata)]
    return _ancestors(metadata.properties, [_Node.at(snapshot) for snapshot in metadata.snapshots], line)


def summary_of(snapshot: Snapshot) -> Mapping[str, str]:
    """What a snapshot's summary says besides its operation."""
    return snapshot.summary.additional_properties if snapshot.summary else {}


def stand_in(metadata: TableMetadata, snapshot_id: int, *, compact: bool = False) -> Snapshot | None:
    """The snapshot that holds the rows of another; None where there is none.

    Args:
        metadata: of the table.
        snapshot_id: whose rows are wanted.
        compact: take one that stands for it also where it is there itself: its files are those of what came after.
    """
    itself = metadata.snapshot_by_id(snapshot_id)
    if itself is not None and not compact:
        return itself
    line = {snapshot.snapshot_id for snapshot in line_of(metadata)}
    claiming = [s for s in metadata.snapshots if _claims(s, {snapshot_id})]
    if itself is not None:
        claiming = [s for s in claiming if s.schema_id == itself.schema_id and s.snapshot_id in line]
    return max(claiming, key=lambda s: (s.snapshot_id in line, s.sequence_number or 0), default=itself)


def _claims(snapshot: Snapshot, ids: Collection[int]) -> bool:
    claim = claim_of(summary_of(snapshot))
    return claim is not None and claim.snapshot_id in ids
