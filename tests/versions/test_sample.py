"""The sample project: its mart verified row for row, and found out when somebody edits a published file."""

from __future__ import annotations

import shutil
from pathlib import Path

import pyarrow.parquet as pq

from tests.versions.shop import Shop
from tests.versions.test_verify import one, tamper

ROOT = Path(__file__).parent.parent.parent


def test_daily_sales_row_for_row(tmp_path: Path) -> None:
    folder = tmp_path / "sql_models"
    shutil.copytree(ROOT / "sql_models", folder, ignore=shutil.ignore_patterns("__pycache__"))
    shop = Shop(folder)
    shop.run()
    found = one(shop, "marts.daily_sales")
    assert (found.status, found.near, found.given) == ("same", (), "")
    assert found.rows == len(shop.rows("marts.daily_sales")) > 100
    path = shop.data_files("marts.daily_sales")[0]
    tamper(path, "revenue_eur", pq.read_table(path)["revenue_eur"].to_pylist()[0] + 1)
    found = one(shop, "marts.daily_sales")
    assert found.status == "different"
    assert found.difference is not None
    assert (found.difference.changed, found.difference.columns) == (1, {"revenue_eur": 1})
