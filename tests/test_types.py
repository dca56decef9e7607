"""Iceberg's types as text, and values as SQL literals."""

from __future__ import annotations

from datetime import UTC, date, datetime, time

import pytest

from lakeorch.types import canonical, identifier, literal


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("INT", "int"),
        (" decimal ( 18 , 2 ) ", "decimal(18,2)"),
        ("fixed[16]", "fixed[16]"),
        ("list<  Long>", "list<long>"),
        ("map<string,list<decimal(9, 2)>>", "map<string, list<decimal(9,2)>>"),
        ('struct<a:int,B : struct<"c d": string>>', 'struct<a: int, B: struct<"c d": string>>'),
    ],
)
def test_one_spelling(text: str, expected: str) -> None:
    assert canonical(text) == expected == canonical(expected)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "integer",
        "decimal",
        "decimal(39,2)",
        "decimal(2,3)",
        "list<int",
        "list<int, int>",
        "map<int>",
        "int int",
        "struct<int>",
        "struct<>",
        "fixed[x]",
        "list<int>>",
        "int;",
    ],
)
def test_no_type(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not a(n Iceberg)? type|has \d inside"):
        canonical(text)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, "NULL"),
        (True, "TRUE"),
        (-3, "-3"),
        (0.1, "0.1"),
        (float("nan"), "CAST('nan' AS DOUBLE)"),
        ("it's", "'it''s'"),
        (date(2025, 1, 2), "DATE '2025-01-02'"),
        (time(1, 2), "TIME '01:02:00'"),
        (datetime(2025, 1, 2, 3), "TIMESTAMP '2025-01-02 03:00:00'"),
        (datetime(2025, 1, 2, 3, tzinfo=UTC), "TIMESTAMPTZ '2025-01-02 03:00:00+00:00'"),
        ([1, "a"], "1, 'a'"),
    ],
)
def test_literals(value: object, expected: str) -> None:
    assert literal(value) == expected


def test_no_literal() -> None:
    with pytest.raises(ValueError, match="cannot be written"):
        literal(object())


def test_identifier() -> None:
    assert identifier('a "b') == '"a ""b"'
