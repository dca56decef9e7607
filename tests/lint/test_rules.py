"""The rules of lint, each on queries that it must find and on their neighbours that it must not."""

from __future__ import annotations

import pytest

from lakeorch.errors import Source
from lakeorch.graph import Graph
from lakeorch.lint import Level, Remark, Subject, remarks
from lakeorch.model import Column, Schema
from lakeorch.parse import parse_model

SCHEMAS: dict[str, Schema] = {
    "n.a": (Column("id", "long"), Column("x", "long"), Column("shared", "long")),
    "n.b": (Column("id", "long"), Column("y", "long"), Column("shared", "long")),
    "n.c": (Column("id", "long"), Column("z", "long")),
}
BLOCK = "/* ---\ndescription: d\nowner: o\n--- */\n"


def lint(sql: str, *, block: str = BLOCK, levels: dict[str, Level] | None = None) -> list[Remark]:
    """What the rules say about a model that may read n.a, n.b and n.c."""
    models = []
    for name, text in [("n.m", block + sql), *((name, "SELECT 1 AS x") for name in SCHEMAS)]:
        model, findings = parse_model(Source(f"{name}.sql", text), name)
        assert model is not None, findings
        assert findings == ()
        models.append(model)
    graph = Graph(models)
    return list(remarks(Subject(graph.models["n.m"], graph, SCHEMAS), levels or {}))


def said(sql: str, rule: str) -> list[tuple[str, str]]:
    """Where a rule sees something, as the text under the caret, and its message."""
    found = [remark.finding for remark in lint(sql) if remark.rule == rule]
    return [(f.line[f.place.column - 1 : f.place.column - 1 + f.width], f.message) for f in found]


UNUSED = [
    ("WITH q AS (SELECT 1 AS i) SELECT 2 AS i", ["q"]),
    ("WITH q AS (SELECT 1 AS i) SELECT i FROM q", []),
    ("WITH q AS (SELECT 1 AS i) SELECT i FROM n.q", ["q"]),
    ("WITH q AS (SELECT 1 AS i), r AS (SELECT i FROM q) SELECT 2 AS i", ["q", "r"]),
    ("WITH q AS (SELECT 1 AS i), r AS (SELECT i FROM q) SELECT i FROM r", []),
    ("WITH RECURSIVE q AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM q WHERE i < 9) SELECT 2 AS i", ["q"]),
    ("WITH RECURSIVE q AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM q WHERE i < 9) SELECT i FROM q", []),
    ("WITH q AS (SELECT 1 AS i) SELECT id FROM a WHERE id IN (SELECT i FROM Q)", []),
    ("SELECT i FROM (WITH q AS (SELECT 1 AS i) SELECT 3 AS i)", ["q"]),
    ("WITH a AS (SELECT id FROM a) SELECT id FROM a", []),
]


@pytest.mark.parametrize(("sql", "names"), UNUSED)
def test_unused_cte(sql: str, names: list[str]) -> None:
    assert [place for place, _ in said(sql, "unused_cte")] == names


STARS = [
    ("SELECT * FROM read_csv('raw/x*.csv')", ["*"]),
    ("SELECT * FROM 'raw/x.parquet'", ["*"]),
    ("FROM 'raw/x.parquet'", ["'raw/x.parquet'"]),
    ("SELECT t.* FROM read_csv('raw/x.csv') AS t JOIN a USING (id)", ["t.*"]),
    ("SELECT a.* FROM read_csv('raw/x.csv') AS t JOIN a USING (id)", []),
    ("SELECT * EXCLUDE (q) FROM elsewhere.table_of_others", ["* EXCLUDE (q"]),
    ("SELECT * FROM a", []),
    ("SELECT count(*) AS n FROM read_csv('raw/x.csv')", []),
    ("SELECT * FROM (SELECT p, q FROM read_csv('raw/x.csv'))", []),
    ("SELECT id FROM a WHERE EXISTS (SELECT * FROM elsewhere.t WHERE t.id = a.id)", []),
]


@pytest.mark.parametrize(("sql", "places"), STARS)
def test_select_star(sql: str, places: list[str]) -> None:
    assert [place for place, _ in said(sql, "select_star")] == places


def test_select_star_names_the_source() -> None:
    [(_, message)] = said("SELECT * FROM read_csv('raw/x*.csv')", "select_star")
    assert "raw/x*.csv" in message


BARE = [
    ("SELECT x, a.id FROM a JOIN b ON a.id = b.id", ["x"]),
    ("SELECT a.x FROM a JOIN b ON a.id = b.id", []),
    ("SELECT x FROM a", []),
    ("SELECT id, a.x FROM a JOIN b USING (id)", []),
    ("SELECT a.x, b.y FROM a JOIN b ON a.id = b.id WHERE y > 1 AND z IS NULL", ["y"]),
    ("SELECT a.x AS total, a.id FROM a JOIN b ON a.id = b.id ORDER BY total", []),
    ("SELECT s FROM a JOIN (SELECT id, sum(y) AS s FROM b GROUP BY id) q ON a.id = q.id", ["s"]),
    # the name is a column of neither inner table: it means the outer one, and the condition is always true
    ("SELECT id FROM a WHERE id IN (SELECT x FROM c)", ["x"]),
    ("SELECT id FROM a WHERE id IN (SELECT z FROM c)", []),
    ("SELECT id FROM a WHERE EXISTS (SELECT 1 FROM c WHERE c.id = a.x)", []),
    ("SELECT id FROM a WHERE id IN (SELECT q FROM elsewhere.t)", []),
    ("WITH w AS (SELECT id AS key FROM c) SELECT id FROM a WHERE x IN (SELECT x FROM w)", ["x"]),
]


