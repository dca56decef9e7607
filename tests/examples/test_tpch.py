"""The queries of TPC-H and marts over its tables: what other engines read of them equals what bare DuckDB answers."""

from __future__ import annotations

import math
import shlex
import shutil
import subprocess
import sysconfig
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from pyiceberg.catalog.sql import SqlCatalog

from lakeorch.project import Project
from lakeorch.project.result import Result
from tests.conftest import picture

EXAMPLE = Path(__file__).parents[2] / "examples" / "tpch"
TABLES = ("customer", "lineitem", "nation", "orders", "part", "partsupp", "region", "supplier")
SCALE = 0.01

# What the specification's data give at this scale: an empty answer cannot pass for an equal one.
ROWS = {
    **{"q01": 4, "q02": 4, "q03": 10, "q04": 5, "q05": 5, "q06": 1, "q07": 4, "q08": 2, "q09": 173, "q10": 20},
    **{"q11": 1, "q12": 2, "q13": 33, "q14": 1, "q15": 1, "q16": 296, "q17": 1, "q18": 2, "q19": 1, "q20": 1},
    **{"q21": 1, "q22": 7},
}
# So little data holds no part that query 17 asks for and no sale that query 8 does: they answer NULL and 0.
TRIVIAL = {"q08", "q17"}
LESS_TRIVIAL_SCALE = 0.02

# The marts asked once more, straight from the raw files and in other words than the models'.
MARTS = {
    "core.sales": (
        "SELECT l_orderkey, l_linenumber, o_custkey, n_name, l_partkey, l_suppkey, o_orderdate, l_receiptdate, "
        "l_quantity::DECIMAL(15,2), (l_extendedprice - l_extendedprice * l_discount)::DECIMAL(18,4), "
        "(l_quantity * (SELECT any_value(ps_supplycost) FROM partsupp "
        "  WHERE ps_partkey = l_partkey AND ps_suppkey = l_suppkey))::DECIMAL(18,4), "
        "l_commitdate < l_receiptdate, l_returnflag = 'R' "
        "FROM lineitem, orders, customer, nation "
        "WHERE l_orderkey = o_orderkey AND o_custkey = c_custkey AND c_nationkey = n_nationkey"
    ),
    "marts.monthly_revenue": (
        "SELECT n_name, make_date(year(o_orderdate), month(o_orderdate), 1) AS m, count(DISTINCT o_orderkey), "
        "sum(l_extendedprice * (1 - l_discount))::DECIMAL(18,4), "
        "(sum(l_extendedprice * (1 - l_discount)) - sum(l_quantity * ps_supplycost))::DECIMAL(18,4) "
        "FROM nation JOIN customer ON c_nationkey = n_nationkey JOIN orders ON o_custkey = c_custkey "
        "JOIN lineitem ON l_orderkey = o_orderkey JOIN partsupp ON ps_partkey = l_partkey AND ps_suppkey = l_suppkey "
        "GROUP BY n_name, m"
    ),
    "marts.customer_value": (
        "WITH worth AS (SELECT c_custkey AS id, c_name AS name, c_mktsegment AS segment, "
        "  (SELECT count(*) FROM orders WHERE o_custkey = c_custkey) AS placed, "
        "  coalesce((SELECT sum(l_extendedprice * (1 - l_discount)) FROM orders JOIN lineitem "
        "    ON l_orderkey = o_orderkey WHERE o_custkey = c_custkey), 0)::DECIMAL(18,4) AS net, "
        "  (SELECT max(o_orderdate) FROM orders WHERE o_custkey = c_custkey) AS latest FROM customer) "
        "SELECT *, 1 + (SELECT count(*) FROM worth w WHERE w.segment = worth.segment AND w.net > worth.net) FROM worth"
    ),
    "marts.supplier_scorecard": (
        "SELECT s_suppkey, s_name, date_part('year', l_receiptdate) AS y, count(*), "
        "round(avg(if(l_receiptdate > l_commitdate, 1.0, 0.0)), 4), round(avg(if(l_returnflag = 'R', 1.0, 0.0)), 4) "
        "FROM supplier JOIN lineitem ON l_suppkey = s_suppkey GROUP BY s_suppkey, s_name, y"
    ),
}

ICEBERG = {
    **{"BIGINT": "long", "INTEGER": "int", "DOUBLE": "double", "VARCHAR": "string", "DATE": "date"},
    "BOOLEAN": "boolean",
    "HUGEINT": "decimal(38, 0)",
}

Row = tuple[Any, ...]


@dataclass(frozen=True)
class Answer:
    """Names and Iceberg types of the columns, and the rows."""

    columns: list[tuple[str, str]]
    rows: list[Row]


