"""format, lint and test: as methods of a project and as commands."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest

from lakeorch.cli import main
from lakeorch.errors import ProjectError
from lakeorch.project import Project
from lakeorch.project.config import load_config
from lakeorch.project.wiring import Wiring
from tests.conftest import Make, picture

Capture = pytest.CaptureFixture[str]
ROOT = Path(__file__).parents[2]
# what a newcomer runs first, and copies from
SHIPPED = [ROOT / "sql_models", ROOT / "lakeorch/project/starter/sql_models", *sorted(ROOT.glob("examples/*/models"))]
UNTIDY = {
    "models/a/one.sql": "/* ---\nowner: me\n--- */\nselect i as id from range(3) t(i) -- all\n",
    "models/a/two.sql": "/* ---\ndescription: d\nowner: me\n--- */\nSELECT id\nFROM a.one\n",
    "models/b/three.sql": "/* ---\ndescription: d\nowner: me\n--- */\nSELECT x.id\nFROM a.one AS x, a.two AS y\n",
    "models/checks/none.sql": "select id from a.one where id<0",
}


def lakeorch(capsys: Capture, *arguments: object) -> tuple[int, str, str]:
    code = main([str(argument) for argument in arguments])
    return (code, *capsys.readouterr())


def document(capsys: Capture, *arguments: object) -> tuple[int, Any]:
    code, out, err = lakeorch(capsys, *arguments, "--json")
    assert err == ""
    return code, json.loads(out)


# ---- format ----


def test_check_tells_and_writes_nothing(make: Make, capsys: Capture) -> None:
    folder = make(UNTIDY)
    before = picture(folder.parent)
    code, out, err = lakeorch(capsys, "format", folder, "--check")
    assert (code, err) == (1, "")
    assert out.splitlines() == [
        "would change  models/a/one.sql",
        "would change  models/checks/none.sql",
        "2 files would change, 2 files already laid out",
    ]
    assert picture(folder.parent) == before


def test_format_changes_no_fingerprint_and_runs_once(make: Make, capsys: Capture) -> None:
    folder = make({**UNTIDY, "models/b/three.sql": "SELECT 1 AS x\n"})
    assert Project(folder).run().status == "published"
    (folder / "a/one.sql").chmod(0o640)
    assert lakeorch(capsys, "format", folder)[:2] == (
        0,
        "changed  models/a/one.sql\nchanged  models/checks/none.sql\n2 files changed, 2 files already laid out\n",
    )
    laid_out = "/* ---\nowner: me\n--- */\nSELECT i AS id\nFROM range(3) t(i)  -- all\n"
    assert (folder / "a/one.sql").read_text() == laid_out
    assert stat.S_IMODE((folder / "a/one.sql").stat().st_mode) == 0o640
    assert sorted(path.name for path in (folder / "a").iterdir()) == ["one.sql", "two.sql"]
    assert Project(folder).run().status == "nothing to do"
    assert lakeorch(capsys, "format", folder, "--check") == (0, "4 files already laid out\n", "")


def test_format_of_a_selection(make: Make) -> None:
    folder = make(UNTIDY)
    assert Project(folder).format(["a.two"]).changed == ()
    assert Project(folder).format(["a.*"], ["a.two"]).changed == ("models/a/one.sql",)


def test_a_file_that_cannot_be_read_does_not_keep_the_others(make: Make, capsys: Capture) -> None:
    folder = make({**UNTIDY, "models/a/broken.sql": "select (1", "models/a/empty.sql": ""})
    code, doc = document(capsys, "format", folder)
    assert (code, doc["status"]) == (2, "error")
    assert doc["changed"] == ["models/a/one.sql", "models/checks/none.sql"]
    assert sorted(finding["file"] for finding in doc["findings"]) == ["models/a/broken.sql", "models/a/empty.sql"]
    assert (folder / "a/broken.sql").read_text() == "select (1"


def test_settings_with_a_mistake_do_not_keep_a_query_from_being_laid_out(make: Make) -> None:
    folder = make({"models/a/b.sql": "/* ---\nownr: me\n--- */\nselect 1 as x\n"})
    assert Project(folder).format().changed == ("models/a/b.sql",)
    assert (folder / "a/b.sql").read_text() == "/* ---\nownr: me\n--- */\nSELECT 1 AS x\n"


# ---- lint ----


def test_lint_tells_and_grades(make: Make, capsys: Capture) -> None:
    folder = make(UNTIDY)
    code, out, err = lakeorch(capsys, "lint", folder)
    assert (code, err) == (1, "")
    assert "models/b/three.sql:6:18: cartesian_join: no condition ties y to x" in out
    assert "models/a/one.sql:1:1: missing_description: " in out
    assert out.splitlines()[-1] == "1 error, 1 warning"
    code, doc = document(capsys, "lint", folder)
    assert (code, doc["status"]) == (1, "error")
    assert [(found["rule"], found["severity"], found["model"]) for found in doc["findings"]] == [
        ("missing_description", "warn", "a.one"),
        ("cartesian_join", "error", "b.three"),
    ]
    assert document(capsys, "lint", folder, "-s", "a.one")[1]["status"] == "warn"
    assert lakeorch(capsys, "lint", folder, "-s", "a.two") == (0, "nothing to remark\n", "")


def test_rules_are_switched_per_folder(make: Make) -> None:
    settings = (
        "models: models\nlint: {missing_description: error, cartesian_join: warn}\n"
        "defaults:\n  a: {lint: {missing_description: 'off'}}\n  b: {owner: them, lint: {cartesian_join: off}}\n"
    )
    folder = make({**UNTIDY, "lakeorch.yml": settings, "models/c/four.sql": "/* ---\nowner: me\n--- */\nSELECT 1 AS x"})
    assert [(r.rule, r.severity, r.finding.model) for r in Project(folder).lint()] == [
        ("missing_description", "error", "c.four")
    ]
    config = load_config(folder, None, {})
    assert config.lint_for("a.deep") == {"missing_description": "off", "cartesian_join": "warn"}
    assert config.defaults_for("b") == {"owner": "them"}
    # what lint is told does not reach the models' settings
    assert Project(folder).validate() == ()


WRONG = [
    ("lint: {unused_ctes: warn}", 'no rule is called "unused_ctes": did you mean "unused_cte"?'),
    ("lint: {unused_cte: loud}", 'expected off, warn or error, got "loud"'),
    ("defaults: {a: {lint: {no_such: off}}}", 'no rule is called "no_such": there are ambiguous_column, '),
]


@pytest.mark.parametrize(("settings", "message"), WRONG)
def test_wrong_switches(make: Make, settings: str, message: str) -> None:
    with pytest.raises(ProjectError) as error:
        Project(make({**UNTIDY, "lakeorch.yml": settings}))
    assert message in error.value.findings[0].message


def test_lint_knows_the_columns_of_foreign_tables_only_where_it_must(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make(UNTIDY)
    monkeypatch.setattr(Wiring, "published", lambda self: pytest.fail("the catalog was opened"))
    Project(folder).lint()
    Project(folder).test()


def test_a_model_that_cannot_be_read_is_no_case_for_lint(make: Make, capsys: Capture) -> None:
    folder = make({**UNTIDY, "models/a/broken.sql": "select (1"})
    assert lakeorch(capsys, "lint", folder)[0] == 2
    assert lakeorch(capsys, "lint", folder, "-s", "a.two")[0] == 0


def test_all_shipped_projects_are_found() -> None:
    assert len(SHIPPED) >= 6
    assert {path.parent.name for path in SHIPPED} >= {"tpch", "starter", ROOT.name}


@pytest.mark.parametrize("folder", SHIPPED, ids=lambda folder: folder.relative_to(ROOT).as_posix())
def test_shipped_projects_are_laid_out_and_lint_has_no_remark(folder: Path) -> None:
    project = Project(folder)
    assert project.format(check=True).changed == ()
    assert [(remark.rule, str(remark.finding.place)) for remark in project.lint()] == []


# ---- test ----

CASES = """
model: a.two
cases:
  right: {given: {one: [{id: 1}]}, expect: [{id: 1}]}
  wrong: {given: {one: [{id: 1}, {id: 2}, {id: 9}]}, expect: [{id: 1}, {id: 3}]}
