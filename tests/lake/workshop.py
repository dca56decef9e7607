"""What the tests of this room share: real Parquet by DuckDB, real catalogs, steps as a run makes them."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path

import duckdb
import pyarrow as pa
from pyiceberg.catalog import Catalog, load_catalog
from pyiceberg.table import Table

from lakeorch.lake import Draft, Lake, Mode, Record, Scan, Staged
from lakeorch.model import CheckResult, Column, Field, Schema, Verdict
from lakeorch.types import Transform

ID_GEN: Schema = (Column("id", "long"), Column("gen", "long"))
PASSED = Verdict()
FAILED = Verdict((CheckResult("unique(id)", "error", False, 2, ("id",), (("1", "2"),), "twice"),))


def field_ids(fields: Sequence[Field]) -> str:
    """DuckDB's FIELD_IDS for these columns."""

    def one(field: Field) -> str:
        if not field.children:
            return str(field.id)
        inner = ", ".join(f'"{child.name}": {one(child)}' for child in field.children)
        return f"{{__duckdb_field_id: {field.id}, {inner}}}"

    return "{" + ", ".join(f'"{field.name}": {one(field)}' for field in fields) + "}"


class Workshop:
    """A lake in a folder of its own, and short words for what a run does with it.

    Args:
        root: the folder.
        uri: of the catalog; empty for a SQLite file in the warehouse.
    """

    def __init__(self, root: Path, uri: str = "") -> None:
        self.root = root
        self.warehouse = root / "warehouse"
        self.uri = uri or f"sqlite:///{self.warehouse / 'catalog.db'}"
        self.lake = Lake.open(self.uri, str(self.warehouse), create=True)
        self._files = itertools.count(1)
        self._foreign: list[Catalog] = []

    def foreign(self) -> Catalog:
        """Another program's view of the catalog: plain pyiceberg."""
        where = {} if self.uri.startswith("http") else {"warehouse": str(self.warehouse)}
        self._foreign.append(load_catalog("lakeorch", uri=self.uri, **where))
        return self._foreign[-1]

    def close(self) -> None:
        """Frees every connection."""
        self.lake.close()
        for catalog in self._foreign:
            catalog.close()

    def table(self, name: str = "n.t") -> Table:
        catalog = self.foreign()
        try:
            return catalog.load_table(name)
        finally:
            catalog.close()

    def write(self, draft: Draft, sql: str, *, options: str = "") -> str:
        """Runs a query into one file of the draft."""
        Path(draft.directory).mkdir(parents=True, exist_ok=True)
        path = f"{draft.directory}/part-{next(self._files)}.parquet"
        ids = field_ids(draft.fields)
        with duckdb.connect() as connection:
            connection.execute(f"COPY ({sql}) TO '{path}' (FORMAT parquet, FIELD_IDS {ids}{options})")
        return path

    def stage(
        self,
        sql: str | None,
        *,
        name: str = "n.t",
        columns: Schema = ID_GEN,
        mode: Mode = "replace",
        removed: Sequence[str] = (),
        key: str = "key",
        partition_by: Sequence[Transform] = (),
        sort_by: Sequence[str] = (),
        full: bool | None = None,
        properties: Mapping[str, str | None] | None = None,
    ) -> Staged:
        """A step up to its audit: draft, one file, staged."""
        whole = mode == "replace" if full is None else full
        draft = self.lake.draft(name, columns, full=whole, partition_by=partition_by, sort_by=sort_by)
        paths = [] if sql is None else [self.write(draft, sql)]
        facts = {"lakeorch.model": name, "lakeorch.fingerprint": f"fp-{key}", "lakeorch.inputs": "{}"}
        return self.lake.stage(
            draft, paths, mode=mode, removed=removed, summary=facts, properties=properties or {}, key=key
        )

    def publish(self, sql: str | None, run_id: str = "r", **words: object) -> Staged:
        """A whole step on its own."""
        staged = self.stage(sql, **words)  # type: ignore[arg-type]
        self.lake.publish([staged], run_id)
        return staged

    def recorded(self, staged: Staged, verdict: Verdict = PASSED) -> Staged:
        """Kept and called back, as the next run would."""
        self.lake.record(Record(staged.key, staged.name, staged, verdict))
        record = self.lake.recall(staged.key)
        assert record is not None
        assert record.staged is not None
        return record.staged

    def append_foreign(self, rows: Mapping[str, list[object]], name: str = "n.t", branch: str = "main") -> int:
        """Another engine adds rows."""
        table = self.table(name)
        table.append(pa.table(rows).cast(table.schema().as_arrow()), branch=branch)
        return self.table(name).metadata.refs[branch].snapshot_id


def rows(scan: Scan, sql: str = "SELECT * FROM t ORDER BY ALL") -> list[tuple[object, ...]]:
    """The rows of a scan as DuckDB reads them by field id, the way engines do."""
    if not scan.paths:
        return []
    with duckdb.connect() as connection:
        schema = ", ".join(
            f"{field.id}: {{name: '{field.name}', type: '{_DUCK.get(field.type, field.type)}', default_value: NULL}}"
            for field in scan.fields
        )
        paths = list(scan.paths)
        connection.execute(f"CREATE VIEW t AS SELECT * FROM read_parquet({paths}, schema=MAP{{{schema}}})")
        return connection.execute(sql).fetchall()


_DUCK = {"long": "BIGINT", "int": "INTEGER", "string": "VARCHAR"}
