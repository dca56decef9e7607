"""Written values → values of a type, and back into the text of a case."""

from __future__ import annotations

import uuid
from datetime import UTC, date, datetime, time
from decimal import Decimal

import pyarrow as pa
import pytest

from lakeorch.cases.file import read_text
from lakeorch.cases.values import arrow_schema, comparable, convert, guessed_type
from lakeorch.cases.write import written
from lakeorch.errors import Source
from lakeorch.model import Column
from lakeorch.parse import load_yaml

WRITTEN: list[tuple[str, object, object]] = [
    ("boolean", True, True),
    ("boolean", "False", False),
    ("int", 3, 3),
    ("int", "-3", -3),
    ("int", 3.0, 3),
    ("long", 1 << 40, 1 << 40),
    ("double", 1, 1.0),
    ("double", "1e3", 1000.0),
    ("decimal(10,2)", 1.5, Decimal("1.50")),
    ("decimal(10,2)", "0.10", Decimal("0.10")),
    ("decimal(38,0)", "12345678901234567890123456789", Decimal("12345678901234567890123456789")),
    ("string", "x", "x"),
    ("string", 7, "7"),
    ("string", date(2025, 10, 1), "2025-10-01"),
    ("binary", "x", b"x"),
    ("uuid", "00000000-0000-0000-0000-000000000001", uuid.UUID(int=1)),
    ("date", date(2025, 10, 1), date(2025, 10, 1)),
    ("date", "2025-10-01", date(2025, 10, 1)),
    ("time", "05:00:00", time(5)),
    ("timestamp", datetime(2025, 10, 1, 5), datetime(2025, 10, 1, 5)),
    ("timestamp", date(2025, 10, 1), datetime(2025, 10, 1)),
    ("timestamp", "2025-10-01 05:00:00.25", datetime(2025, 10, 1, 5, 0, 0, 250000)),
    ("timestamptz", "2025-10-01T05:00:00+02:00", datetime(2025, 10, 1, 3, tzinfo=UTC)),
    ("timestamptz", datetime(2025, 10, 1, 5), datetime(2025, 10, 1, 5, tzinfo=UTC)),
    ("list<decimal(4,1)>", [1, None, "2.5"], [Decimal("1.0"), None, Decimal("2.5")]),
    ("struct<a: int, b: string>", {"a": 1}, {"a": 1, "b": None}),
    ("struct<a: int, b: list<date>>", '{"b": ["2025-10-01"]}', {"a": None, "b": [date(2025, 10, 1)]}),
    ("map<string, long>", {"k": 1}, [("k", 1)]),
    ("map<int, long>", {"1": 2}, [(1, 2)]),
    ("long", None, None),
]


@pytest.mark.parametrize(("type", "value", "expected"), WRITTEN)
def test_what_fits(type: str, value: object, expected: object) -> None:
    [field] = arrow_schema((Column("c", type),))
    array = pa.array([convert(value, field.type)], field.type)
    assert array.to_pylist() == [expected]


REFUSED: list[tuple[str, object, str]] = [
    ("boolean", 1, "true or false, got 1"),
    ("int", "x", 'a whole number, got "x"'),
    ("int", 1.5, "a whole number"),
    ("int", True, "a whole number, got true"),
    ("int", 1 << 31, "a whole number"),
    ("double", "much", "a number"),
    ("decimal(4,2)", 0.125, "fits decimal128(4, 2), got 0.125"),
    ("decimal(4,2)", 100, "fits decimal128(4, 2)"),
    ("string", 1.10, "put it in quotes"),
    ("string", True, "put it in quotes"),
    ("date", "2025-13-01", "a date as"),
    ("date", datetime(2025, 10, 1, 5), "a date as"),
    ("timestamp", datetime(2025, 10, 1, tzinfo=UTC), "a time as"),
    ("uuid", "x", "a UUID"),
    ("list<int>", 3, "a list that fits"),
    ("list<int>", ["x"], "a list that fits"),
    ("struct<a: int>", {"z": 1}, "keys with values"),
]


@pytest.mark.parametrize(("type", "value", "message"), REFUSED)
def test_what_does_not_fit_is_told(type: str, value: object, message: str) -> None:
    [field] = arrow_schema((Column("c", type),))
    with pytest.raises(ValueError, match="expected ") as error:
        convert(value, field.type)
    assert message in str(error.value)


def test_guesses() -> None:
    assert guessed_type([1, None]) == pa.int64()
    assert guessed_type([1, 1.5]) == pa.float64()
    assert guessed_type([True, False]) == pa.bool_()
    assert guessed_type([date(2025, 1, 1)]) == pa.date32()
    assert guessed_type([True, 1]) == pa.string()
    assert guessed_type([None]) == pa.string()


def test_rows_between_commas() -> None:
    names, rows = read_text('\n A , b,c\n1,,"x, ""y"""\n\n2, NULL,""\n')
    assert names == ("a", "b", "c")
    assert rows == ({"a": "1", "b": None, "c": 'x, "y"'}, {"a": "2", "b": None, "c": ""})
    assert read_text("") == ((), ())


@pytest.mark.parametrize("text", ["a, b\n1", "a\n1, 2", 'a\n"x', 'a\nx"y"'])
def test_torn_rows_between_commas(text: str) -> None:
    with pytest.raises(ValueError, match=r"fields in|quote"):
        read_text(text)


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        1,
        1.5,
        "x",
        "",
        "true",
        "007",
        "2025-10-01",
        'it\'s "so"',
        "a\nb\x00\x7f\u2028é😀",
        "- x: {y}, #",
        date(2025, 10, 1),
        [1, "a b"],
        {"k 1": [None], "true": {}},
    ],
)
def test_what_is_written_is_read_again(value: object) -> None:
    data, _ = load_yaml(Source("x", f"rows:\n  - {{a: {written(value)}, b: 1}}\n"))
    assert data["rows"] == [{"a": value, "b": 1}]


def test_decimals_are_written_so_that_they_are_read_again() -> None:
    for text in ("0.10", "-7", "123456789012345678.123456789", "1E+3"):
        data, _ = load_yaml(Source("x", f"[{written(Decimal(text))}]"))
        assert convert(data[0], pa.decimal128(38, 9)) == Decimal(text)


def test_sums_of_floats_in_any_order_are_the_same() -> None:
    assert comparable(0.1 + 0.2 + 0.3) == comparable(0.3 + 0.2 + 0.1)
    assert comparable([{"a": float("nan")}]) == comparable([{"a": float("nan")}])
    assert comparable(0.1) != comparable(0.1000001)
    assert hash(comparable((1, [2.0], {"k": [3]}))) == hash(comparable((1, [2.0], {"k": [3]})))
