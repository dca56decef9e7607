"""Differences of two versions of a table, against what Python finds by brute force."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lakeorch.engines import Rows, Session
from lakeorch.engines.duckdb import DuckDB
from lakeorch.errors import UsageError
from lakeorch.model import Field
from lakeorch.project.compare import Comparison, Side, compare
from tests.versions.shop import Shop

ORDERS = (
    "/* ---\nunique_key: [id]\nmaterialized: merge\n--- */\n"
    "SELECT id::BIGINT AS id, status, price::DECIMAL(10,2) AS price, day::DATE AS day FROM read_csv('raw/orders*.csv')"
)
HEADER = "id,status,price,day\n"


def orders(shop: Shop) -> tuple[str, str]:
    """Two runs over a table of orders: one is changed twice over, one comes, the rest stays."""
    shop.write("models/marts/orders.sql", ORDERS)
    shop.write("raw/orders1.csv", HEADER + "".join(f"{i},open,{i}.50,2025-10-0{i}\n" for i in range(1, 6)))
    for name in ("sales", "latest", "named", "revenue"):
        next(shop.folder.rglob(f"{name}.sql")).unlink()
    first = shop.run()
    shop.write(
        "raw/orders2.csv", HEADER + "2,closed,2.50,2025-10-02\n4,closed,9.99,2025-10-04\n7,open,7.00,2025-10-07\n"
    )
    return first, shop.run()


def test_rows_by_the_models_own_key(shop: Shop) -> None:
    first, second = orders(shop)
    found = shop.project.diff("orders")
    assert (found.before.run_id, found.after.run_id) == (first, second)
    rows = found.rows
    assert (found.rows_before, found.rows_after, rows.key) == (5, 6, ("id",))
    assert (rows.added, rows.removed, rows.changed, rows.same) == (1, 0, 2, 3)
    assert rows.columns == {"status": 2, "price": 1}
    assert rows.added_rows[0]["id"] == 7
    assert [(row.key["id"], dict(row.before), dict(row.after)) for row in rows.changed_rows] == [
        (2, {"status": "open"}, {"status": "closed"}),
        (4, {"status": "open", "price": rows.changed_rows[1].before["price"]}, dict(rows.changed_rows[1].after)),
    ]
    assert not found.equal
    assert shop.project.diff("orders", second).equal
    assert shop.project.diff("orders", first, second).to_dict() == found.to_dict()
    back = shop.project.diff("orders", second, first).rows
    assert (back.added, back.removed, back.changed) == (0, 1, 2)


def test_the_json_document_is_plain(shop: Shop) -> None:
    orders(shop)
    doc = json.loads(json.dumps(shop.project.diff("orders").to_dict()))
    assert doc["samples"]["added"] == [{"id": 7, "status": "open", "price": "7.00", "day": "2025-10-07"}]
    assert doc["samples"]["changed"][0] == {
        "key": {"id": 2},
        "before": {"status": "open"},
        "after": {"status": "closed"},
    }
    assert doc["rows"] == {"added": 1, "removed": 0, "changed": 2, "same": 3}
    assert isinstance(doc["before"]["snapshot_id"], str)


def test_another_key_and_no_key(shop: Shop) -> None:
    orders(shop)
    by_day = shop.project.diff("orders", key=["day", "id"]).rows
    assert (by_day.key, by_day.changed) == (("day", "id"), 2)
    whole = shop.project.diff("orders", key=[]).rows
    assert (whole.key, whole.added, whole.removed, whole.changed, whole.same) == ((), 3, 2, 0, 3)
    assert {row["id"] for row in whole.removed_rows} == {2, 4}
    assert shop.project.diff("orders", samples=0).rows.added_rows == ()
    with pytest.raises(UsageError, match="not unique"):
        shop.project.diff("orders", key=["status"])
    with pytest.raises(UsageError, match='"idd" is not in both'):
        shop.project.diff("orders", key=["idd"])


def test_columns_that_came_went_and_changed(shop: Shop) -> None:
    shop.run()
    shop.write(
        "models/marts/revenue.sql",
        "/* ---\nchecks: [{unique: [name]}]\n--- */\n"
        "SELECT name, sum(amount)::DECIMAL(9,2) AS revenue, min(store) AS s FROM marts.named GROUP BY name",
    )
    shop.run(full=True)
    found = shop.project.diff("marts.revenue")
    assert found.columns_added == {"s": "string"}
    assert found.columns_removed == {"sales": "long"}
    assert found.columns_changed == {"revenue": ("double", "decimal(9,2)")}
    assert (found.rows.changed, found.rows.same, found.rows.compared) == (0, 2, ("name", "revenue"))
    assert not found.equal


def test_versions_by_run_time_and_snapshot(shop: Shop) -> None:
    first = shop.run()
    second = shop.day(2, [(3, "a", 1.0)])
    ids = {v.run_id: v.snapshot_id for v in shop.project.history("sales")}
    found = shop.project.diff("sales", str(ids[first]), "2999-01-01")
    assert (found.before.run_id, found.after.run_id, found.rows.added) == (first, second, 1)
    with pytest.raises(UsageError, match="no version before"):
        shop.project.diff("sales", None, first)
    with pytest.raises(UsageError, match="was not there yet"):
        shop.project.diff("sales", "2000-01-01")


def test_files_that_both_share_are_not_read(shop: Shop) -> None:
    """Their rows are on both sides: even where they cannot be read, the difference is known."""
    shop.run()
    old = set(shop.data_files("staging.sales"))
    shop.day(2, [(3, "a", 1.0)])
    for path in old:
        path.write_bytes(b"not parquet")
    found = shop.project.diff("sales").rows
    assert (found.added, found.removed, found.same) == (1, 0, 2)


# ---- against brute force ----


@pytest.fixture(scope="module")
def engine() -> Iterator[DuckDB]:
    engine = DuckDB(1)
    yield engine
    engine.close()


FIELDS = (Field(1, "k", "long"), Field(2, "t", "string"), Field(3, "x", "double"))
SCHEMA = pa.schema([("k", pa.int64()), ("t", pa.string()), ("x", pa.float64())])
VALUES = st.tuples(
    st.sampled_from([None, "a", "b", ""]), st.sampled_from([None, 0.0, -0.0, 1.5, float("nan"), float("inf")])
)
KEYED = st.dictionaries(st.one_of(st.none(), st.integers(0, 6)), VALUES, max_size=7)
LOOSE = st.lists(
    st.tuples(st.integers(0, 2), st.sampled_from([None, "a", "b"]), st.sampled_from([None, 1.5])), max_size=8
)


def run(
    engine: DuckDB, a: Sequence[tuple[Any, ...]], b: Sequence[tuple[Any, ...]], key: Sequence[str], **words: Any
) -> Comparison:
    relations = [
        Rows(name, pa.Table.from_pylist([dict(zip(SCHEMA.names, row, strict=True)) for row in rows], SCHEMA))
        for name, rows in (("n.a", a), ("n.b", b))
    ]
    with engine.session(relations, {}, ".") as session:
        return held(session, engine, key, **words)


def held(session: Session, engine: DuckDB, key: Sequence[str], **words: Any) -> Comparison:
    sides = [Side(engine.quote(name), FIELDS, name) for name in ("n.a", "n.b")]
    return compare(engine, session, sides[0], sides[1], key, **words)


def same(x: object, y: object) -> bool:
    return x == y or (x != x and y != y and x is not None and y is not None)  # noqa: PLR0124


@settings(max_examples=150, deadline=None)
@given(a=KEYED, b=KEYED)
def test_by_key_as_brute_force_finds(engine: DuckDB, a: dict[Any, Any], b: dict[Any, Any]) -> None:
    found = run(engine, [(k, *v) for k, v in a.items()], [(k, *v) for k, v in b.items()], ["k"], samples=9)
    both = a.keys() & b.keys()
    texts = {k for k in both if not same(a[k][0], b[k][0])}
    numbers = {k for k in both if not same(a[k][1], b[k][1])}
    changed = texts | numbers
    assert (found.added, found.removed) == (len(b.keys() - a.keys()), len(a.keys() - b.keys()))
    assert (found.changed, found.same) == (len(changed), len(both - changed))
    assert found.columns == {name: len(ks) for name, ks in (("t", texts), ("x", numbers)) if ks}
    assert {row["k"] for row in found.added_rows} == b.keys() - a.keys()
    assert {row.key["k"] for row in found.changed_rows} == changed
    assert found.equal == (not changed and a.keys() == b.keys())


@settings(max_examples=100, deadline=None)
@given(a=LOOSE, b=LOOSE)
def test_whole_rows_as_brute_force_finds(engine: DuckDB, a: list[Any], b: list[Any]) -> None:
    found = run(engine, a, b, [])
    before, after = Counter(a), Counter(b)
    assert (found.added, found.removed) == ((after - before).total(), (before - after).total())
    assert found.same == (after & before).total()


@settings(max_examples=100, deadline=None)
@given(a=LOOSE, b=LOOSE)
def test_a_key_that_matches_a_row_twice_is_refused(engine: DuckDB, a: list[Any], b: list[Any]) -> None:
    before, after = Counter(row[0] for row in a), Counter(row[0] for row in b)
    twice = any(before[k] > 1 or after[k] > 1 for k in before.keys() & after.keys())
    try:
        run(engine, a, b, ["k"])
        assert not twice
    except UsageError:
        assert twice


def test_the_tolerance_is_relative_and_absolute_below_one(engine: DuckDB) -> None:
    inf = float("inf")
    before = [(1, "", 1e12), (2, "", 0.0), (3, "", 5.0), (4, "", inf), (5, "", None), (6, "", 1.0)]
    after = [(1, "", 1e12 + 1), (2, "", 1e-12), (3, "", 5.1), (4, "", 5.0), (5, "", 0.0), (6, "", float("nan"))]
    found = run(engine, before, after, ["k"], samples=9, tolerance=1e-9)
    assert {row.key["k"] for row in found.changed_rows} == {3, 4, 5, 6}
    assert run(engine, before, after, ["k"]).changed == 6


def test_a_value_of_another_kind_is_compared_as_text(engine: DuckDB) -> None:
    table = pa.table({"k": [1, 2], "v": pa.array([date(2025, 1, 1), None])})
    other = pa.table({"k": [1, 2], "v": ["2025-01-01", "x"]})
    fields = (Field(1, "k", "long"), Field(2, "v", "date")), (Field(1, "k", "long"), Field(2, "v", "string"))
    with engine.session([Rows("n.a", table), Rows("n.b", other)], {}, ".") as session:
        sides = [Side(engine.quote(name), columns, name) for name, columns in zip(("n.a", "n.b"), fields, strict=True)]
        assert compare(engine, session, sides[0], sides[1], ["k"]).changed == 1
        assert compare(engine, session, sides[0], sides[1], []).added == 1


@pytest.mark.parametrize(
    ("type", "keys"),
    [
        ("int", pa.array([1, 2, 4], pa.int32())),
        ("string", pa.array(["1", "2", "4"])),
        ("double", pa.array([1.0, 2, 4])),
    ],
)
def test_a_key_of_another_type(engine: DuckDB, type: str, keys: pa.Array) -> None:
    """Rows of one key are matched whatever the type of the column was before, and all samples are found."""
    before = pa.table({"k": pa.array([1, 2, 3], pa.int64()), "v": ["a", "b", "c"]})
    after = pa.table({"k": keys, "v": ["a", "B", "d"]})
    fields = [(Field(1, "k", kind), Field(2, "v", "string")) for kind in ("long", type)]
    with engine.session([Rows("n.a", before), Rows("n.b", after)], {}, ".") as session:
        sides = [Side(engine.quote(name), columns, name) for name, columns in zip(("n.a", "n.b"), fields, strict=True)]
        found = compare(engine, session, sides[0], sides[1], ["k"])
        assert (found.added, found.removed, found.changed, found.same) == (1, 1, 1, 1)
        assert [row["v"] for row in found.added_rows] == ["d"]
        assert [row["v"] for row in found.removed_rows] == ["c"]
        assert [(row.key["k"], row.before, row.after) for row in found.changed_rows] == [
            (keys[1].as_py(), {"v": "b"}, {"v": "B"})
        ]
