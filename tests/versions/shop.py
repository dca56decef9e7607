"""A small shop that the tests of this folder run day by day."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.table import Table

from lakeorch.project import Project
from lakeorch.project.result import Result

SHOP = {
    "raw/day1.csv": "id,store,amount\n1,a,10.5\n2,b,20.25\n",
    "models/staging/sales.sql": (
        "/* ---\nmaterialized: append\n--- */\nSELECT id::BIGINT AS id, store, amount::DOUBLE AS amount\n"
        "FROM read_csv('raw/*.csv')"
    ),
    "models/staging/latest.sql": (
        "/* ---\nmaterialized: merge\nunique_key: [store]\n--- */\n"
        "SELECT store, id AS last_id FROM staging.sales\n"
        "QUALIFY row_number() OVER (PARTITION BY store ORDER BY id DESC) = 1"
    ),
    "models/marts/named.sql": "/* ---\nmaterialized: view\n--- */\nSELECT *, upper(store) AS name FROM staging.sales",
    "models/marts/revenue.sql": (
        "/* ---\nchecks: [{unique: [name]}]\n--- */\n"
        "SELECT name, sum(amount) AS revenue, count(*) AS sales FROM marts.named GROUP BY name"
    ),
}
TABLES = ("marts.revenue", "staging.latest", "staging.sales")


class Shop:
    """A project in a folder, and short words for a day's work."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.root = folder.parent

    @property
    def project(self) -> Project:
        """As a new process would open it."""
        return Project(self.folder, threads=1)

    def write(self, name: str, text: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def day(self, number: int, rows: Iterable[tuple[int, str, float]]) -> str:
        """A new file of sales, and a run; returns the run's id."""
        lines = [f"{id},{store},{amount}" for id, store, amount in rows]
        self.write(f"raw/day{number}.csv", "\n".join(["id,store,amount", *lines, ""]))
        return self.run()

    def run(self, *select: str, **words: Any) -> str:
        """A run that publishes; returns its id."""
        result = self.project.run(select, **words)
        assert result.status == "published", result
        return result.run_id

    def steps(self, result: Result) -> dict[str, tuple[str, str]]:
        return {outcome.model: (str(outcome.action), outcome.reason) for outcome in result.outcomes}

    def plan(self, **words: Any) -> dict[str, tuple[str, str]]:
        return {step.model: (str(step.action), step.reason) for step in self.project.plan(**words).steps}

    def rows(self, name: str, at: str | None = None) -> list[tuple[Any, ...]]:
        """The rows of a table, in order."""
        found = self.project.query(f"SELECT * FROM {name} ORDER BY ALL", at=at).read_all().to_pylist()
        return [tuple(row.values()) for row in found]

    def state(self, at: str | None = None) -> dict[str, list[tuple[Any, ...]]]:
        """The rows of all tables, by one query."""
        parts = [f"(SELECT list(t ORDER BY t) FROM {name} t) AS t{place}" for place, name in enumerate(TABLES)]
        [found] = self.project.query(f"SELECT {', '.join(parts)}", at=at).read_all().to_pylist()
        return {name: [tuple(row.values()) for row in rows] for name, rows in zip(TABLES, found.values(), strict=True)}

    def catalog(self) -> SqlCatalog:
        """Another program's view of the catalog: plain pyiceberg."""
        warehouse = self.root / "warehouse"
        return SqlCatalog("lakeorch", uri=f"sqlite:///{warehouse / 'catalog.db'}", warehouse=str(warehouse))

    def table(self, name: str) -> Table:
        catalog = self.catalog()
        try:
            return catalog.load_table(name)
        finally:
            catalog.engine.dispose()

    def append_foreign(self, name: str, rows: dict[str, list[object]]) -> None:
        """Another engine adds rows."""
        table = self.table(name)
        table.append(pa.table(rows).cast(table.schema().as_arrow()))

    def data_files(self, name: str) -> list[Path]:
        """The Parquet files of what is current."""
        tasks = self.table(name).scan().plan_files()
        return [Path(task.file.file_path.removeprefix("file://")) for task in tasks]
