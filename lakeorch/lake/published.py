"""What a table's metadata file says, as `Published`: read straight from its JSON, because a plan reads thousands."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from pyiceberg.schema import Schema

from lakeorch.lake.schema import columns_of
from lakeorch.lake.standing import settled
from lakeorch.model import Published

RUN_ID = "lakeorch.run-id"
SAME_AS = "lakeorch.same-as"
# of a snapshot: the environment that it was made in, and the run that promoted it
ENVIRONMENT = "lakeorch.environment"
PROMOTION = "lakeorch.promotion"
# of a table: it is an environment's own, and grew from this state of production's
CLONE = "lakeorch.clone"
_PREFIX = "lakeorch."
_PLAIN = ("comment", "owner")
_REPLACE = "replace"

_Json = Mapping[str, Any]


def published_of(name: str, location: str, metadata: _Json) -> Published:
    """The table as its metadata shows it.

    Args:
        name: of the table.
        location: of the metadata file.
        metadata: its JSON; format versions 1 to 3.
    """
    metadata = settled(metadata)
    line = list(main_line(metadata))
    data = data_snapshots(line)
    made = next((index for index, s in enumerate(data) if RUN_ID in _summary(s)), len(data))
    head = _summary(line[0]) if line else {}
    return Published(
        name=name,
        location=location,
        snapshot_id=data[0]["snapshot-id"] if data else None,
        head_id=line[0]["snapshot-id"] if line else None,
        history=tuple(s["snapshot-id"] for s in data),
        properties=_properties(metadata.get("properties") or {}, data[made] if made < len(data) else None),
        columns=columns_of(_schema(metadata)),
        foreign=tuple(s["snapshot-id"] for s in data[:made]),
        foreign_appends=all(_summary(s).get("operation") == "append" for s in data[:made]),
        rows=int(head.get("total-records", 0)),
        bytes=int(head.get("total-files-size", 0)),
        committed_at=data[0].get("timestamp-ms", 0) if data else 0,
        undone=frozenset([*(m["snapshot-id"] for m in metadata.get("snapshot-log") or ()), *metadata["loose"]])
        - {s["snapshot-id"] for s in line}
        - set(metadata["ancestors"]),
    )


def main_line(metadata: _Json) -> Iterator[_Json]:
    """The snapshots of `main`, newest first, as far back as they are kept."""
    by_id = {s["snapshot-id"]: s for s in metadata.get("snapshots") or ()}
    at = metadata.get("current-snapshot-id")
    while at in by_id:
        snapshot = by_id.pop(at)
        yield snapshot
        at = snapshot.get("parent-snapshot-id")


def data_snapshots(line: list[_Json]) -> list[_Json]:
    """Those that changed data.

    A compaction rewrites files, not rows. Where expiry left nothing else, it stands for the data it rewrote.
    """
    found = [s for s in line if _summary(s).get("operation") != _REPLACE]
    return found or line[-1:]


def _summary(snapshot: _Json) -> _Json:
    summary: _Json = snapshot.get("summary") or {}
    return summary


def _properties(table: Mapping[str, str], made: _Json | None) -> dict[str, str]:
    facts = {k: v for k, v in table.items() if k in _PLAIN or (k.startswith(_PREFIX) and k != SAME_AS)}
    if made is None:
        return facts
    facts.update({k: v for k, v in _summary(made).items() if k.startswith(_PREFIX)})
    return facts | same_as(table, made["snapshot-id"])


def same_as(properties: Mapping[str, str], snapshot_id: int) -> dict[str, str]:
    """The facts of a later run that found the rows of this snapshot unchanged; empty where there was none."""
    try:
        same = json.loads(properties.get(SAME_AS, "{}"))
        if str(same.pop("snapshot-id", "")) == str(snapshot_id):
            return {str(k): str(v) for k, v in same.items()}
    except (ValueError, TypeError, AttributeError):
        # Someone else wrote there: the summary alone still holds, at worst a table is built once more.
        return {}
    return {}


def _schema(metadata: _Json) -> Schema:
    current = metadata.get("current-schema-id")
    schemas = metadata.get("schemas") or ()
    found = next((s for s in schemas if s.get("schema-id", 0) == current), None) or metadata.get("schema")
    return Schema.model_validate(found or {"type": "struct", "fields": []})