"""


def test_a_failing_case_is_exit_1_and_shows_its_rows(make: Make, capsys: Capture) -> None:
    folder = make({**UNTIDY, "models/tests/two.yml": CASES})
    code, out, err = lakeorch(capsys, "test", folder)
    assert (code, err) == (1, "")
    lines = out.splitlines()
    assert lines[0] == "failed  wrong"
    assert "    1 row missing, 2 rows not expected" in lines
    assert [line.split() for line in lines[3:7]] == [["id"], ["missing", "3"], ["unexpected", "2"], ["unexpected", "9"]]
    assert lines[-1].startswith("1 passed, 1 failed in ")
    code, doc = document(capsys, "test", folder)
    assert (code, doc["status"]) == (1, "failed")
    assert [(case["name"], case["status"], case["line"]) for case in doc["cases"]] == [
        ("right", "passed", 4),
        ("wrong", "failed", 5),
    ]


def test_the_cells_that_differ_are_marked(make: Make, capsys: Capture) -> None:
    model = "SELECT id, id * 2 AS twice, 'x' AS name FROM a.one"
    cases = "model: a.two\ncases:\n  w: {given: {one: [{id: 7}]}, expect: [{id: 7, twice: 15, name: x}]}"
    folder = make({**UNTIDY, "models/a/two.sql": model, "models/tests/two.yml": cases})
    lines = lakeorch(capsys, "test", folder)[1].splitlines()
    assert lines[3:7] == [
        "              id  twice  name",
        "    expected  7   15     x",
        "    got       7   14     x",
        "                  ^^",
    ]


def test_a_wrong_case_is_exit_2_and_the_others_run(make: Make, capsys: Capture) -> None:
    folder = make({**UNTIDY, "models/tests/two.yml": CASES + "  odd: {given: {ones: []}, expect: []}\n"})
    code, out, err = lakeorch(capsys, "test", folder)
    assert code == 2
    assert "models/tests/two.yml:6:17: a.two does not read a.ones" in err
    assert 'did you mean "a.one"?' in err
    assert "1 passed, 1 failed" in out
    assert document(capsys, "test", folder)[1]["status"] == "error"


def test_no_cases(make: Make, capsys: Capture) -> None:
    code, out, _ = lakeorch(capsys, "test", make(UNTIDY))
    assert (code, out.startswith("no cases")) == (0, True)


def test_create_and_where_go_together(make: Make, capsys: Capture) -> None:
    folder = make(UNTIDY)
    assert lakeorch(capsys, "test", folder, "--create", "a.two")[0] == 2
    assert lakeorch(capsys, "test", folder, "--where", "id = 1")[0] == 2
    lakeorch(capsys, "run", folder)
    code, out, _ = lakeorch(capsys, "test", folder, "--create", "a.two", "--where", "id = 1")
    assert code == 0
    assert "models/tests/a_two.yml: 1 row of a.one; 1 row expected" in out
    assert lakeorch(capsys, "test", folder)[1].startswith("1 passed in ")
    code, doc = document(capsys, "test", folder, "--create", "a.two", "--where", "id = 2")
    assert (code, doc["status"], doc["given"], doc["expected"]) == (0, "created", {"a.one": 1}, 1)
