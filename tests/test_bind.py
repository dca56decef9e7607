"""Broken projects: every mistake is found at once, at its place; and how a query is written for an engine."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lakeorch.bind import Bound, bind, statement
from lakeorch.engines import Engine
from lakeorch.engines.duckdb import engine as duckdb_engine
from lakeorch.errors import Finding
from lakeorch.graph import Graph
from lakeorch.model import Column, Published, Scalar
from lakeorch.parse import Parsed, parse_folder

GOLDEN = Path(__file__).parent / "golden" / "bind"
NOW = datetime(2025, 11, 21, 5, 4, 3, 123456, UTC)
VARIABLES: dict[str, Scalar] = {"known": 7}


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    engine = duckdb_engine(1)
    yield engine
    engine.close()


def table(name: str, *columns: Column, **properties: str) -> Published:
    return Published(name, f"{name}.json", 1, 1, (1,), {f"lakeorch.{k}": v for k, v in properties.items()}, columns)


CATALOG = {
    "ext.orders": table("ext.orders", Column("id", "long")),
    "old.model": table("old.model", Column("id", "long"), model="old.model"),
}


def look(root: Path, engine: Engine) -> tuple[Graph, Parsed, Bound]:
    parsed = parse_folder(root / "models", root)
    graph = Graph(parsed.models)
    return graph, parsed, bind(graph, graph.select(), engine, CATALOG, VARIABLES, root, parsed.checks)


def shown(finding: Finding) -> str:
    lines = [f"{finding.place}: {finding.message}"]
    if finding.line:
        lines += [f"    {finding.line}", "    " + " " * (finding.place.column - 1) + "^" * finding.width]
    return "\n".join(lines + ([f"    hint: {finding.hint}"] if finding.hint else []))


@pytest.mark.parametrize("case", sorted(path.name for path in GOLDEN.iterdir()))
def test_golden(case: str, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    root = GOLDEN / case
    monkeypatch.chdir("/")  # the current folder must not matter
    graph, parsed, bound = look(root, engine)
    findings = sorted([*parsed.findings, *graph.findings, *bound.findings], key=lambda finding: finding.place)
    text = "\n\n".join(shown(finding) for finding in findings) + "\n"
    expected = root / "expected.txt"
    if os.environ.get("LAKEORCH_REGENERATE"):
        expected.write_text(text)
    assert text == expected.read_text()


# ---- an engine's text ----


def project(root: Path, **models: str) -> Graph:
    for name, text in models.items():
        path = root / "models" / f"{name.replace('__', '/')}.sql"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    parsed = parse_folder(root / "models", root)
    assert not parsed.findings
    return Graph(parsed.models)


def test_statement_keeps_the_text_and_replaces_spans(engine: Engine, tmp_path: Path) -> None:
    body = "SELECT  x, /* 'a.t' */ $v + 1 AS \"$v\", now()::DATE AS d, -- sales\n 'é' AS e\n"
    body += 'FROM Sales s, a . b . t, A."Sales"'
    graph = project(tmp_path, a__q=f"-- head\n{body} -- tail\n;", a__sales="SELECT 1 AS x", a__b__t="SELECT 1 AS y")
    text = statement(graph.models["a.q"], graph, engine, now=NOW, folder=tmp_path)
    assert text.sql == (
        "SELECT  x, /* 'a.t' */ getvariable('v') + 1 AS \"$v\", "
        "(TIMESTAMPTZ '2025-11-21 05:04:03.123456+00:00')::DATE AS d, -- sales\n"
        ' \'é\' AS e\nFROM "a"."sales" s, "a.b"."t", "a"."sales"'
    )
    source = graph.models["a.q"].source.text
    for word in ("SELECT", "x,", "+ 1", "::DATE", "'é'", "FROM"):
        assert text.offset(text.sql.index(word)) == source.index(word)
    assert text.offset(text.sql.index("variable(")) == source.index("$v")
    assert text.offset(text.sql.index('."t"')) == source.index("a . b . t")
    assert text.offset(len(text.sql)) == source.index(" -- tail")


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("current_date", "2025-11-21"),
        ("today()", "2025-11-21"),
        ("current_timestamp", "2025-11-21 05:04:03.123456+00"),
        ("now()::TIMESTAMP", "2025-11-21 05:04:03.123456"),
        ("localtimestamp", "2025-11-21 05:04:03.123456"),
        ("now() - INTERVAL 1 DAY", "2025-11-20 05:04:03.123456+00"),
        ("date_diff('day', DATE '2025-11-01', current_date)", "20"),
    ],
)
def test_the_clock_is_bound(engine: Engine, tmp_path: Path, word: str, value: str) -> None:
    graph = project(tmp_path, a__q=f"SELECT CAST({word} AS VARCHAR) AS x")
    text = statement(graph.models["a.q"], graph, engine, now=NOW, folder=tmp_path)
    with engine.session((), {}, str(tmp_path)) as session:
        assert session.fetch(text.sql).read_all().to_pylist() == [{"x": value}]


READS: list[tuple[str, dict[str, list[str]] | None, list[int]]] = [
    ("read_csv('raw/*.csv')", {"raw/*.csv": ["raw/a.csv"]}, [1]),
    ("read_csv('raw/*.csv')", {"raw/*.csv": ["raw/a.csv", "raw/b[1].csv"]}, [1, 2]),
    ("read_csv('raw/*.csv')", {}, [1, 2, 3]),
    ("read_csv('raw/*.csv')", None, [1, 2, 3]),
    ("read_csv('raw/*.csv', header = true) t", {"raw/*.csv": []}, []),
    ("read_csv(['raw/a.csv', 'raw/b*.csv'])", {"raw/b*.csv": ["raw/b[1].csv"]}, [1, 2]),
    ("read_csv(['raw/a.csv', 'raw/b*.csv'])", {"raw/a.csv": [], "raw/b*.csv": []}, []),
    ("read_csv(['raw/a.csv', 'raw/b*.csv'])", {"raw/a.csv": [], "raw/b*.csv": ["raw/b[1].csv"]}, [2]),
    ("'raw/a.csv'", {"raw/a.csv": ["raw/a.csv"]}, [1]),
    ("'raw/*.csv' AS t", {"raw/*.csv": ["raw/a.csv", "raw/b1.csv"]}, [1, 3]),
    ("'raw/*.csv'", {"raw/*.csv": []}, []),
    ("'raw/a.csv'", None, [1]),
]


@pytest.mark.parametrize("name", ["plain", "odd [1],dir"])
@pytest.mark.parametrize(("read", "only", "rows"), READS)
def test_only_the_listed_files_are_read(
    engine: Engine,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    read: str,
    only: dict[str, list[str]] | None,
    rows: list[int],
) -> None:
    root, elsewhere = tmp_path / name, tmp_path / "elsewhere"
    for folder, files in ((root, {"a": 1, "b[1]": 2, "b1": 3}), (elsewhere, {"a": 99, "b1": 99})):
        (folder / "raw").mkdir(parents=True)
        for file, value in files.items():
            (folder / "raw" / f"{file}.csv").write_text(f"x,y\n{value},0\n")
    monkeypatch.chdir(elsewhere)  # a file of the same relative path here must never be read
    graph = project(root, a__q=f"SELECT x FROM {read} WHERE y < $limit")
    text = statement(graph.models["a.q"], graph, engine, now=NOW, folder=root, only=only)
    with engine.session((), {"limit": 5}, str(root)) as session:
        assert sorted(row["x"] for row in session.fetch(text.sql).read_all().to_pylist()) == rows
        bound = bind(graph, ["a.q"], engine, {}, {"limit": 5}, root)
        assert bound.findings == ()
        assert bound.columns["a.q"] == session.columns(text.sql) == (Column("x", "long"),)


def test_quoted_path_of_several_files_finds_its_reader(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    for number in (1, 2):
        (tmp_path / "raw" / f"{number}.jsonl").write_text(f'{{"x": {number}}}\n')
        pq.write_table(pa.table({"x": [number]}), tmp_path / "raw" / f"{number}.parquet")
    for suffix in ("jsonl", "parquet"):
        graph = project(tmp_path, a__q=f"SELECT sum(x)::INT AS x FROM 'raw/*.{suffix}'")
        only = {f"raw/*.{suffix}": [f"raw/1.{suffix}", f"raw/2.{suffix}"]}
        text = statement(graph.models["a.q"], graph, engine, now=NOW, folder=tmp_path, only=only)
        with engine.session((), {}, str(tmp_path)) as session:
            assert session.fetch(text.sql).read_all().to_pylist() == [{"x": 3}]


# ---- what counts as what ----


def test_unselected_upstream_counts_as_published(engine: Engine, tmp_path: Path) -> None:
    graph = project(
        tmp_path,
        a__up="SELECT 1 AS id, 2 AS now_new",
        a__view="/* ---\nmaterialized: view\n--- */\nSELECT * FROM a.up",
        a__down="SELECT id, was FROM a.view",
        a__never="SELECT id FROM a.other",
        a__other="SELECT 1 AS id, nope AS broken_but_not_selected",
    )
    published = {"a.up": table("a.up", Column("id", "long"), Column("was", "string"), model="a.up")}
    bound = bind(graph, ["a.down", "a.never"], engine, published, {}, tmp_path)
    assert bound.findings == ()
    assert bound.columns["a.down"] == (Column("id", "long"), Column("was", "string"))
    everything = bind(graph, graph.select(), engine, published, {}, tmp_path)
    assert [finding.model for finding in everything.findings] == ["a.down", "a.other"]


def test_views_are_bound_even_where_not_selected(engine: Engine, tmp_path: Path) -> None:
    graph = project(tmp_path, a__v="/* ---\nmaterialized: view\n--- */\nSELECT nope", a__t="SELECT * FROM a.v")
    [finding] = bind(graph, ["a.t"], engine, {}, {}, tmp_path).findings
    assert finding.model == "a.v"


def test_relationship_to_a_later_model_and_to_the_catalog(engine: Engine, tmp_path: Path) -> None:
    checks = "[{relationship: a.z.id}, {relationship: ext.orders.id}, {relationship: ext.orders.nope}]"
    graph = project(
        tmp_path,
        a__a=f"/* ---\ncolumns:\n  id: {{checks: {checks}}}\n--- */\nSELECT 1 AS id",
        a__z="SELECT id FROM a.a",
    )
    [finding] = bind(graph, ["a.a"], engine, CATALOG, {}, tmp_path).findings
    assert "ext.orders has no column" in finding.message


def test_nested_contract_types_are_compared(engine: Engine, tmp_path: Path) -> None:
    contract = '/* ---\ncolumns:\n  s: {type: "STRUCT<a:int,b: list< string>>"}\n--- */\n'
    graph = project(tmp_path, a__s=f"{contract}SELECT {{'a': 1, 'b': ['x']}} AS s")
    assert bind(graph, ["a.s"], engine, {}, {}, tmp_path).findings == ()


def test_a_default_of_the_project_is_told_with_its_file(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "models" / "a").mkdir(parents=True)
    (tmp_path / "models" / "a" / "t.sql").write_text("SELECT 1 AS id")
    parsed = parse_folder(tmp_path / "models", tmp_path, lambda _: {"sort_by": ["nope"]})
    [finding] = bind(Graph(parsed.models), ["a.t"], engine, {}, {}, tmp_path).findings
    assert finding.message == 'sort_by: the query yields no column "nope"'
    assert finding.place.file == "models/a/t.sql"


def test_a_thousand_models_in_seconds(engine: Engine, tmp_path: Path) -> None:
    columns = ", ".join(f"c{i}" for i in range(20))
    start = ", ".join(f"{i}::BIGINT AS c{i}" for i in range(20))
    models = {"a__m0": f"SELECT {start}"}
    models |= {f"a__m{i}": f"SELECT {columns} FROM a.m{i // 3} WHERE c1 > {i}" for i in range(1, 300)}
    graph = project(tmp_path, **models)
    began = time.perf_counter()
    bound = bind(graph, graph.select(), engine, {}, {}, tmp_path)
    assert len(bound.columns) == 300
    assert not bound.findings
    # 0.4 s alone on two cores; the limit only catches a change of kind
    assert time.perf_counter() - began < 8
