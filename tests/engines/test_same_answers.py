"""Every engine over the same queries: what it answers is what DuckDB answers, and what might differ is refused."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, example, given, settings

from lakeorch import plugins
from lakeorch.engines import Engine, Files, Rows, Target, numbered
from lakeorch.errors import EngineError
from tests.engines.generated import queries
from tests.engines.queries import REFUSED, SAME

OTHERS = [name for name in plugins.names("engines") if name != "duckdb"]
FULL = 2**31 - 1
# a long search: LAKEORCH_EXAMPLES=5000
EXAMPLES = int(os.environ.get("LAKEORCH_EXAMPLES", "60"))


def decimals(*texts: str, type: pa.DataType) -> pa.Array:
    return pa.array([Decimal(text) if text else None for text in texts], type)


TABLE = pa.table(
    {
        "n": pa.array(range(6), pa.int64()),
        "i": pa.array([1, 7, -7, None, 3, 1], pa.int32()),
        "j": pa.array([2, -2, 2, 3, None, 2], pa.int32()),
        "k": pa.array([FULL, 2, 5, None, FULL, -FULL], pa.int32()),
        "z": pa.array([0, 0, 1, None, 7, 7], pa.int32()),
        "l": pa.array([2**40, 1, 2, None, -(2**60), 5], pa.int64()),
        "f": pa.array([1.5, math.nan, None, -0.5, 2.5, 1e20], pa.float64()),
        "g": pa.array([0.0, -0.0, math.nan, math.nan, None, 1.005], pa.float64()),
        "d": decimals("1.05", "2.25", "-1.15", "", "0.00", "9.99", type=pa.decimal128(9, 2)),
        "e": decimals("1.005", "2.500", "3.123", "", "-2.5", "1", type=pa.decimal128(10, 3)),
        "h": decimals("2.5", "-2.5", "1.45", "1.35", "0.05", "-0.05", type=pa.decimal128(9, 2)),
        "s": pa.array(["abc", "A%c", None, "", "abc", "ab"], pa.string()),
        "u": pa.array(["aß\nb", " x\t", "İé🤦🏼", "a%_\\", "Ab", None], pa.string()),
        "b": pa.array([True, False, None, True, False, True], pa.bool_()),
        "dt": pa.array(
            [date(2024, 1, 31), date(2024, 2, 29), None, date(1969, 12, 31), date(2024, 3, 3), date(2024, 1, 1)]
        ),
        "ts": pa.array(
            [datetime(2024, 1, 31, 23, 59, 59, 999999), datetime(2024, 2, 29), None, datetime(1969, 12, 31, 23), None,
             datetime(2024, 12, 30, 1, 2, 3)], pa.timestamp("us"),
        ),
    }
)  # fmt: skip


def as_query(line: str) -> str:
    """A line of the lists as a query: `t` is the table."""
    sql = line if re.match(r"\(?(SELECT|WITH)\b", line) else f"SELECT {line} AS x FROM t"
    return re.sub(r"(?<=FROM |JOIN )t\b|(?<=, )t(?= [ab]\b)", '"x"."t"', sql)


class Side:
    """One engine and its answers."""

    def __init__(self, name: str, folder: Path) -> None:
        self.engine: Engine = vars(plugins.load("engines", name))["engine"](2)
        self.folder = str(folder / name)
        duckdb = self.engine if name == "duckdb" else vars(plugins.load("engines", "duckdb"))["engine"](2)
        with duckdb.session([Rows("x.t", TABLE)], {}, "/") as session:
            fields = numbered(session.columns('FROM "x"."t"'))
            paths = session.write('FROM "x"."t"', Target(self.folder + "/t", "t", fields))
        self.files = Files("x.t", fields, paths)
        self.session = self.engine.session([self.files], {"v": 2}, "/")
        self.number = 0

    def answer(self, sql: str) -> tuple[list[tuple[str, str]], list[tuple[Any, ...]]]:
        """Names, types and rows; of another engine than DuckDB by way of files, as a run writes them."""
        columns = self.session.columns(sql)
        if self.engine.name == "duckdb":
            rows = self.session.fetch(sql).read_all().to_pylist()
        else:
            self.number += 1
            target = Target(f"{self.folder}/{self.number}", "q", numbered(columns))
            rows = [row for path in self.session.write(sql, target) for row in pq.read_table(path).to_pylist()]
        return [(c.name, c.type) for c in columns], sorted((tuple(r.values()) for r in rows), key=by_look)


def by_look(row: tuple[Any, ...]) -> list[str]:
    return [f"{value + 0.0:.6g}" if isinstance(value, float) else repr(value) for value in row]


def same(one: Any, other: Any) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        return (math.isnan(one) and math.isnan(other)) or math.isclose(one, other, rel_tol=1e-12) or one == other
    return bool(one == other)


def alike(one: list[tuple[Any, ...]], other: list[tuple[Any, ...]]) -> bool:
    return len(one) == len(other) and all(
        len(a) == len(b) and all(map(same, a, b)) for a, b in zip(one, other, strict=True)
    )


@pytest.fixture(scope="module", params=OTHERS)
def sides(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Side, Side]]:
    folder = tmp_path_factory.mktemp("answers")
    found = Side("duckdb", folder), Side(request.param, folder)
    yield found
    for side in found:
        with side.session:
            pass
        side.engine.close()


@pytest.mark.parametrize("line", SAME.strip().split("\n"))
def test_the_answer_is_that_of_duckdb(sides: tuple[Side, Side], line: str) -> None:
    (names, rows), (other_names, other_rows) = (side.answer(as_query(line)) for side in sides)
    assert names == other_names
    assert alike(rows, other_rows), (rows, other_rows)


@pytest.mark.parametrize("line", REFUSED.strip().split("\n"))
def test_what_might_differ_is_refused_when_it_is_bound(sides: tuple[Side, Side], line: str) -> None:
    sql = as_query(line)
    with pytest.raises(EngineError) as refused:
        sides[1].session.columns(sql)
    assert f"the {sides[1].engine.name} engine" in refused.value.message
    assert refused.value.position is not None or "cannot r" in refused.value.message
    assert "`engine: duckdb`" in refused.value.hint or "cannot read" in refused.value.message


@pytest.mark.parametrize(
    "line",
    ["k + 1", "k * k", "l * l", "l - 9223372036854775807", "-(k - 2)", "k::BIGINT * 4611686018427387904", "l::INTEGER",
     "i::DECIMAL(2,2)", "(h * 1e9::DOUBLE)::DECIMAL(9,2)", "sum(l) * 4611686018427387904 * 4611686018427387904"],
)  # fmt: skip
def test_what_is_too_large_fails_in_every_engine(sides: tuple[Side, Side], line: str) -> None:
    for side in sides:
        with pytest.raises(EngineError):
            side.answer(as_query(line))


def test_trim_takes_the_same_characters_for_spaces(sides: tuple[Side, Side]) -> None:
    texts = [f"{chr(each)}x{chr(each)}" for each in range(1, 0x3100)]
    for side in sides:
        side.session.add(Rows("x.chars", pa.table({"n": range(len(texts)), "s": texts})))
    (_, rows), (_, other_rows) = (side.answer('SELECT n, trim(s) AS x FROM "x"."chars"') for side in sides)
    assert sum(x == "x" for _, x in rows) == 17  # Unicode's category Zs
    assert rows == other_rows


@lru_cache
def _pair(name: str, folder: Path) -> tuple[Side, Side]:
    return Side("duckdb", folder), Side(name, folder)


@pytest.mark.parametrize("name", OTHERS)
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=EXAMPLES < 1000,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(sql=queries())
@example(sql="SELECT CAST(avg(a.d) AS DECIMAL(18,2)) AS c0, round(avg(a.i), 2) AS c1 FROM t a")
@example(sql="SELECT a.i / coalesce(0, a.i) AS c0, a.f / coalesce(7, a.i) AS c1, coalesce('x', a.s) AS c2 FROM t a")
def test_queries_that_nobody_wrote(name: str, tmp_path_factory: pytest.TempPathFactory, sql: str) -> None:
    duckdb, other = _pair(name, tmp_path_factory.getbasetemp())
    sql = as_query(sql)
    try:
        wanted = duckdb.answer(sql)
    except EngineError:
        return
    refused = ""
    try:
        found = other.answer(sql)
    except EngineError as error:
        refused = error.message
    if refused:
        # a refusal is no wrong answer; and what is too large may be looked at in rows that DuckDB leaves out earlier
        known = (f"the {name} engine does not take this", "does not fit", "overflow in")
        assert any(each in refused for each in known), (sql, refused)
        return
    assert wanted[0] == found[0], sql
    assert alike(wanted[1], found[1]), (sql, wanted[1], found[1])