@dataclass(frozen=True)
class Lake:
    """A copy of the example with its data, after one run."""

    root: Path
    scale: float
    result: Result

    def published(self, model: str) -> Answer:
        """What pyiceberg alone reads."""
        catalog = SqlCatalog("lakeorch", uri=f"sqlite:///{self.root}/warehouse/catalog.db")
        try:
            table = catalog.load_table(model)
            columns = [(field.name, str(field.field_type)) for field in table.schema().fields]
            found = table.scan().to_arrow()
        finally:
            catalog.close()
        assert found.column_names == [name for name, _ in columns]
        return Answer(columns, list(zip(*(column.to_pylist() for column in found.columns), strict=True)))

    def expected(self, query: str) -> Answer:
        """What DuckDB answers to the text of a query's file over the raw files."""
        return self.answer((EXAMPLE / "models" / "q" / f"{query}.sql").read_text(encoding="utf-8"))

    def answer(self, text: str) -> Answer:
        """What DuckDB answers over the raw files."""
        with duckdb.connect() as connection:
            for table in TABLES:
                path = self.root / "raw" / f"{table}.parquet"
                connection.execute(f"CREATE VIEW {table} AS FROM read_parquet('{path}')")
            connection.execute(text, {"scale_factor": self.scale} if "$scale_factor" in text else None)
            columns = [(name, _iceberg(str(kind))) for name, kind, *_ in connection.description or ()]
            return Answer(columns, connection.fetchall())


def _iceberg(kind: str) -> str:
    return kind.lower().replace(",", ", ") if kind.startswith("DECIMAL") else ICEBERG[kind]


def _generate(root: Path, scale: float) -> None:
    """Runs the command that the README gives, at `scale`."""
    lines = (EXAMPLE / "README.md").read_text(encoding="utf-8").splitlines()
    tool, *arguments = shlex.split(next(line for line in lines if line.startswith("tpchgen-cli ")))
    arguments[arguments.index("-s") + 1] = str(scale)
    program = Path(sysconfig.get_path("scripts")) / tool
    subprocess.run([program, *arguments], cwd=root, check=True, capture_output=True)


def _lake(root: Path, scale: float, select: Sequence[str] = ()) -> Lake:
    ignored = shutil.ignore_patterns("warehouse", ".lakeorch", "*.parquet")
    shutil.copytree(EXAMPLE, root, dirs_exist_ok=True, ignore=ignored)
    _generate(root, scale)
    project = Project(root / "models", variables={"scale_factor": str(scale)})
    return Lake(root, scale, project.run(select=select))


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lake]:
    root = tmp_path_factory.mktemp("tpch")
    yield _lake(root, SCALE)
    shutil.rmtree(root)


def _told_apart(rows: Sequence[Row]) -> dict[tuple[str, ...], Row]:
    """Rows by their values that are not floats; these tell the rows of every query apart."""
    found = {tuple(str(value) for value in row if not isinstance(value, float)): row for row in rows}
    assert len(found) == len(rows), "some rows differ in floats only, or not at all"
    return found


def _same(value: Any, wanted: Any) -> bool:
    if isinstance(value, float) and isinstance(wanted, float):
        return math.isclose(value, wanted, rel_tol=1e-9)
    # DuckDB's sum of whole numbers is a HUGEINT, which Iceberg holds as a decimal without fraction
    if isinstance(value, Decimal) and isinstance(wanted, int):
        return value == wanted
    return type(value) is type(wanted) and bool(value == wanted)


def _equal(answer: Answer, wanted: Answer) -> None:
    assert answer.columns == wanted.columns
    rows, others = _told_apart(answer.rows), _told_apart(wanted.rows)
    assert rows.keys() == others.keys()
    for key, row in rows.items():
        assert all(_same(value, other) for value, other in zip(row, others[key], strict=True)), (row, others[key])


def _is_trivial(answer: Answer) -> bool:
    """Whether every row has a hole: a NULL, or a share of zero."""
    return all(any(value is None or (isinstance(value, float) and not value) for value in row) for row in answer.rows)


def test_every_model_is_published_and_every_check_passes(lake: Lake) -> None:
    outcomes = {outcome.model: outcome for outcome in lake.result.outcomes}
    assert {outcome.model: outcome.error for outcome in outcomes.values() if outcome.error} == {}
    assert lake.result.status == "published"
    assert set(outcomes) == {f"raw.{table}" for table in TABLES} | {f"q.{query}" for query in ROWS} | {*MARTS}
    checks = [check for outcome in outcomes.values() for check in outcome.checks]
    assert len(checks) > len(outcomes)
    assert [check for check in checks if not check.passed] == []


@pytest.mark.parametrize("query", ROWS)
def test_query_equals_bare_duckdb(lake: Lake, query: str) -> None:
    answer = lake.published(f"q.{query}")
    _equal(answer, lake.expected(query))
    assert len(answer.rows) == ROWS[query]
    assert _is_trivial(answer) == (query in TRIVIAL)


@pytest.mark.parametrize("mart", MARTS)
def test_mart_equals_bare_duckdb(lake: Lake, mart: str) -> None:
    answer = lake.published(mart)
    assert len(answer.rows) > 500
    assert Counter(answer.rows) == Counter(lake.answer(MARTS[mart]).rows)


def test_trivial_queries_equal_bare_duckdb_where_they_are_not_trivial(tmp_path: Path) -> None:
    lake = _lake(tmp_path, LESS_TRIVIAL_SCALE, [f"+q.{query}" for query in sorted(TRIVIAL)])
    assert lake.result.status == "published"
    for query in TRIVIAL:
        answer = lake.published(f"q.{query}")
        _equal(answer, lake.expected(query))
        assert not _is_trivial(answer)


def test_second_run_has_nothing_to_do(lake: Lake) -> None:
    before = picture(lake.root / "warehouse")
    assert Project(lake.root / "models").run().status == "nothing to do"
    assert picture(lake.root / "warehouse") == before
