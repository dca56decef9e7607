"""`lakeorch show`."""

from __future__ import annotations

from lakeorch.project import Project
from tests.cli.test_commands import Capture, document, lakeorch
from tests.conftest import Make, picture

FILES = {
    "raw/a.csv": "id,v\n1,5\n2,7\n",
    "models/a/src.sql": "SELECT id, v FROM read_csv('raw/*.csv')",
    "models/a/t.sql": """/* ---
description: Things
owner: ann
tags: [daily]
materialized: merge
unique_key: id
columns:
  id: {description: Its number, checks: [not_null]}
  v: {checks: [{max: 6, severity: warn}]}
checks:
  - unique: [id]
--- */
SELECT id, v FROM src""",
    "models/a/up.sql": "SELECT v FROM a.t",
    "models/checks/few.sql": "SELECT * FROM a.t WHERE id > 9",
}


def test_before_the_first_run(make: Make, capsys: Capture) -> None:
    folder = make(FILES)
    before = picture(folder.parent)
    code, doc = document(capsys, "show", "t", "-p", folder)
    assert code == 0
    assert (doc["model"], doc["state"], doc["published_at"], doc["snapshot_id"]) == ("a.t", "never built", None, None)
    assert doc["settings"] == {"unique_key": ["id"]}
    assert doc["columns"][0] == {"name": "id", "type": "long", "description": "Its number"}
    assert (doc["reads"], doc["read_by"]) == (["a.src"], ["a.up"])
    assert {check["result"] for check in doc["checks"]} == {"not run yet"}
    assert doc["files"] == []
    assert picture(folder.parent) == before


def test_after_a_run(make: Make, capsys: Capture) -> None:
    folder = make(FILES)
    run = Project(folder).run()
    doc = document(capsys, "show", "a.t", "-p", folder)[1]
    assert (doc["state"], doc["rows"], len(doc["files"])) == ("fresh", 2, 1)
    assert doc["facts"]["lakeorch.run-id"] == run.run_id
    assert doc["snapshot_id"] == str(next(o.snapshot_id for o in run.outcomes if o.model == "a.t"))
    assert {check["name"]: (check["severity"], check["result"]) for check in doc["checks"]} == {
        "not_null(id)": ("error", "passed"),
        "max(v)": ("warn", "1 row failed"),
        "unique(id)": ("error", "passed"),
        "sql(few)": ("error", "passed"),
    }
    assert doc["sql"] == "SELECT id, v FROM src"
    src = document(capsys, "show", "a.src", "-p", folder)[1]
    assert (src["reads"], src["read_by"]) == (["raw/*.csv"], ["a.t"])


def test_an_edited_check_has_no_result_yet(make: Make, capsys: Capture) -> None:
    folder = make(FILES)
    Project(folder).run()
    make({"models/a/t.sql": FILES["models/a/t.sql"].replace("max: 6", "max: 9")})
    doc = document(capsys, "show", "a.t", "-p", folder)[1]
    assert {check["result"] for check in doc["checks"]} == {"not run yet: the checks changed"}


def test_the_text(make: Make, capsys: Capture) -> None:
    folder = make(FILES)
    Project(folder).run()
    code, out, err = lakeorch(capsys, "show", "t", "-p", folder)
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[:2] == ["a.t  merge, fresh", "Things"]
    told = dict(line.split("  ", 1) for line in lines[3 : lines.index("", 3)])
    facts = {key: value.strip() for key, value in told.items()}
    assert facts["settings"] == "unique_key: id"
    assert facts["reads"] == "a.src"
    assert facts["rows"].startswith("2 rows in 1 file, ")
    assert facts["published"].startswith("just now by run ")
    assert "max(v)        warn      1 row failed  line 9" in lines
    assert "sql(few)      error     passed        models/checks/few.sql:1:1" in lines
    assert lines[-1] == "SELECT id, v FROM src"


def test_a_view_and_what_is_no_single_model(make: Make, capsys: Capture) -> None:
    folder = make({**FILES, "models/a/w.sql": "/* ---\nmaterialized: view\n--- */\nSELECT 1 AS x"})
    assert lakeorch(capsys, "show", "a.w", "-p", folder)[1].splitlines()[0] == "a.w  view"
    code, _, err = lakeorch(capsys, "show", "a.*", "-p", folder)
    assert (code, '"a.*" means 4 models' in err) == (2, True)
    code, _, err = lakeorch(capsys, "show", "scr", "-p", folder)
    assert (code, "src" in err) == (2, True)
