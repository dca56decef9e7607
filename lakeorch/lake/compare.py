"""Did the rows change at all? What file statistics can prove without reading rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from pyiceberg.conversions import from_bytes
from pyiceberg.manifest import DataFile, DataFileContent
from pyiceberg.schema import Schema
from pyiceberg.types import PrimitiveType

from lakeorch.lake.footer import fields_in
from lakeorch.lake.scan import live
from lakeorch.lake.staged import Draft


@dataclass(slots=True)
class _Column:
    """What all files together say of one column; None where a file did not say."""

    nulls: int | None = 0
    least: Any = None
    most: Any = None
    bounded: bool = True


def rows_differ(draft: Draft, paths: Sequence[str]) -> bool:
    """Whether new files surely hold other rows than the table does now; False proves nothing."""
    before, after = draft.table.metadata.schema(), draft.change.table_metadata.schema()
    if draft.is_new or fields_in(before) != fields_in(after):
        return True
    old = [entry.data_file for entry in live(draft.table.io, draft.table.metadata.current_snapshot())]
    if any(file.content != DataFileContent.DATA for file in old):
        return False
    new = draft.measure(paths)
    if _rows(old) != _rows(new):
        return True
    was, now = _columns(before, old), _columns(before, new)
    return any(_differs(was[id], now[id]) for id in was)


def _rows(files: Iterable[DataFile]) -> int:
    return sum(file.record_count for file in files)


def _differs(was: _Column, now: _Column) -> bool:
    if was.nulls is not None and now.nulls is not None and was.nulls != now.nulls:
        return True
    return was.bounded and now.bounded and (was.least, was.most) != (now.least, now.most)


def _columns(schema: Schema, files: Sequence[DataFile]) -> dict[int, _Column]:
    primitive = {f.field_id: f.field_type for f in schema.fields if isinstance(f.field_type, PrimitiveType)}
    found = {id: _Column() for id in primitive}
    for file in files:
        if not file.record_count:
            continue
        for id, type in primitive.items():
            column = found[id]
            nulls = (file.null_value_counts or {}).get(id)
            column.nulls = None if nulls is None or column.nulls is None else column.nulls + nulls
            if nulls == file.record_count:
                continue
            low, high = (file.lower_bounds or {}).get(id), (file.upper_bounds or {}).get(id)
            if low is None or high is None:
                column.bounded = False
                continue
            least, most = from_bytes(type, low), from_bytes(type, high)
            column.least = least if column.least is None else min(column.least, least)
            column.most = most if column.most is None else max(column.most, most)
    return found
