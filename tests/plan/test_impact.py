"""What `plan` says of changed models: columns, rows, and what lies downstream; over real tables."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from lakeorch.cli import program
from lakeorch.graph.lineage import Edge, from_json
from lakeorch.plan.impact import ColumnChange, Impact
from lakeorch.project import Project
from tests.conftest import Make

FILES = {
    "models/a/raw.sql": "SELECT * FROM (VALUES (1, 2, 'x'), (2, 3, 'y')) AS t(id, price, name)",
    "models/b/sales.sql": "SELECT id, price, name FROM a.raw WHERE price > 0",
    "models/c/totals.sql": "SELECT name, sum(price) AS total, count(*) AS n FROM b.sales GROUP BY name",
    "models/c/names.sql": "SELECT name AS label FROM b.sales",
    "models/c/other.sql": "SELECT 1 AS one",
}


@pytest.fixture
def project(make: Make) -> Project:
    folder = make(FILES)
    project = Project(folder)
    assert project.run().status == "published"
    return project


def edited(project: Project, model: str, old: str, new: str) -> dict[str, Impact]:
    path = project.folder / f"{model.replace('.', '/')}.sql"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    return dict(project.plan().impacts)


def test_nothing_changed_has_no_impact_and_lineage_is_stored(project: Project) -> None:
    assert project.plan().impacts == {}
    assert project.run().status == "nothing to do"
    with project.wiring.lake(create=False) as lake:
        told = lake.published()["c.names"].properties["lakeorch.column-lineage"]
    assert from_json(told) == (Edge("b.sales", "name", "label", "copied"),)


def test_stored_lineage_follows_the_query_and_settles(project: Project) -> None:
    edited(project, "c.names", "name AS label", "upper(name) AS label")
    assert project.run().status == "published"
    with project.wiring.lake(create=False) as lake:
        told = lake.published()["c.names"].properties["lakeorch.column-lineage"]
    assert from_json(told) == (Edge("b.sales", "name", "label", "derived"),)
    assert project.run(full=False).status == "nothing to do"
    assert project.plan().impacts == {}


CASES = [
    # an expression: the columns made of it downstream, and nothing else
    (
        ("b.sales", "id, price, name", "id, price * 2 AS price, name"),
        [("price", "expression", True)],
        ((), ()),
        {("c.totals", "total")},
    ),
    # a new column breaks nothing and touches nobody
    (("b.sales", "id, price, name", "id, price, name, 7 AS extra"), [("extra", "added", False)], ((), ()), set()),
    # a wider type is no break, another one is
    (
        ("b.sales", "id, price, name", "CAST(id AS BIGINT) AS id, price, name"),
        [("id", "type", False)],
        ((), ()),
        set(),
    ),
    (
        ("b.sales", "id, price, name", "CAST(id AS VARCHAR) AS id, price, name"),
        [("id", "type", True)],
        ((), ()),
        set(),
    ),
    # a filter concerns all rows downstream
    (("b.sales", "price > 0", "price > 2"), [], (("WHERE",), ()), {("c.names", "*"), ("c.totals", "*")}),
    # a grain; `c.totals` is read by nobody
    (("c.totals", "GROUP BY name", "GROUP BY name, id"), [], ((), ("GROUP BY",)), set()),
    # layout, comments, aliases
    (
        ("b.sales", "SELECT id, price, name FROM a.raw", "SELECT r.id, /* € */ price, name\nFROM a.raw AS r"),
        [],
        ((), ()),
        set(),
    ),
]


@pytest.mark.parametrize(("edit", "columns", "rows", "touched"), CASES)
def test_one_edit(
    project: Project,
    edit: tuple[str, str, str],
    columns: list[tuple[str, str, bool]],
    rows: tuple[tuple[str, ...], tuple[str, ...]],
    touched: set[tuple[str, str]],
) -> None:
    impact = edited(project, *edit).get(edit[0], Impact())
    assert [(c.name, c.change, c.breaking) for c in impact.columns] == columns
    assert (impact.filter, impact.grain) == rows
    assert set(impact.touched) == touched
    assert impact.breaking == (bool(rows[0] or rows[1]) or any(breaking for _, _, breaking in columns))


def test_a_removed_column_touches_what_was_made_of_it(project: Project) -> None:
    # its reader is edited along with it, so that only the published lineage still knows
    edited(project, "c.names", "name AS label", "'none' AS label")
    edited(
        project,
        "c.totals",
        "SELECT name, sum(price) AS total, count(*) AS n FROM b.sales GROUP BY name",
        "SELECT 1 AS n",
    )
    impact = edited(project, "b.sales", "id, price, name", "id, price")["b.sales"]
    assert impact.columns == (ColumnChange("name", "removed", "string", ""),)
    assert impact.breaking
    assert ("c.names", "label") in impact.touched


def test_a_changed_view_changes_what_is_made_of_it(make: Make) -> None:
    view = "/* ---\nmaterialized: view\n--- */\nSELECT id, price FROM a.raw"
    folder = make(
        {**FILES, "models/b/seen.sql": view, "models/c/top.sql": "SELECT max(price) AS top, 1 AS k FROM b.seen"}
    )
    project = Project(folder)
    assert project.run().status == "published"
    impact = edited(project, "b.seen", "price FROM", "price + 1 AS price FROM")["c.top"]
    assert [(c.name, c.change) for c in impact.columns] == [("top", "expression")]
    assert impact.grain == ("view b.seen",)


def test_the_plan_tells_it_below_the_table_and_in_json(project: Project) -> None:
    edited(project, "b.sales", "id, price, name", "id, price * 2 AS price, name")
    folder = str(project.folder)
    text = CliRunner().invoke(program, ["plan", folder]).output
    assert "b.sales changes\n  made in another way (breaking): price\n  touches c.totals (total)" in text
    doc = json.loads(CliRunner().invoke(program, ["plan", folder, "--json"]).output)
    impacts = {step["model"]: step["impact"] for step in doc["steps"]}
    assert impacts["b.sales"] == {
        "breaking": True,
        "columns": [{"name": "price", "change": "expression", "breaking": True, "before": "int", "after": "int"}],
        "filter": [],
        "grain": [],
        "downstream": {"c.totals": ["total"]},
    }
    assert impacts["c.other"] is None


def test_one_selector_needs_no_list(project: Project) -> None:
    assert [step.model for step in project.plan("+c.names").steps] == ["a.raw", "b.sales", "c.names"]
    assert project.plan("+c.names", "a.*").steps == project.plan(["+c.names"], ["a.*"]).steps
    assert [outcome.model for outcome in project.run("c.other").outcomes] == ["c.other"]
    assert project.validate("c.names") == ()
    assert [line.model for line in project.list("c.names")] == ["c.names"]


def test_plans_and_runs_show_themselves_in_notebooks(project: Project, tmp_path: Path) -> None:
    edited(project, "b.sales", "price > 0", "price > '<b>'::INT")
    plan = project.plan()._repr_html_()
    assert "<table" in plan
    assert "WHERE" in plan
    result = project.run()
    assert result.status == "failed"
    shown = result._repr_html_()
    assert "<b>failed: 5 models" in shown
    assert "&#x27;&lt;b&gt;&#x27;" in shown
    assert "'<b>'" not in shown
