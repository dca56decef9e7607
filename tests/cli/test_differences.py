"""What a failed case looks like on a screen."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import click

from lakeorch.cases.diff import Row, compare
from lakeorch.cases.running import CaseResult
from lakeorch.cli.differences import told
from lakeorch.errors import Place


def lines(columns: tuple[str, ...], expected: list[Row], actual: list[Row], *, ordered: bool = False) -> list[str]:
    found = compare(expected, actual, ordered=ordered)
    result = CaseResult("a case", "n.m", Place("tests/t.yml", 3), "failed", 0.1, columns, found)
    return click.unstyle("\n".join(told(result))).splitlines()


def test_an_error_of_the_engine() -> None:
    result = CaseResult("a case", "n.m", Place("tests/t.yml", 3), "failed", message="m.sql:1:8: no\nreally")
    assert click.unstyle("\n".join(told(result))).splitlines() == [
        "failed  a case",
        "    n.m, tests/t.yml:3:1",
        "    m.sql:1:8: no",
        "    really",
    ]


def test_every_kind_of_value_can_be_told_apart() -> None:
    row: Row = (None, "", "NULL", True, Decimal("1.50"), date(2025, 10, 1), "a\nb", "x" * 60, [1])
    [_, _, count, _, shown] = lines(tuple("abcdefghi"), [], [row])
    assert count.strip() == "1 row not expected"
    assert shown.split() == [
        "unexpected",
        "NULL",
        "''",
        "NULL",
        "true",
        "1.50",
        "2025-10-01",
        "a\\nb",
        "x" * 39 + "…",
        "[1]",
    ]


def test_the_carets_stand_under_what_differs() -> None:
    [*_, expected, got, carets] = lines(("id", "name", "n"), [(1, "Bern", 2)], [(1, "Basel", 2)])
    assert carets == " " * got.index("Basel") + "^^^^^"
    assert expected.index("Bern") == got.index("Basel")


def test_columns_of_equal_values_give_way() -> None:
    columns = tuple(f"column_{number:02}" for number in range(30))
    mine = tuple(range(30))
    shown = lines(columns, [mine], [(*mine[:-1], 99)])
    assert max(map(len, shown)) <= 140
    assert "column_29" in shown[3]
    assert "of equal values not shown" in shown[-1]
    # a row that is missing is shown whole
    assert "column_29" in lines(columns, [mine], [])[3]


def test_many_differences_are_cut() -> None:
    shown = lines(("id",), [(number,) for number in range(25)], [])
    assert shown[2].strip() == "25 rows missing"
    assert shown[-1].strip() == "… and 5 more"


def test_rows_that_came_elsewhere() -> None:
    shown = lines(("id",), [(1,), (2,)], [(2,), (1,)], ordered=True)
    assert shown[2].strip() == "2 rows elsewhere"
    assert not any("^" in line for line in shown)
