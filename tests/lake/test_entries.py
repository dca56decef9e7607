"""What manifests list: as pyiceberg reads them, each opened once, and never more of them than Iceberg's own limit."""

from __future__ import annotations

import time
from contextlib import closing
from unittest.mock import patch

import pyarrow as pa
import pytest
from cachetools import LRUCache
from pyiceberg.catalog import Catalog, load_catalog
from pyiceberg.io.pyarrow import PyArrowFile
from pyiceberg.manifest import ManifestEntry, ManifestFile
from pyiceberg.table.update import AssertTableUUID, RemoveSchemasUpdate

from lakeorch import Project
from lakeorch.lake import entries
from lakeorch.lake.entries import read_entries
from lakeorch.lake.snapshot import MERGE_AT, Files
from tests.conftest import Make
from tests.lake.workshop import Workshop, rows


def _told(entry: ManifestEntry) -> tuple[object, ...]:
    file = entry.data_file
    return (entry.status, entry.snapshot_id, entry.sequence_number, entry.file_sequence_number, *file._data)


def _manifests(shop: Workshop, name: str) -> list[ManifestFile]:
    table = shop.table(name)
    snapshot = table.current_snapshot()
    assert snapshot is not None
    return snapshot.manifests(table.io)


def _foreign(catalog: Catalog, version: str) -> None:
    at = pa.array([0, 86_400_000_000, None], pa.timestamp("us"))
    data = pa.table({"id": pa.array([1, 2, 3], pa.int64()), "at": at, "word": ["a", None, "c"]})
    table = catalog.create_table(f"n.v{version}", data.schema, properties={"format-version": version})
    with table.update_spec() as spec:
        spec.add_identity("at").add_identity("word")
    table.append(data)
    table.delete("id = 2")


def _ages(shop: Workshop) -> dict[str, tuple[int | None, int | None]]:
    io = shop.table().io
    found = [entry for manifest in _manifests(shop, "n.t") for entry in read_entries(io, manifest)]
    return {entry.data_file.file_path: (entry.snapshot_id, entry.sequence_number) for entry in found}


@pytest.mark.parametrize("version", ["1", "2"])
def test_entries_are_what_pyiceberg_reads(shop: Workshop, version: str) -> None:
    shop.publish("SELECT 1::BIGINT AS id, 2::BIGINT AS gen")
    _foreign(shop.foreign(), version)
    seen = 0
    for name in ("n.t", f"n.v{version}"):
        table = shop.table(name)
        for manifest in _manifests(shop, name):
            ours = [_told(entry) for entry in read_entries(table.io, manifest)]
            assert ours == [_told(entry) for entry in manifest.fetch_manifest_entry(table.io, discard_deleted=False)]
            seen += len(ours)
    assert seen >= 4


def test_a_manifest_is_opened_once(shop: Workshop) -> None:
    for id in range(4):
        shop.publish(f"SELECT {id}::BIGINT AS id, 0::BIGINT AS gen", mode="append", key=f"k{id}")
    opened: list[str] = []
    real = PyArrowFile.open

    def counted(self: PyArrowFile, seekable: bool = True) -> object:
        opened.append(self.location)
        return real(self, seekable)

    names = {manifest.manifest_path for manifest in _manifests(shop, "n.t")}
    assert len(names) == 4
    with patch.object(PyArrowFile, "open", counted):
        for _ in range(3):
            assert len(rows(shop.lake.scan("n.t"))) == 4
    assert sorted(path for path in opened if path in names) == sorted(names)


