"""How a run's end is told."""

from __future__ import annotations

from collections.abc import Sequence

import click
import pytest

from lakeorch.cli.report import report
from lakeorch.errors import Place
from lakeorch.model import Action, CheckResult, Outcome
from lakeorch.project.result import Result, Status

CHECK = CheckResult(
    "unique(store, day)",
    "error",
    False,
    12,
    ("id", "store", "day"),
    tuple((str(i), "7", "2025-10-26") for i in range(5)),
    place=Place("sql_models/marts/a.sql", 9, 5),
)


def told(status: Status, outcomes: Sequence[Outcome], *, listed: bool = True, folder: str = "sql_models") -> list[str]:
    result = Result("r1", status, tuple(outcomes), (), 3.4, "/lake", ("old.gone",))
    return click.unstyle(report(result, folder, listed=listed)).splitlines()


def built(count: int) -> list[Outcome]:
    return [Outcome(f"marts.m{i:03}", Action.BUILD, "never built", 1240, 23_400, 0.5, 1) for i in range(count)]


def test_nothing_to_do_is_one_line() -> None:
    lines = told("nothing to do", [Outcome("a.b", Action.SKIP, "up to date")] * 3)
    assert lines == [
        "nothing to do: 3 models up to date",
        "no longer in the project, kept: old.gone (lakeorch drop old.gone)",
    ]


def test_what_was_published_and_where_to_look_next() -> None:
    assert told("published", built(2)) == [
        "published  2 tables, 2,480 rows, 46.8 kB in 3.40s",
        "    table        rows     size   time  why",
        "    ──────────  ─────  ───────  ─────  ───────────",
        "    marts.m000  1,240  23.4 kB  0.50s  never built",
        "    marts.m001  1,240  23.4 kB  0.50s  never built",
        "",
        "no longer in the project, kept: old.gone (lakeorch drop old.gone)",
        "",
        "warehouse  /lake",
        'look next  lakeorch query "SELECT * FROM marts.m001 LIMIT 10"',
        "           lakeorch list",
    ]


def test_the_next_commands_name_another_folder() -> None:
    lines = told("published", built(1), folder="my models")
    assert lines[-1] == "           lakeorch list -p 'my models'"


def test_the_next_commands_look_into_the_environment() -> None:
    result = Result("r1", "published", tuple(built(1)), (), 3.4, "/lake", ())
    lines = click.unstyle(report(result, "sql_models", "dev", listed=False)).splitlines()
    assert lines[-2:] == [
        'look next  lakeorch query --env dev "SELECT * FROM marts.m000 LIMIT 10"',
        "           lakeorch list --env dev",
    ]


def test_a_thousand_tables_are_not_all_listed() -> None:
    lines = told("published", built(1000))
    assert len(lines) < 40
    assert "    … and 980 more" in lines


def test_only_metadata() -> None:
    lines = told("published", [Outcome("a.b", Action.AMEND, "description changed")])
    assert lines[0] == "published  1 table (metadata only) in 3.40s"


def test_a_failed_check_shows_how_many_rows_where_and_the_first_five() -> None:
    kept = "/lake/rejected.metadata.json"
    failed = Outcome("marts.a", Action.FAILED, "never built", checks=(CHECK,), kept_at=kept)
    held = [Outcome(f"core.h{i}", Action.HELD, "kept back with marts.a, which failed") for i in range(2)]
    assert told("failed", [failed, *held])[:18] == [
        "failed  marts.a",
        "    unique(store, day): 12 rows",
        "        at sql_models/marts/a.sql:9:5",
        "        store  day         id",
        "        ─────  ──────────  ──",
        "        7      2025-10-26  0",
        "        7      2025-10-26  1",
        "        7      2025-10-26  2",
        "        7      2025-10-26  3",
        "        7      2025-10-26  4",
        "        … and 7 more",
        "    the rejected rows can be read at /lake/rejected.metadata.json",
        "",
        "kept back  2 models, unchanged for readers",
        "    kept back with marts.a, which failed:",
        "        core.h0, core.h1",
        "",
        "nothing was published; what was built is kept for the next run (3.40s)",
    ]


def test_a_part_can_fail_and_another_be_published() -> None:
    lines = told("failed", [Outcome("marts.a", Action.FAILED, "x", error="division by zero\nat row 7"), *built(1)])
    assert lines[:3] == ["failed  marts.a", "    division by zero", "    at row 7"]
    assert "published  1 table, 1,240 rows, 23.4 kB in 3.40s" in lines


def test_a_warning_is_told_and_publishes() -> None:
    warned = CheckResult("rows", "warn", False, 0, message="999 rows, at most 10 expected")
    lines = told("published", [Outcome("a.b", Action.BUILD, "never built", 1, 1, checks=(warned,))])
    assert lines[:3] == ["warned  a.b", "    rows", "        999 rows, at most 10 expected"]
    assert any(line.startswith("published  1 table, 1 row") for line in lines)


def test_checks_that_passed_are_not_told() -> None:
    lines = told("published", [Outcome("a.b", Action.BUILD, "x", 1, 1, checks=(CheckResult("rows", "error", True),))])
    assert "rows" not in [line.strip() for line in lines]


def test_interrupted() -> None:
    lines = told("interrupted", built(2))
    assert lines[0] == "interrupted, nothing was published; 2 finished steps kept for the next run"
    assert not any(line.startswith("look next") for line in lines)


@pytest.mark.parametrize("columns", [1, 4, 40])
def test_a_sample_stays_on_a_screen_of_80(columns: int) -> None:
    names = tuple(f"column_{i}" for i in range(columns))
    check = CheckResult("not_null(column_3)", "error", False, 1, names, (tuple("x\n" * 30 for _ in names),))
    lines = told("failed", [Outcome("a.b", Action.FAILED, "x", checks=(check,))])
    assert max(map(len, lines)) <= 80
    if columns == 40:
        assert lines[2].split()[0] == "column_3"
        assert "38 more columns" in lines[5]
