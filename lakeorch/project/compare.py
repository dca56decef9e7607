"""Which rows of two relations differ: by key where there is one, else as whole rows. The engine does all of it.

One statement counts and picks the samples; Python sees a single row of results.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lakeorch.engines import Session
from lakeorch.errors import UsageError
from lakeorch.model import Field
from lakeorch.types import identifier, parse_type

_FLOATS = frozenset({"float", "double"})
_NUMBERS = frozenset({"int", "long", "decimal", *_FLOATS})
_TIMES = frozenset({"date", "timestamp", "timestamptz"})
_HERE = '"#here"'

Row = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two relations: how SQL calls it, its columns, and what a message calls it."""

    relation: str
    fields: tuple[Field, ...]
    name: str


@dataclass(frozen=True, slots=True)
class ChangedRow:
    """A row that both sides have under one key: the key, and the values that differ, before and after."""

    key: Row
    before: Row
    after: Row


@dataclass(frozen=True, slots=True)
class Comparison:
    """How the rows of `b` differ from those of `a`.

    Attributes:
        key: the columns that rows were matched by; empty where whole rows were compared.
        compared: the columns that both sides have.
        added, removed, changed, same: numbers of rows; without a key a changed row is one removed and one added.
        columns: column → in how many of the changed rows it differs; columns that differ nowhere are left out.
        added_rows, removed_rows, changed_rows: the first of them, in order of the key.
    """

    key: tuple[str, ...]
    compared: tuple[str, ...]
    added: int
    removed: int
    changed: int
    same: int
    columns: Mapping[str, int]
    added_rows: tuple[Row, ...] = ()
    removed_rows: tuple[Row, ...] = ()
    changed_rows: tuple[ChangedRow, ...] = ()

    @property
    def equal(self) -> bool:
        """No row differs."""
        return not (self.added or self.removed or self.changed)


@dataclass(frozen=True, slots=True)
class _Pair:
    """A column of both sides: how to compare it."""

    name: str
    text: bool
    tolerant: bool

    def of(self, side: str) -> str:
        value = f"{side}.{identifier(self.name)}"
        return f"CAST({value} AS VARCHAR)" if self.text else value


def compare(
    session: Session, a: Side, b: Side, key: Sequence[str], *, samples: int = 5, tolerance: float = 0.0
) -> Comparison:
    """Compares two relations of a session.

    Args:
        session: knows both.
        a: before.
        b: after.
        key: columns of both; empty to compare whole rows.
        samples: how many rows of each kind to show.
        tolerance: floating-point values x and y that differ by no more than this times max(1, |x|, |y|) are taken for
            equal. Only with a key.

    Raises:
        UsageError: a key column is missing, or the key is not unique.
    """
    pairs = _pairs(a, b, tolerance)
    if not key:
        return _whole_rows(session, a, b, pairs, samples)
    names = {pair.name.lower(): pair.name for pair in pairs}
    for name in key:
        if name.lower() not in names:
            raise UsageError(f'the key column "{name}" is not in both: {a.name} and {b.name}')
    return _by_key(session, a, b, pairs, [names[name.lower()] for name in key], samples, tolerance)


def floats(fields: Sequence[Field]) -> tuple[str, ...]:
    """The floating-point columns among these."""
    return tuple(field.name for field in fields if field.type in _FLOATS)


def _pairs(a: Side, b: Side, tolerance: float) -> list[_Pair]:
    before = {field.name.lower(): field for field in a.fields}
    found = []
    for after in b.fields:
        was = before.get(after.name.lower())
        if was is not None:
            kinds = {parse_type(was.type).kind, parse_type(after.type).kind}
            alike = was.type == after.type or kinds <= _NUMBERS or kinds <= _TIMES
            found.append(_Pair(after.name, not alike, bool(tolerance and kinds & _FLOATS and kinds <= _NUMBERS)))
    return found


def _by_key(
    session: Session, a: Side, b: Side, pairs: Sequence[_Pair], key: Sequence[str], samples: int, tolerance: float
) -> Comparison:
    of_key = [pair for pair in pairs if pair.name in key]
    rest = [pair for pair in pairs if pair.name not in key]
    match = " AND ".join(f"{pair.of('a')} IS NOT DISTINCT FROM {pair.of('b')}" for pair in of_key)
    differs = {pair.name: _differs(pair, tolerance) for pair in rest}
    both = f"a.{_HERE} AND b.{_HERE}"
    changed = f"{both} AND ({' OR '.join(differs.values()) or 'FALSE'})"
    counts = [
        f"count(*) FILTER (a.{_HERE} IS NULL) AS added",
        f"count(*) FILTER (b.{_HERE} IS NULL) AS removed",
        f"count(*) FILTER ({changed}) AS changed",
        f"count(*) FILTER ({both}) AS matched",
        *(f"count(*) FILTER ({both} AND {test}) AS n{at}" for at, test in enumerate(differs.values())),
    ]
    if samples:
        row_a, row_b = _struct("a", a.fields), _struct("b", b.fields)
        key_a, key_b = _struct("a", of_key), _struct("b", of_key)
        counts += [
            f"min_by({row_b}, {key_b}, {samples}) FILTER (a.{_HERE} IS NULL) AS added_rows",
            f"min_by({row_a}, {key_a}, {samples}) FILTER (b.{_HERE} IS NULL) AS removed_rows",
            f"min_by({{'a': {row_a}, 'b': {row_b}}}, {key_b}, {samples}) FILTER ({changed}) AS changed_rows",
        ]
    sides = [f"(SELECT *, TRUE AS {_HERE} FROM {side.relation})" for side in (a, b)]
    sizes = [f"(SELECT count(*) FROM {side.relation}) AS {name}" for side, name in ((a, "size_a"), (b, "size_b"))]
    found = _one(
        session,
        f"SELECT {', '.join([*counts, *sizes])} FROM {sides[0]} a FULL OUTER JOIN {sides[1]} b ON {match}",
    )
    _require_unique(found, a, b, key)
    names = list(differs)
    return Comparison(
        tuple(key),
        tuple(pair.name for pair in pairs),
        found["added"],
        found["removed"],
        found["changed"],
        found["matched"] - found["changed"],
        {name: found[f"n{at}"] for at, name in enumerate(names) if found[f"n{at}"]},
        tuple(found.get("added_rows") or ()),
        tuple(found.get("removed_rows") or ()),
        tuple(_changed_row(row, key, names) for row in found.get("changed_rows") or ()),
    )