def test_what_is_remembered_of_manifests_has_a_limit(shop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest goes first; one that alone is over the limit is never kept."""
    for id in range(4):
        shop.publish(f"SELECT {id}::BIGINT AS id, 0::BIGINT AS gen", mode="append", key=f"k{id}")
    io, manifests = shop.table().io, _manifests(shop, "n.t")
    size = entries._columns(entries.live_entries(io, manifests[0]))
    for limit, kept in ((size, 1), (2 * size, 2), (size - 1, 0)):
        known: LRUCache[str, tuple[ManifestEntry, ...]] = LRUCache(limit, getsizeof=entries._columns)
        monkeypatch.setattr(entries, "_known", known)
        monkeypatch.setattr(entries, "_REMEMBERED", limit)
        assert all(len(entries.live_entries(io, manifest)) == 1 for manifest in manifests)
        assert set(known) == {manifest.manifest_path for manifest in manifests[len(manifests) - kept :]}


def test_small_manifests_become_one_at_the_limit(shop: Workshop) -> None:
    """Every row, every file's sequence number and the age of each snapshot stay; readers of any kind open few files."""
    for id in range(MERGE_AT):
        shop.publish(f"SELECT {id}::BIGINT AS id, 0::BIGINT AS gen", mode="append", key=f"k{id}")
    before = _ages(shop)
    assert len(_manifests(shop, "n.t")) == MERGE_AT
    staged = shop.publish(f"SELECT {MERGE_AT}::BIGINT AS id, 0::BIGINT AS gen", mode="append", key="last")
    assert len(_manifests(shop, "n.t")) == 2
    after = _ages(shop)
    assert {path: after[path] for path in before} == before
    added, removed = staged.own_files()
    assert (len(added), removed) == (1, [])
    wanted = [(id, 0) for id in range(MERGE_AT + 1)]
    assert rows(shop.lake.scan("n.t")) == wanted
    found = shop.table().scan().to_arrow()
    assert sorted(found.column("id").to_pylist()) == [id for id, _ in wanted]
    shop.publish(f"SELECT {MERGE_AT + 1}::BIGINT AS id, 0::BIGINT AS gen", mode="append", key="one more")
    assert len(_manifests(shop, "n.t")) == 3


@pytest.mark.parametrize("cleaned_by", ["lakeorch", "another program"])
def test_files_by_a_column_that_is_gone_stop_no_append(
    make: Make, monkeypatch: pytest.MonkeyPatch, cleaned_by: str
) -> None:
    """Their manifests are written anew by the schema that had the column, and stay where a clean-up took that away."""
    monkeypatch.setitem(Files.__init__.__kwdefaults__, "merge_at", 3)  # type: ignore[arg-type]  # there are defaults
    text = "/* ---\nmaterialized: append\n{0}--- */\nSELECT {1} FROM read_csv('raw/*.csv')\n"
    folder = make({"lakeorch.yml": "keep_for: 1s\nkeep_snapshots: 1\n"})

    def run(model: str, *numbers: int) -> None:
        make({"models/n/t.sql": model})
        for number in numbers:
            make({f"raw/{number}.csv": f"id,v\n{number},{number}\n"})
            assert Project(folder).run().status == "published"

    run(text.format("partition_by: [v]\n", "id, v"), 0, 1)
    config = Project(folder).config
    with closing(load_catalog("lakeorch", uri=config.catalog, warehouse=config.warehouse)) as catalog:
        table = catalog.load_table("n.t")
        with table.update_spec() as spec:
            spec.remove_field("v")
        with table.update_schema() as schema:
            schema.delete_column("v")
        run(text.format("", "id"), 2, 3)
        if cleaned_by == "lakeorch":
            time.sleep(1.1)
            assert Project(folder).maintain(grace="0").deleted
        table = catalog.load_table("n.t")
        old = {schema.schema_id for schema in table.metadata.schemas} - {table.metadata.current_schema_id}
        assert len(old) == 1
        if cleaned_by != "lakeorch":
            removal = RemoveSchemasUpdate(schema_ids=sorted(old))
            catalog.commit_table(table, (AssertTableUUID(uuid=table.metadata.table_uuid),), (removal,))
        run(text.format("", "id"), *range(4, 8))
        table = catalog.load_table("n.t")
        assert sorted(table.scan().to_arrow()["id"].to_pylist()) == list(range(8))


def test_a_manifest_that_cannot_be_written_is_told_with_what_helps(make: Make) -> None:
    text = "/* ---\nmaterialized: merge\nunique_key: [id]\n{0}--- */\n"
    text += "SELECT id, max(w) AS w{1} FROM read_csv('raw/*.csv') GROUP BY id\n"
    model = text.format("partition_by: [v]\n", ", any_value(v) AS v")
    folder = make({"models/n/t.sql": model, "raw/0.csv": "id,w,v\n0,0,0\n1,1,1\n"})
    Project(folder).run()
    config = Project(folder).config
    with closing(load_catalog("lakeorch", uri=config.catalog, warehouse=config.warehouse)) as catalog:
        table = catalog.load_table("n.t")
        with table.update_spec() as spec:
            spec.remove_field("v")
        with table.update_schema() as schema:
            schema.delete_column("v")
        table = catalog.load_table("n.t")
        removal = RemoveSchemasUpdate(schema_ids=[0])
        catalog.commit_table(table, (AssertTableUUID(uuid=table.metadata.table_uuid),), (removal,))
    make({"models/n/t.sql": text.format("", ""), "raw/1.csv": "id,w,v\n1,7,1\n"})
    [outcome] = Project(folder).run().outcomes
    assert outcome.error.startswith("n.t: files are partitioned by a column that another program"), outcome
    assert "rebuild the table with --full" in outcome.error
    assert Project(folder).run(full=True).status == "published"
    assert Project(folder).query("SELECT id, w FROM n.t ORDER BY id").read_all()["w"].to_pylist() == [0, 7]
