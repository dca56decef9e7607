"""Broken projects: every mistake is found at once, at its place; and how a query is written for an engine."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from lakeorch.bind import Bound, bind
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
