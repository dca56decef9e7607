"""A small project with production and an environment, and short words for what its users do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.table import Table
from pyiceberg.table.snapshots import Operation, Summary
from pyiceberg.table.update import AddSnapshotUpdate, SetSnapshotRefUpdate

from lakeorch.project import Project

FILES = {
    "raw/day1.csv": "id,store,amount\n1,a,10\n2,b,20\n",
    "models/staging/sales.sql": (
        "/* ---\nmaterialized: append\n--- */\nSELECT id::BIGINT AS id, store, amount::BIGINT AS amount\n"
        "FROM read_csv('raw/*.csv')"
    ),
    "models/marts/revenue.sql": "SELECT store, sum(amount)::BIGINT AS revenue FROM staging.sales GROUP BY store",
    "models/marts/stores.sql": "SELECT count(*) AS stores FROM marts.revenue",
    "models/marts/days.sql": "SELECT range AS day FROM range(3)",
}
BETTER = "SELECT store, sum(amount)::BIGINT * 100 AS revenue, count(*) AS sales FROM staging.sales GROUP BY store"
Rows = list[tuple[Any, ...]]


class Site:
    """A project's folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.root = folder.parent

    def project(self, env: str | None = None) -> Project:
        """As a new process would open it."""
        return Project(self.folder, env=env, threads=2)

    @property
    def production(self) -> Project:
        return self.project()

    @property
    def dev(self) -> Project:
        return self.project("dev")

    def write(self, name: str, text: str) -> None:
        (self.root / name).write_text(text, encoding="utf-8")

    def edit(self, model: str, text: str) -> None:
        self.write(f"models/{model.replace('.', '/')}.sql", text)

    def run_dev(self, **words: Any) -> str:
        """A run in dev that publishes; returns its id."""
        result = self.dev.run(**words)
        assert result.status == "published", result
        return result.run_id

    def promote(self) -> str:
        """A promotion of dev that leaves nothing behind; returns its id."""
        found = self.production.promote("dev")
        assert (found.status, found.kept) == ("promoted", {}), found
        return found.run_id

    def rows(self, name: str, env: str | None = None, at: str | None = None) -> Rows:
        found = self.project(env).query(f"SELECT * FROM {name} ORDER BY ALL", at=at).read_all().to_pylist()
        return [tuple(row.values()) for row in found]

    def plan(self, env: str | None = None) -> dict[str, tuple[str, str]]:
        """What a run would do, without what it would skip."""
        steps = self.project(env).plan().steps
        return {step.model: (str(step.action), step.reason) for step in steps if step.action != "skip"}

    def catalog(self, name: str = "lakeorch") -> SqlCatalog:
        """Another program's view of a catalog: plain pyiceberg."""
        warehouse = self.root / "warehouse"
        return SqlCatalog(name, uri=f"sqlite:///{warehouse / 'catalog.db'}", warehouse=str(warehouse))

    def tables(self, name: str = "lakeorch") -> dict[str, str]:
        """Table → metadata file, as another program sees a catalog."""
        catalog = self.catalog(name)
        try:
            found = [table for space in catalog.list_namespaces() for table in catalog.list_tables(space)]
            return {".".join(table): catalog.load_table(table).metadata_location for table in found}
        finally:
            catalog.engine.dispose()

    def table(self, name: str, catalog: str = "lakeorch") -> Table:
        opened = self.catalog(catalog)
        try:
            return opened.load_table(name)
        finally:
            opened.engine.dispose()

    def foreign(self, name: str, catalog: str = "lakeorch") -> Rows:
        """A table's rows as another program reads them."""
        found: pa.Table = self.table(name, catalog).scan().to_arrow()
        return sorted(tuple(row.values()) for row in found.to_pylist())

    def metadata_only(self, change: str) -> None:
        """Something happens to production's marts.revenue that is no change of data: `docs`, `tag`, `compaction`."""
        table = self.table("marts.revenue")
        head = table.metadata.current_snapshot()
        assert head is not None
        if change == "docs":
            with table.update_schema() as update:
                update.update_column("store", doc="which shop")
        elif change == "tag":
            table.manage_snapshots().create_tag(head.snapshot_id, "closing").commit()
        else:
            told = {"snapshot_id": 5, "parent_snapshot_id": head.snapshot_id, "summary": Summary(Operation.REPLACE)}
            compacted = head.model_copy(update={**told, "sequence_number": (head.sequence_number or 0) + 1})
            moved = SetSnapshotRefUpdate.model_validate({"ref-name": "main", "type": "branch", "snapshot-id": 5})
            table._do_commit((AddSnapshotUpdate(snapshot=compacted), moved), ())

    def parquet(self) -> set[str]:
        return {path.name for path in (self.root / "warehouse").rglob("*.parquet")}
