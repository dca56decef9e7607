"""Lineage through several models."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from lakeorch.graph import Graph
from lakeorch.graph.lineage import Edge, Link, column_lineage, trace
from lakeorch.model import Column, Schema
from tests.graph.lineage.golden import model

SCHEMAS: dict[str, Schema] = {
    "raw.sales": tuple(Column(name, "int") for name in ("id", "store", "amount", "status")),
    "raw.places": (Column("store", "int"), Column("at", "struct<city: string, geo: struct<lat: double, lon: double>>")),
}
MODELS = {
    "staging.sales": "SELECT id, store, amount AS money FROM raw.sales WHERE status = 1",
    "staging.places": "SELECT store, at AS place FROM raw.places",
    "core.joined": """
        SELECT s.money, {'where': p.place, 'n': s.id} AS info
        FROM staging.sales AS s JOIN staging.places AS p USING (store)
    """,
    "marts.cities": "SELECT info.where.city AS city, sum(money) AS total FROM core.joined GROUP BY city",
    "marts.counted": "SELECT count(*) AS n FROM staging.sales",
}
EdgesOf = Callable[[str], tuple[Edge, ...]]


def chain(texts: Mapping[str, str] = MODELS) -> tuple[Graph, EdgesOf, list[str]]:
    """The graph of some models, their edges, and which models were asked for."""
    models = [model(sql, name) for name, sql in texts.items()]
    graph = Graph(models)
    schemas = dict(SCHEMAS)
    edges = {}
    for name in graph.order:
        edges[name] = column_lineage(graph.models[name], graph, schemas)
        names = dict.fromkeys(edge.target_column.partition(".")[0] for edge in edges[name])
        types = {"info": "struct<where: struct<city: string, geo: struct<lat: double, lon: double>>, n: int>"}
        types["place"] = SCHEMAS["raw.places"][1].type
        schemas[name] = tuple(Column(each, types.get(each, "int")) for each in names if each != "*")
    asked: list[str] = []

    def edges_of(name: str) -> tuple[Edge, ...]:
        asked.append(name)
        return edges[name]

    return graph, edges_of, asked


def shown(links: tuple[Link, ...]) -> list[str]:
    return [
        f"{link.distance} {link.source}.{link.column} -> {link.target}.{link.target_column} {link.kind}/{link.overall}"
        for link in links
    ]


def up(name: str, column: str | None) -> list[str]:
    graph, edges_of, _ = chain()
    return shown(trace(name, column, edges_of, "up", graph))


def down(name: str, column: str | None) -> list[str]:
    graph, edges_of, _ = chain()
    return shown(trace(name, column, edges_of, "down", graph))


def values(links: list[str]) -> list[str]:
    return [link for link in links if not link.endswith("/filter")]


def test_up_follows_a_value_to_its_table() -> None:
    assert values(up("marts.cities", "total")) == [
        "1 core.joined.money -> marts.cities.total derived/derived",
        "2 staging.sales.money -> core.joined.money copied/derived",
        "3 raw.sales.amount -> staging.sales.money copied/derived",
    ]


def test_up_follows_a_field_through_structs() -> None:
    """The city is a field of a field; neither the other fields nor the rest of the struct is followed."""
    assert values(up("marts.cities", "city")) == [
        "1 core.joined.info.where.city -> marts.cities.city copied/copied",
        "2 staging.places.place.city -> core.joined.info.where copied/copied",
        "3 raw.places.at.city -> staging.places.place copied/copied",
    ]


def test_up_tells_what_decided_rows_on_the_way() -> None:
    links = up("marts.cities", "total")
    assert "3 raw.sales.status -> staging.sales.* filter/filter" in links
    assert "2 staging.places.store -> core.joined.* filter/filter" in links
    assert "1 core.joined.* -> marts.cities.* filter/filter" in links


def test_a_filter_stays_one_all_the_way() -> None:
    """The store decides which rows meet; where it comes from is a copy, but not of this value."""
    assert "3 raw.places.store -> staging.places.store copied/filter" in up("marts.cities", "total")


def test_up_of_a_count_leads_to_rows_only() -> None:
    assert up("marts.counted", "n") == [
        "1 staging.sales.* -> marts.counted.* filter/filter",
        "2 raw.sales.status -> staging.sales.* filter/filter",
    ]


def test_down_follows_a_column() -> None:
    assert values(down("raw.sales", "amount")) == [
        "1 raw.sales.amount -> staging.sales.money copied/copied",
        "2 staging.sales.money -> core.joined.money copied/copied",
        "3 core.joined.money -> marts.cities.total derived/derived",
    ]


def test_down_of_a_filter_is_all_rows_behind_it() -> None:
    assert down("raw.sales", "status") == [
        "1 raw.sales.status -> staging.sales.* filter/filter",
        "2 staging.sales.* -> core.joined.* filter/filter",
        "2 staging.sales.* -> marts.counted.* filter/filter",
        "3 core.joined.* -> marts.cities.* filter/filter",
    ]


def test_down_of_a_field() -> None:
    """A copied struct takes its fields along; who reads another field of it is not touched."""
    assert values(down("raw.places", "at.city")) == [
        "1 raw.places.at -> staging.places.place.city copied/copied",
        "2 staging.places.place -> core.joined.info.where.city copied/copied",
        "3 core.joined.info.where.city -> marts.cities.city copied/copied",
    ]
    assert values(down("raw.places", "at.geo.lat"))[-1].startswith("2 ")


def test_a_whole_struct_takes_its_fields_along() -> None:
    assert values(up("core.joined", "info"))[:2] == [
        "1 staging.places.place -> core.joined.info.where copied/copied",
        "1 staging.sales.id -> core.joined.info.n copied/copied",
    ]


def test_no_column_means_all() -> None:
    graph, edges_of, _ = chain()
    every = set(trace("marts.cities", None, edges_of, "up", graph))
    for column in ("city", "total"):
        assert set(values(up("marts.cities", column))) <= set(shown(tuple(every)))
    assert "1 staging.sales.* -> marts.counted.* filter/filter" in down("staging.sales", None)


def test_each_model_is_asked_once() -> None:
    graph, edges_of, asked = chain()
    trace("marts.cities", None, edges_of, "up", graph)
    trace_asked = sorted(asked)
    assert trace_asked == sorted(set(asked))
    assert set(asked) == {"marts.cities", "core.joined", "staging.sales", "staging.places"}


@pytest.mark.parametrize("direction", ["up", "down"])
def test_letter_case_does_not_count(direction: str) -> None:
    walk = up if direction == "up" else down
    assert walk("core.joined", "MONEY") == walk("core.joined", "money")


def test_what_is_not_there_leads_nowhere() -> None:
    assert values(up("marts.cities", "no_such")) == []
    assert up("raw.sales", "amount") == []
    assert down("raw.none", "x") == []


def test_a_cycle_ends() -> None:
    """A project with a cycle cannot run, but may be looked at."""
    texts = {"a.x": "SELECT v FROM a.y", "a.y": "SELECT v FROM a.x"}
    graph, edges_of, _ = chain(texts)
    assert len(trace("a.x", "v", edges_of, "up", graph)) == 4


def test_files_are_where_it_ends() -> None:
    texts = {"raw.f": "SELECT id, n * 2 AS m FROM 'raw/f.csv'", "b.g": "SELECT m FROM raw.f"}
    graph, edges_of, _ = chain(texts)
    assert (
        values(shown(trace("b.g", "m", edges_of, "up", graph)))[-1] == "2 file:raw/f.csv.n -> raw.f.m derived/derived"
    )
    assert values(shown(trace("file:raw/f.csv", "n", edges_of, "down", graph))) == [
        "1 file:raw/f.csv.n -> raw.f.m derived/derived",
        "2 raw.f.m -> b.g.m copied/derived",
    ]


def test_a_long_chain_is_walked_without_recursion() -> None:
    count = 2_000
    edges = {f"a.m{n}": (Edge(f"a.m{n - 1}" if n else "raw.t", "v", "v", "copied"),) for n in range(count)}
    texts = {f"a.m{n}": f"SELECT v FROM {'a.m' + str(n - 1) if n else 'raw.t'}" for n in range(count)}
    graph = Graph([model(sql, name) for name, sql in texts.items()])
    links = trace(f"a.m{count - 1}", "v", edges.__getitem__, "up", graph)
    assert links[-1].distance == count
    assert links[-1].overall == "copied"