def _require_unique(found: Mapping[str, Any], a: Side, b: Side, key: Sequence[str]) -> None:
    """A row that is matched twice has two partners: so much more is counted than there are rows."""
    for other, missing, size in ((b, "removed", "size_a"), (a, "added", "size_b")):
        if found["matched"] + found[missing] != found[size]:
            raise UsageError(
                f"the key ({', '.join(key)}) is not unique in {other.name}",
                hint="--key names other columns; --key '' compares whole rows",
            )


def _changed_row(row: Mapping[str, Row], key: Sequence[str], names: Sequence[str]) -> ChangedRow:
    before, after = row["a"], row["b"]
    # what only differs by no more than the tolerance is shown as well, next to what differs by more
    moved = [name for name in names if _value(before, name) != after[name]]
    return ChangedRow(
        {name: after[name] for name in key},
        {name: _value(before, name) for name in moved},
        {name: after[name] for name in moved},
    )


def _value(row: Row, name: str) -> object:
    """A column's value by a name whose letter case may be another on this side."""
    return row[name] if name in row else next(value for key, value in row.items() if key.lower() == name.lower())


def _differs(pair: _Pair, tolerance: float) -> str:
    a, b = pair.of("a"), pair.of("b")
    if not pair.tolerant:
        return f"({a} IS DISTINCT FROM {b})"
    x, y = f"CAST({a} AS DOUBLE)", f"CAST({b} AS DOUBLE)"
    near = f"isfinite({x}) AND isfinite({y}) AND abs({x} - {y}) <= {tolerance!r} * greatest(1, abs({x}), abs({y}))"
    return f"({a} IS DISTINCT FROM {b} AND NOT coalesce({near}, FALSE))"


def _whole_rows(session: Session, a: Side, b: Side, pairs: Sequence[_Pair], samples: int) -> Comparison:
    names = [identifier(pair.name) for pair in pairs]
    listed = ", ".join(names) or "1 AS no_columns"
    parts = [
        f"SELECT {', '.join(f'{pair.of(side)} AS {identifier(pair.name)}' for pair in pairs) or '1 AS no_columns'}, "
        f'{sign} AS "#n" FROM {relation} {side}'
        for side, sign, relation in (("a", -1, a.relation), ("b", 1, b.relation))
    ]
    grouped = f'SELECT {listed}, sum("#n") AS "#n" FROM ({" UNION ALL ".join(parts)}) GROUP BY ALL'
    row = _struct("d", pairs) if pairs else "{'no_columns': 1}"
    counts = [
        'coalesce(sum("#n") FILTER ("#n" > 0), 0)::BIGINT AS added',
        'coalesce(-sum("#n") FILTER ("#n" < 0), 0)::BIGINT AS removed',
        f"(SELECT count(*) FROM {b.relation}) AS size_b",
    ]
    if samples:
        counts += [
            f'min_by({row}, {row}, {samples}) FILTER ("#n" > 0) AS added_rows',
            f'min_by({row}, {row}, {samples}) FILTER ("#n" < 0) AS removed_rows',
        ]
    found = _one(session, f'SELECT {", ".join(counts)} FROM ({grouped} HAVING sum("#n") <> 0) d')
    return Comparison(
        (),
        tuple(pair.name for pair in pairs),
        found["added"],
        found["removed"],
        0,
        found["size_b"] - found["added"],
        {},
        tuple(found.get("added_rows") or ()),
        tuple(found.get("removed_rows") or ()),
    )


def _struct(side: str, columns: Sequence[Field] | Sequence[_Pair]) -> str:
    members = (f"{_key(column.name)}: {side}.{identifier(column.name)}" for column in columns)
    return f"{{{', '.join(members)}}}"


def _key(name: str) -> str:
    return "'" + name.replace("'", "''") + "'"


def _one(session: Session, sql: str) -> dict[str, Any]:
    [row] = session.fetch(sql).read_all().to_pylist()
    return dict(row)
