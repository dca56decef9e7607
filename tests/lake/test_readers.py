"""Other engines read what was published, without any of our code."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from lakeorch.model import Column
from lakeorch.types import Transform

from .workshop import Workshop

COLUMNS = (
    Column("id", "long"),
    Column("day", "date"),
    Column("price", "decimal(10,2)"),
    Column("s", "struct<a: int, b: string>"),
    Column("tags", "list<string>"),
)
SQL = """SELECT range AS id, DATE '2026-01-01' AS day, 1.5::DECIMAL(10,2) AS price,
    {'a': 1::INT, 'b': 'x'} AS s, ['t'] AS tags FROM range(4)"""


@pytest.fixture
def published(shop: Workshop) -> Workshop:
    shop.publish(SQL, columns=COLUMNS, partition_by=(Transform("day", "day"),))
    shop.publish(f"{SQL} LIMIT 3", columns=COLUMNS, partition_by=(Transform("day", "day"),), key="b")
    wider = (*COLUMNS, Column("new", "string"))
    shop.publish(f"SELECT *, 'n' AS new FROM ({SQL}) LIMIT 2", columns=wider, mode="append", key="c")
    return shop


def test_polars(published: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POLARS_ICEBERG_PLANNER", "pyiceberg")
    frame = pl.scan_iceberg(published.table().metadata_location).collect()
    assert frame.shape == (5, 6)
    assert frame["new"].null_count() == 3


def test_pyiceberg_alone_tells_what_a_snapshot_is_made_of(published: Workshop) -> None:
    table = published.table()
    summary = table.current_snapshot().summary  # type: ignore[union-attr]
    assert summary is not None
    assert {"lakeorch.run-id", "lakeorch.inputs", "lakeorch.fingerprint"} <= set(summary.additional_properties)
    assert Path(table.metadata_location).is_absolute()
    assert table.scan(row_filter="day = '2026-01-01'").to_arrow().num_rows == 5
