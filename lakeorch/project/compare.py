"""Which rows of two relations differ: by key where there is one, else as whole rows. The engine does all of it.

One statement counts, and picks the keys of the samples; another fetches these few rows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING, Any

from lakeorch.engines import Engine, Query, Rows, Session
from lakeorch.errors import UsageError
from lakeorch.model import Field
from lakeorch.types import identifier, literal, parse_type

if TYPE_CHECKING:
    import pyarrow as pa

_FLOATS = frozenset({"float", "double"})
_NUMBERS = frozenset({"int", "long", "decimal", *_FLOATS})
_TIMES = frozenset({"date", "timestamp", "timestamptz"})
_HERE = '"#here"'
_PICKED = "_lakeorch.picked"
_NTH = "#nth"

Row = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two relations: its name as the engine writes it, its columns, and what a message calls it."""

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
    engine: Engine,
    session: Session,
    a: Side,
    b: Side,
    key: Sequence[str],
    *,
    samples: int = 5,
    tolerance: float = 0.0,
) -> Comparison:
    """Compares two relations of a session.

    Args:
        engine: of the session.
        session: knows both relations.
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
    known = {pair.name.lower(): pair for pair in pairs}
    for name in key:
        if name.lower() not in known:
            raise UsageError(f'the key column "{name}" is not in both: {a.name} and {b.name}')
    of_key = [known[name.lower()] for name in key]
    counted = _by_key(session, a, b, pairs, of_key, samples, tolerance)
    if counted.picked is None:
        return counted.comparison
    session.add(Rows(_PICKED, counted.picked))
    picked, table = engine.quote(_PICKED), counted.picked

    def only(side: str) -> str:
        return f"SEMI JOIN {picked} k ON {_matching(of_key, side, 'k')} WHERE {_near(of_key, table, side)}"

    return _with_samples(counted.comparison, _rows(session, a, b, of_key, only))


def compare_rows(
    engine: Engine, session: Session, a: Side, b: Side, key: Sequence[str], tolerance: float, *, samples: int = 5
) -> Comparison:
    """Compares two relations with the same columns, floating-point values within `tolerance` (see `compare`).

    Rows are matched by the key where it is one. Else by their place among those that are alike but for their
    floating-point columns; without such columns whole rows are compared.
    """
    fields = a.fields
    if key and {column.lower() for column in key} <= {field.name.lower() for field in fields}:
        try:
            return compare(engine, session, a, b, key, samples=samples, tolerance=tolerance)
        except UsageError:
            key = ()  # not unique: what a tampered file, or a wrong query, may well bring about
    inexact = floats(fields)
    if not inexact:
        return compare(engine, session, a, b, (), samples=samples)
    a, b = (_numbered(session, engine, side, inexact) for side in (a, b))
    exact = [field.name for field in fields if field.name not in inexact]
    return compare(engine, session, a, b, [*exact, _NTH], samples=samples, tolerance=tolerance)


def _numbered(session: Session, engine: Engine, side: Side, inexact: Sequence[str]) -> Side:
    """A relation whose rows are numbered among those that are alike but for their floating-point columns."""
    among = ", ".join(identifier(field.name) for field in side.fields if field.name not in inexact)
    order = ", ".join(identifier(name) for name in inexact)
    numbered = Query(
        f"{side.name} numbered",
        f"SELECT *, row_number() OVER ({f'PARTITION BY {among} ' if among else ''}ORDER BY {order}) "
        f"AS {identifier(_NTH)} FROM {side.relation}",
    )
    session.add(numbered)
    return Side(engine.quote(numbered.name), (*side.fields, Field(0, _NTH, "long")), side.name)


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


@dataclass(frozen=True, slots=True)
class _Counted:
    """What the first statement found: the numbers, and the keys of the samples where there are any."""

    comparison: Comparison
    picked: pa.Table | None


def _by_key(
    session: Session, a: Side, b: Side, pairs: Sequence[_Pair], key: Sequence[_Pair], samples: int, tolerance: float
) -> _Counted:
    differs = {pair.name: _differs(pair, tolerance) for pair in pairs if pair not in key}
    both = f"a.{_HERE} AND b.{_HERE}"
    changed = f"{both} AND ({' OR '.join(differs.values()) or 'FALSE'})"
    parts = {"added": f"a.{_HERE} IS NULL", "removed": f"b.{_HERE} IS NULL", "changed": changed, "matched": both}
    counts = [f"count(*) FILTER ({test}) AS {name}" for name, test in parts.items()]
    counts += [f"count(*) FILTER ({both} AND {test}) AS n{at}" for at, test in enumerate(differs.values())]
    if samples:
        # the keys alone: to carry whole rows through the aggregation would cost as much as the join
        told = ", ".join(f"{_key(pair.name)}: coalesce({pair.of('b')}, {pair.of('a')})" for pair in key)
        names = ("added", "removed", "changed")
        counts += [f"min({{{told}}}, {samples}) FILTER ({parts[name]}) AS {name}_keys" for name in names]
    counts += [f"(SELECT count(*) FROM {side.relation}) AS {name}" for side, name in ((a, "size_a"), (b, "size_b"))]
    found = session.fetch(f"SELECT {', '.join(counts)} FROM {_joined(a, b, key)}").read_all()
    numbers = {name: found[name][0].as_py() for name in found.column_names if not name.endswith("_keys")}
    _require_unique(numbers, a, b, key)
    comparison = Comparison(
        tuple(pair.name for pair in key),
        tuple(pair.name for pair in pairs),
        numbers["added"],
        numbers["removed"],
        numbers["changed"],
        numbers["matched"] - numbers["changed"],
        {name: numbers[f"n{at}"] for at, name in enumerate(differs) if numbers[f"n{at}"]},
    )
    return _Counted(comparison, _picked(found) if samples else None)


def _picked(found: pa.Table) -> pa.Table | None:
    import pyarrow as pa

    picked = [found[name].combine_chunks().flatten() for name in found.column_names if name.endswith("_keys")]
    tables = [pa.Table.from_struct_array(keys) for keys in picked if len(keys)]
    return pa.concat_tables(tables) if tables else None


def _matching(key: Sequence[_Pair], one: str, other: str) -> str:
    return " AND ".join(f"{pair.of(one)} IS NOT DISTINCT FROM {pair.of(other)}" for pair in key)


def _joined(a: Side, b: Side, key: Sequence[_Pair], only: Callable[[str], str] = lambda _: "") -> str:
    """Both sides, matched by key, each with a mark that its row is there; `only` says what of each is taken."""
    one, other = (
        f"(SELECT {at}.*, TRUE AS {_HERE} FROM {side.relation} {at} {only(at)})" for side, at in ((a, "a"), (b, "b"))
    )
    return f"{one} a FULL OUTER JOIN {other} b ON {_matching(key, 'a', 'b')}"


def _near(key: Sequence[_Pair], picked: pa.Table, side: str) -> str:
    """A condition that lets an engine skip most of a file, which for a join it does not; TRUE where there is none."""
    for pair in key:
        values = picked[pair.name].to_pylist()
        if not pair.text and all(isinstance(value, int | str | date) for value in values):
            return f"{pair.of(side)} IN ({literal(values)})"
    return "TRUE"


def _rows(
    session: Session, a: Side, b: Side, key: Sequence[_Pair], only: Callable[[str], str]
) -> list[tuple[Row | None, Row | None]]:
    """The rows with the picked keys, before and after, in order of the key."""
    sides = (("a", a), ("b", b))
    columns = [f"CASE WHEN {at}.{_HERE} THEN {_struct(at, side.fields)} END AS {at}" for at, side in sides]
    order = ", ".join(f"coalesce({pair.of('b')}, {pair.of('a')})" for pair in key)
    joined = _joined(a, b, key, only)
    found = session.fetch(f"SELECT {', '.join(columns)} FROM {joined} ORDER BY {order}").read_all().to_pylist()
    return [(row["a"], row["b"]) for row in found]


def _with_samples(counted: Comparison, rows: Sequence[tuple[Row | None, Row | None]]) -> Comparison:
    names = [name for name in counted.compared if name not in counted.key]
    return replace(
        counted,
        added_rows=tuple(after for before, after in rows if before is None and after is not None),
        removed_rows=tuple(before for before, after in rows if before is not None and after is None),
        changed_rows=tuple(_changed_row(x, y, counted.key, names) for x, y in rows if x is not None and y is not None),
    )


def _require_unique(found: Mapping[str, Any], a: Side, b: Side, key: Sequence[_Pair]) -> None:
    """A row that is matched twice has two partners: so much more is counted than there are rows."""
    for other, missing, size in ((b, "removed", "size_a"), (a, "added", "size_b")):
        if found["matched"] + found[missing] != found[size]:
            raise UsageError(
                f"the key ({', '.join(pair.name for pair in key)}) is not unique in {other.name}",
                hint="--key names other columns; --key '' compares whole rows",
            )


def _changed_row(before: Row, after: Row, key: Sequence[str], names: Sequence[str]) -> ChangedRow:
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
