"""Query results in every format, value by value."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import ipc, parquet

from lakeorch.cli import rows

SCHEMA = pa.schema(
    [
        ("id", pa.int64()),
        ("name", pa.string()),
        ("amount", pa.decimal128(18, 2)),
        ("share", pa.float64()),
        ("ok", pa.bool_()),
        ("day", pa.date32()),
        ("at", pa.timestamp("us", "UTC")),
        ("tags", pa.list_(pa.string())),
        ("place", pa.struct([("city", pa.string()), ("due", pa.decimal128(18, 2))])),
        ("raw", pa.binary()),
    ]
)
ROWS: list[dict[str, Any]] = [
    {
        "id": 1,
        "name": 'a,"b"\nc',
        "amount": Decimal("1234567890123456.70"),
        "share": float("nan"),
        "ok": True,
        "day": date(2025, 10, 26),
        "at": datetime(2025, 10, 26, 1, 30, tzinfo=UTC),
        "tags": ["x", None],
        "place": {"city": "Łódź", "due": Decimal("0.10")},
        "raw": b"\x00\xff",
    },
    dict.fromkeys(SCHEMA.names) | {"id": 2, "name": ""},
]


def reader(data: list[dict[str, Any]] = ROWS, schema: pa.Schema = SCHEMA, batch: int = 1) -> pa.RecordBatchReader:
    table = pa.Table.from_pylist(data, schema)
    return pa.RecordBatchReader.from_batches(schema, table.to_batches(max_chunksize=batch))


def written(form: str, given: pa.RecordBatchReader | None = None) -> bytes:
    sink = io.BytesIO()
    rows.WRITERS[form](given or reader(), sink)
    return sink.getvalue()


def table(given: pa.RecordBatchReader, screen: int = 0) -> list[str]:
    sink = io.BytesIO()
    rows.write_table(given, sink, screen=screen)
    return sink.getvalue().decode().splitlines()


def numbers(count: int) -> pa.RecordBatchReader:
    schema = pa.schema([("n", pa.int64()), ("t", pa.string())])
    return reader([{"n": i, "t": "x" * (i // 1000)} for i in range(count)], schema, 500)


def test_json_keeps_every_digit_and_says_null_for_nan() -> None:
    text = written("json").decode()
    assert '"amount": 1234567890123456.70' in text
    first, second = json.loads(text, parse_float=Decimal)
    assert first["share"] is None
    assert first["place"] == {"city": "Łódź", "due": Decimal("0.10")}
    assert (first["tags"], first["raw"], first["ok"]) == (["x", None], "00ff", True)
    assert (first["day"], first["at"]) == ("2025-10-26", "2025-10-26T01:30:00+00:00")
    assert (second["name"], second["amount"]) == ("", None)


def test_json_of_no_rows_is_an_empty_list() -> None:
    assert json.loads(written("json", reader([]))) == []


def test_json_of_times() -> None:
    schema = pa.schema([("t", pa.time64("us")), ("d", pa.duration("us"))])
    given = reader([{"t": time(1, 2, 3), "d": timedelta(hours=1)}], schema)
    assert json.loads(written("json", given)) == [{"t": "01:02:03", "d": "1:00:00"}]


def test_csv_tells_null_from_empty_text() -> None:
    text = written("csv").decode()
    parsed = list(csv.reader(io.StringIO(text)))
    assert parsed[0] == SCHEMA.names
    assert parsed[1][:3] == ["1", 'a,"b"\nc', "1234567890123456.70"]
    assert json.loads(parsed[1][8]) == {"city": "Łódź", "due": 0.10}
    assert parsed[1][9] == "00ff"
    assert text.splitlines()[-1] == '2,"",,,,,,,,'


def test_arrow_and_parquet_round_trip() -> None:
    expected = pa.Table.from_pylist(ROWS, SCHEMA)
    for found in (ipc.open_stream(written("arrow")).read_all(), parquet.read_table(io.BytesIO(written("parquet")))):
        assert found.drop(["share"]).equals(expected.drop(["share"]))


@pytest.mark.parametrize("form", ["csv", "json", "arrow", "parquet"])
def test_big_results_stream(form: str) -> None:
    """No writer asks for the next batch before it has let go of the last: the sink grows as the batches come."""
    sink, sizes = io.BytesIO(), []
    schema = pa.schema([("n", pa.int64())])

    def batches() -> Iterator[pa.RecordBatch]:
        for start in range(0, 400_000, 100_000):
            sizes.append(sink.tell())
            yield pa.record_batch([pa.array(range(start, start + 100_000))], schema=schema)

    rows.WRITERS[form](pa.RecordBatchReader.from_batches(schema, batches()), sink)
    assert sizes[0] <= sizes[1] < sizes[2] < sizes[3]


@pytest.mark.parametrize("form", ["csv", "json", "arrow", "parquet"])
def test_a_pipe_that_cannot_seek_will_do(form: str, tmp_path: Any) -> None:
    class Pipe(io.RawIOBase):
        def __init__(self) -> None:
            self.found = bytearray()

        def writable(self) -> bool:
            return True

        def write(self, data: Any) -> int:
            self.found += bytes(data)
            return len(data)

        def tell(self) -> int:
            raise OSError("Illegal seek")

    pipe = Pipe()
    rows.WRITERS[form](reader(), io.BufferedWriter(pipe))  # type: ignore[arg-type]
    if form == "parquet":
        assert parquet.read_table(io.BytesIO(bytes(pipe.found))).num_rows == 2


def test_a_table_aligns_numbers_and_shows_null() -> None:
    schema = pa.schema([("name", pa.string()), ("n", pa.int64()), ("eur", pa.decimal128(9, 2))])
    given = [{"name": "a", "n": 1, "eur": Decimal("10.50")}, {"name": None, "n": 100, "eur": None}]
    assert table(reader(given, schema)) == [
        "name    n    eur",
        "────  ───  ─────",
        "a       1  10.50",
        "NULL  100   NULL",
        "(2 rows)",
    ]


def test_a_table_off_the_screen_is_whole() -> None:
    lines = table(numbers(3500))
    assert len(lines) == 3503
    assert lines[-2].endswith(" xxx")
    assert lines[-1] == "(3,500 rows)"


def test_a_table_on_a_screen_shows_a_hundred_rows() -> None:
    lines = table(numbers(3500), screen=80)
    assert len(lines) == 103
    assert lines[-1] == "(the first 100 rows; --format csv gives all)"
    assert table(numbers(100), screen=80)[-1] == "(100 rows)"


def test_a_table_never_breaks_a_screen_line() -> None:
    schema = pa.schema([(f"column_{i}", pa.string()) for i in range(20)])
    lines = table(reader([dict.fromkeys(schema.names, "some long text\nwith lines")], schema), screen=80)
    assert max(map(len, lines)) <= 80
    assert lines[-1] == "(1 row; 6 of 20 columns)"


def test_two_columns_of_one_name() -> None:
    schema = pa.schema([pa.field("a", pa.int64()), pa.field("a", pa.string())])
    batch = pa.record_batch([pa.array([1]), pa.array(["x"])], schema=schema)
    assert table(pa.RecordBatchReader.from_batches(schema, [batch]))[2] == "1  x"
