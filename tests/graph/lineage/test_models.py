"""Lineage of whole projects, and of queries that are too much."""

from __future__ import annotations

from pathlib import Path

import pytest

from lakeorch.bind import bind
from lakeorch.engines.duckdb import engine
from lakeorch.graph import Graph
from lakeorch.graph.lineage import Edge, column_lineage
from lakeorch.graph.lineage.models import relation_of
from lakeorch.graph.lineage.scopes import Scope
from lakeorch.graph.lineage.values import Column as Made
from lakeorch.model import Column, Schema
from lakeorch.parse import parse_folder
from tests.graph.lineage.golden import lineage

ROOT = Path(__file__).parents[3]
TABLES: dict[str, Schema] = {
    "raw.a": tuple(Column(name, "int") for name in ("k", "x", "y")),
    "raw.b": tuple(Column(name, "int") for name in ("k", "z")),
}


@pytest.fixture
def nothing_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails where a name is not found, instead of taking everything there is for it."""

    def refuse(scope: Scope) -> set[object]:
        raise AssertionError("a name was not found")

    monkeypatch.setattr(Scope, "everything", refuse)


def check(graph: Graph, schemas: dict[str, Schema]) -> dict[str, tuple[Edge, ...]]:
    """The edges of all models, once it is seen that both their ends are there."""
    found = {name: column_lineage(graph.models[name], graph, schemas) for name in graph.order}
    for name, edges in found.items():
        own = {column.name for column in schemas[name]} | {"*"}
        for edge in edges:
            assert edge.target_column.partition(".")[0] in own, (name, edge)
            if not edge.source.startswith("file:"):
                assert edge.column.partition(".")[0] in {column.name for column in schemas[edge.source]}, (name, edge)
    return found


@pytest.mark.usefixtures("nothing_given_up")
def test_the_sample_project() -> None:
    parsed = parse_folder(ROOT / "sql_models", ROOT)
    graph = Graph(parsed.models)
    duck = engine(1)
    schemas = dict(bind(graph, graph.order, duck, {}, {}, ROOT).columns)
    duck.close()
    assert schemas.keys() == graph.models.keys()
    found = check(graph, schemas)
    sales = [edge for edge in found["marts.daily_sales"] if edge.target_column in ("returns_eur", "store_id", "*")]
    assert sales == [
        Edge("core.sales", "business_date", "*", "filter"),
        Edge("core.sales", "is_return", "returns_eur", "derived"),
        Edge("core.sales", "revenue_eur", "returns_eur", "derived"),
        Edge("core.sales", "store_id", "*", "filter"),
        Edge("core.sales", "store_id", "store_id", "copied"),
    ]
    for name in graph.order:
        valued = {edge.target_column.partition(".")[0] for edge in found[name]}
        constant = {column.name for column in schemas[name]} - valued
        assert len(constant) <= 1, (name, constant)


@pytest.mark.usefixtures("nothing_given_up")
def test_the_queries_of_tpch() -> None:
    parsed = parse_folder(ROOT / "examples/tpch/models", ROOT / "examples/tpch")
    graph = Graph(parsed.models)
    schemas: dict[str, Schema] = {}
    for name in graph.order:
        columns = relation_of(graph.models[name].sql, {}).columns
        schemas[name] = tuple(Column(each.name, "string") for each in columns if isinstance(each, Made))
    found = check(graph, schemas)
    assert sum(name.startswith("q.") for name in found) == 22
    assert found["q.q15"][-2:] == (
        Edge("raw.supplier", "s_suppkey", "*", "filter"),
        Edge("raw.supplier", "s_suppkey", "s_suppkey", "copied"),
    )
    revenue = [(edge.column, edge.kind) for edge in found["q.q15"] if edge.target_column == "total_revenue"]
    assert revenue == [("l_discount", "derived"), ("l_extendedprice", "derived")]


# ---- what the engine knows and the text does not ---------------------------------------------------------------


def test_a_table_without_a_schema_gives_its_columns_by_name() -> None:
    sql = "SELECT *, x + 1 AS more FROM raw.unknown"
    assert lineage(sql, {}, ["k", "x", "more"]) == (
        Edge("raw.unknown", "k", "k", "copied"),
        Edge("raw.unknown", "x", "more", "derived"),
        Edge("raw.unknown", "x", "x", "copied"),
    )


def test_without_any_names_all_columns_are_meant() -> None:
    assert lineage("SELECT * FROM raw.unknown WHERE x > 1", {}) == (
        Edge("raw.unknown", "*", "*", "copied"),
        Edge("raw.unknown", "x", "*", "filter"),
    )


def test_columns_on_both_sides_of_a_file_are_found_by_position() -> None:
    sql = "SELECT a.x + 1, f.*, a.y FROM raw.a AS a JOIN 'f.csv' AS f ON a.k = f.k"
    found = lineage(sql, TABLES, ["(a.x + 1)", "k", "v", "y"])
    assert [(e.target_column, e.source, e.column) for e in found if e.kind != "filter"] == [
        ("k", "file:f.csv", "k"),
        ("v", "file:f.csv", "v"),
        ('"(a.x + 1)"', "raw.a", "x"),
        ("y", "raw.a", "y"),
    ]


def test_a_known_column_goes_before_a_file_that_might_have_it() -> None:
    found = lineage("SELECT x, v FROM raw.a AS a JOIN 'f.csv' AS f ON a.k = f.k", TABLES)
    assert Edge("raw.a", "x", "x", "copied") in found
    assert Edge("file:f.csv", "v", "v", "copied") in found


def test_a_bare_name_may_be_the_inner_files_or_the_outer_tables() -> None:
    found = lineage("SELECT k, (SELECT max(v) FROM 'f.csv' AS f WHERE id = x) AS m FROM raw.a", TABLES)
    assert {(e.source, e.column) for e in found if e.target_column == "m"} == {
        *(("file:f.csv", name) for name in ("id", "v", "x")),
        ("raw.a", "x"),
    }


def test_a_result_that_differs_from_the_text_gets_all_that_the_text_has() -> None:
    """Should the engine say something else than the reader thinks, no edge is lost."""
    found = lineage("SELECT x, y FROM raw.a", TABLES, ["x", "y", "new"])
    assert [(e.column, e.kind) for e in found if e.target_column == "new"] == [("x", "derived"), ("y", "derived")]
    assert Edge("raw.a", "x", "x", "copied") in found


def test_a_name_that_means_nothing_is_made_of_everything() -> None:
    found = lineage("SELECT rowid AS r FROM raw.b", TABLES)
    assert found == (Edge("raw.b", "k", "r", "derived"), Edge("raw.b", "z", "r", "derived"))


# ---- too much --------------------------------------------------------------------------------------------------


def test_a_long_sum() -> None:
    sql = "SELECT " + " + ".join(["x", "y"] * 2_000) + " AS s FROM raw.a"
    assert lineage(sql, TABLES) == (Edge("raw.a", "x", "s", "derived"), Edge("raw.a", "y", "s", "derived"))


def test_a_long_union() -> None:
    sql = " UNION ALL ".join(["SELECT x AS v FROM raw.a", "SELECT z FROM raw.b"] * 500)
    assert lineage(sql, TABLES) == (Edge("raw.a", "x", "v", "copied"), Edge("raw.b", "z", "v", "copied"))


def test_many_ctes() -> None:
    ctes = ", ".join(f"c{n} AS (SELECT *, x + {n} AS v{n} FROM {f'c{n - 1}' if n else 'raw.a'})" for n in range(100))
    found = lineage(f"WITH {ctes} SELECT v99, y FROM c99", TABLES)
    assert found == (Edge("raw.a", "x", "v99", "derived"), Edge("raw.a", "y", "y", "copied"))


def nested(depth: int) -> str:
    sql = "SELECT x FROM raw.a"
    for _ in range(depth):
        sql = f"SELECT x FROM ({sql}) AS t"
    return sql


def test_what_is_nested_too_deeply_is_made_of_everything() -> None:
    assert lineage(nested(50), TABLES, ["x"]) == (Edge("raw.a", "x", "x", "copied"),)
    found = lineage(nested(250), TABLES, ["x"])
    assert {(e.column, e.target_column, e.kind) for e in found} == {
        (column, *to) for column in ("k", "x", "y") for to in (("x", "derived"), ("*", "filter"))
    }