@pytest.mark.parametrize(("sql", "places"), BARE)
def test_ambiguous_column(sql: str, places: list[str]) -> None:
    assert [place for place, _ in said(sql, "ambiguous_column")] == places


def test_ambiguous_column_knows_whose_it_is() -> None:
    found = lint("WITH w AS (SELECT * EXCLUDE (x), 1 AS k FROM a) SELECT k, y FROM w JOIN b ON w.id = b.id")
    [remark] = [remark for remark in found if remark.rule == "ambiguous_column"]
    assert remark.finding.hint == "write w.k"
    assert "which one has k, y?" in remark.finding.message


LOOSE = [
    ("SELECT a.x FROM a, b", ["b"]),
    ("SELECT a.x FROM a, b WHERE a.id = b.id", []),
    ("SELECT a.x FROM a, b WHERE x = y", []),
    ("SELECT a.x FROM a, b, c WHERE a.id = b.id AND z > 1", ["c"]),
    ("SELECT a.x FROM a, b, c WHERE a.id = b.id AND b.y = c.z", []),
    ("SELECT a.x FROM a JOIN b ON true", ["b"]),
    ("SELECT a.x FROM a JOIN b ON a.id = a.x", ["b"]),
    ("SELECT a.x FROM a LEFT JOIN b ON b.y = 1", ["b"]),
    ("SELECT a.x FROM a LEFT JOIN b ON a.id = b.id AND b.y = 1", []),
    ("SELECT a.x FROM a CROSS JOIN b", []),
    ("SELECT a.x FROM a JOIN b USING (id)", []),
    ("SELECT a.x FROM a NATURAL JOIN b", []),
    ("SELECT a.x FROM a ASOF JOIN b ON a.id >= b.id", []),
    ("SELECT a.x FROM a POSITIONAL JOIN b", []),
    ("SELECT a.x, m FROM a, (SELECT max(y) AS m FROM b)", []),
    ("SELECT a.x, m FROM a, (SELECT y AS m FROM b GROUP BY y) q", ["q"]),
    ("SELECT a.x, m FROM a, (SELECT y AS m FROM b LIMIT 1) q", []),
    ("WITH top AS (SELECT max(y) AS m FROM b) SELECT a.x, top.m FROM a, top", []),
    ("SELECT a.x, i FROM a, range(3) r(i)", []),
    ("SELECT a.x, u.l FROM a, unnest([1, 2]) AS u(l)", []),
    ("SELECT a.x FROM a, elsewhere.t WHERE q = 1", []),  # whose q is is not known
    ("SELECT a.x FROM a, b WHERE EXISTS (SELECT 1 FROM c WHERE c.id = a.id AND c.z = b.y)", []),
    ("SELECT a.x FROM a, b WHERE (a.id = b.id OR a.x = 1)", []),
    ("SELECT a.x FROM a JOIN (b JOIN c ON b.id = c.id) ON a.id = c.id", []),
    ("SELECT a.x FROM a JOIN (b JOIN c ON b.id = 1) ON a.id = b.id", ["c"]),
]


@pytest.mark.parametrize(("sql", "places"), LOOSE)
def test_cartesian_join(sql: str, places: list[str]) -> None:
    assert [place for place, _ in said(sql, "cartesian_join")] == places


def test_missing_description_and_owner() -> None:
    rules = {remark.rule: remark.finding for remark in lint("SELECT 1 AS x", block="")}
    assert set(rules) == {"missing_description", "missing_owner"}
    assert str(rules["missing_owner"].place) == "n.m.sql:1:1"
    assert {r.rule for r in lint("SELECT 1 AS x", block="/* ---\nowner: o\n--- */\n")} == {"missing_description"}
    assert lint("SELECT 1 AS x") == []


def test_levels_switch_and_grade() -> None:
    sql = "WITH q AS (SELECT 1 AS i) SELECT a.x FROM a, b"
    assert {(r.rule, r.severity) for r in lint(sql)} == {("unused_cte", "warn"), ("cartesian_join", "error")}
    levels: dict[str, Level] = {"unused_cte": "error", "cartesian_join": "off"}
    assert {(r.rule, r.severity) for r in lint(sql, levels=levels)} == {("unused_cte", "error")}
    assert all(remark.finding.model == "n.m" for remark in lint(sql))


def test_other_statements_are_no_trouble() -> None:
    for sql in (
        "VALUES (1, 2)",
        "PIVOT a ON x USING sum(shared)",
        "FROM a",
        "SELECT 1 AS i UNION BY NAME SELECT 2 AS j",
    ):
        assert lint(sql) == []
