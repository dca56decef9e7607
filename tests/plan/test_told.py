"""The lineage that a table tells of itself is that of the model as it is now, and is not made out twice."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from lakeorch.graph.lineage import Edge, from_json
from lakeorch.plan import told
from lakeorch.plan.impact import LINEAGE
from lakeorch.project import Project
from tests.conftest import Make

GROWS = {
    "raw/one.csv": "id,n\n1,2\n",
    "models/a/t.sql": "/* ---\nmaterialized: append\n--- */\nSELECT id, n FROM read_csv('raw/*.csv') WHERE n > 0",
    "models/a/u.sql": "SELECT id AS key FROM a.t WHERE n > 1",
}


def lineage(project: Project, name: str) -> tuple[Edge, ...]:
    with project.wiring.lake(create=False) as lake:
        return from_json(lake.published()[name].properties[LINEAGE])


def test_a_column_that_another_input_has_now(make: Make) -> None:
    folder = make(
        {
            "models/a/l.sql": "SELECT 1 AS id, 2 AS x",
            "models/a/r.sql": "SELECT 1 AS id",
            "models/b/j.sql": "SELECT x FROM a.l JOIN a.r USING (id)",
        }
    )
    assert Project(folder).run().status == "published"
    assert Edge("a.l", "x", "x", "copied") in lineage(Project(folder), "b.j")
    (folder / "a/l.sql").write_text("SELECT 1 AS id")
    (folder / "a/r.sql").write_text("SELECT 1 AS id, 2 AS x")
    assert Project(folder).run().status == "published"
    assert Edge("a.r", "x", "x", "copied") in lineage(Project(folder), "b.j")


def test_what_somebody_wrote_over_it_is_not_believed(make: Make) -> None:
    folder = make(GROWS)
    assert Project(folder).run().status == "published"
    before = lineage(Project(folder), "a.t")
    project = Project(folder)
    with project.wiring.lake(create=False) as lake:
        staged = lake.amend(
            "a.t", lake.published()["a.t"].snapshot_id, properties={LINEAGE: "{}"}, docs=None, key="0" * 24
        )
        lake.publish([staged], "somebody")
    assert lineage(project, "a.t") == ()
    (folder.parent / "raw/two.csv").write_text("id,n\n3,4\n")
    assert Project(folder).run().status == "published"
    assert lineage(project, "a.t") == before != ()


def test_new_rows_alone_make_no_query_be_read(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    real = told.column_lineage
    monkeypatch.setattr(told, "column_lineage", lambda model, *rest: read.append(model.name) or real(model, *rest))
    folder = make(GROWS)
    assert Project(folder).run().status == "published"
    assert sorted(read) == ["a.t", "a.u"]
    (folder.parent / "raw/two.csv").write_text("id,n\n3,4\n")
    assert Project(folder).run().status == "published"
    assert len(read) == 2


def test_new_rows_alone_do_not_load_sqlglot(make: Make) -> None:
    folder = make({name: text for name, text in GROWS.items() if name != "models/a/u.sql"})
    assert Project(folder).run().status == "published"
    (folder.parent / "raw/two.csv").write_text("id,n\n3,4\n")
    code = f"import sys\nfrom lakeorch.cli import main\nassert main(['run', {str(folder)!r}]) == 0\n"
    done = subprocess.run(
        [sys.executable, "-c", code + "print('sqlglot' in sys.modules)"],
        cwd=Path(__file__).parent.parent.parent,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == "False"
