"""Durations and declared types as people write them."""

from __future__ import annotations

import pytest

from lakeorch.parse import duration
from lakeorch.parse.scalars import contract_type


@pytest.mark.parametrize(
    ("text", "seconds"), [("30s", 30), ("5m", 300), ("1h", 3600), (" 2 D ", 172800), ("1w", 604800)]
)
def test_duration(text: str, seconds: int) -> None:
    assert duration(text) == seconds


@pytest.mark.parametrize("text", ["", "1", "h", "0h", "-1h", "1.5h", "1 hour", 60, None])
def test_no_duration(text: object) -> None:
    with pytest.raises(ValueError, match="30m, 1h or 1d"):
        duration(text)


@pytest.mark.parametrize(
    ("text", "type_"),
    [
        ("integer", "int"),
        ("BIGINT", "long"),
        ("smallint", "int"),
        ("varchar", "string"),
        ("VARCHAR(20)", "string"),
        ("text", "string"),
        ("bool", "boolean"),
        ("float8", "double"),
        ("double  precision", "double"),
        ("real", "float"),
        ("numeric(10, 2)", "decimal(10,2)"),
        ("decimal( 10 )", "decimal(10,0)"),
        ("numeric", "decimal(18,3)"),
        ("hugeint", "decimal(38,0)"),
        ("timestamp with time zone", "timestamptz"),
        ("Timestamp Without Time Zone", "timestamp"),
        ("timestamptz", "timestamptz"),
        ("datetime", "timestamp"),
        ("bytea", "binary"),
        ("uuid", "uuid"),
        ("list<integer>", "list<int>"),
        ("map<varchar, bigint>", "map<string, long>"),
        ("struct<a: integer, text: text>", "struct<a: int, text: string>"),
        ("list<struct<numeric: numeric(4,1)>>", "list<struct<numeric: decimal(4,1)>>"),
    ],
)
def test_type(text: str, type_: str) -> None:
    assert contract_type(text) == type_


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("strng", 'did you mean "string"'),
        ("bigit", 'did you mean "bigint"'),
        ("list<>", "is not a type"),
        ("decimal(4,9)", "scale"),
        ("int int", "left over"),
        ("", "is not a type"),
        ("int;", "is not a type"),
    ],
)
def test_no_type(text: str, message: str) -> None:
    with pytest.raises(ValueError, match="is not a type") as caught:
        contract_type(text)
    assert message in str(caught.value)
