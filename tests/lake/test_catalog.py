from __future__ import annotations

import gzip
import os
import sqlite3
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lakeorch.errors import CatalogError
from lakeorch.lake import Lake, commit, database, metadata, opening
from lakeorch.lake.database import DatabaseError
from lakeorch.lake.published import published_of
from lakeorch.lake.remedy import plainly
from tests.conftest import picture

from .workshop import Workshop, rows

ONE = "SELECT range AS id, 1::BIGINT AS gen FROM range(3)"


def _open(root: Path, *, create: bool = True) -> Lake:
    return Lake.open(f"sqlite:///{root / 'warehouse' / 'catalog.db'}", str(root / "warehouse"), create=create)


def test_reading_a_lake_that_is_not_there_writes_nothing(tmp_path: Path) -> None:
    lake = _open(tmp_path, create=False)
    assert lake.published() == {}
    assert lake.published_one("n.t") is None
    assert lake.recall("key") is None
    lake.close()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("create", [True, False])
def test_reading_a_lake_writes_nothing(shop: Workshop, create: bool) -> None:
    shop.publish(ONE)
    shop.lake.close()
    before = picture(shop.root)
    lake = _open(shop.root, create=create)
    assert set(lake.published()) == {"n.t"}
    assert len(rows(lake.scan("n.t"))) == 3
    assert lake.recall("none") is None
    lake.close()
    assert picture(shop.root) == before


def test_published_reads_a_metadata_file_once(shop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.publish(ONE)
    first = shop.lake.published()
    monkeypatch.setattr(metadata, "_json", None)
    assert shop.lake.published() == first


def test_two_first_runs_at_once(tmp_path: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        lakes = list(pool.map(lambda _: _open(tmp_path), range(4)))
    for lake in lakes:
        assert lake.published() == {}
        lake.close()


@pytest.mark.parametrize("folder", ["a b", "100% #1", "naïve ü", "it's"])
def test_folders_with_unusual_names(tmp_path: Path, folder: str) -> None:
    shop = Workshop(tmp_path / folder)
    if "'" not in folder:
        shop.publish(ONE)
        assert len(rows(shop.lake.scan("n.t"))) == 3
        assert shop.table().scan().to_arrow().num_rows == 3
    assert not [path for path in tmp_path.iterdir() if path.name != folder]
    shop.lake.close()


def test_the_warehouse_may_be_given_as_a_url(tmp_path: Path) -> None:
    lake = Lake.open(f"sqlite:///{tmp_path / 'c.db'}", f"file://{tmp_path / 'wh'}", create=True)
    assert lake.location("n.t") == f"{tmp_path / 'wh'}/n/t"
    assert lake.warehouse == str(tmp_path / "wh")
    lake.close()


@pytest.mark.parametrize("content", [b"this is not a database at all, just some text" * 50, None])
@pytest.mark.parametrize("create", [True, False])
def test_a_corrupt_catalog(shop: Workshop, content: bytes | None, create: bool) -> None:
    shop.publish(ONE)
    shop.lake.close()
    file = shop.warehouse / "catalog.db"
    whole = file.read_bytes()
    file.write_bytes(content or whole[:100] + b"\xff" * (len(whole) - 100))
    before = picture(shop.root)
    with pytest.raises(CatalogError, match=r"catalog\.db: the catalog file is") as caught:
        _open(shop.root, create=create).published()
    assert "backup" in caught.value.hint
    assert picture(shop.root) == before


@pytest.mark.parametrize("create", [True, False])
def test_a_catalog_that_is_gone_while_its_tables_are_not(shop: Workshop, create: bool) -> None:
    shop.publish(ONE)
    shop.lake.close()
    (shop.warehouse / "catalog.db").unlink()
    with pytest.raises(CatalogError, match="gone") as caught:
        _open(shop.root, create=create)
    assert "backup" in caught.value.hint
    assert not (shop.warehouse / "catalog.db").exists()


def test_a_folder_where_the_catalog_file_should_be(tmp_path: Path) -> None:
    (tmp_path / "warehouse" / "catalog.db").mkdir(parents=True)
    with pytest.raises(CatalogError, match="cannot be opened"):
        _open(tmp_path)


def test_a_file_where_the_warehouse_should_be(tmp_path: Path) -> None:
    (tmp_path / "warehouse").write_text("x")
    with pytest.raises(CatalogError, match="a file stands where a folder is needed"):
        _open(tmp_path)
    assert _open(tmp_path, create=False).published() == {}


def test_a_read_only_warehouse(shop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.publish(ONE)
    shop.lake.close()
    monkeypatch.setattr(os, "access", lambda path, mode: not mode & os.W_OK)
    with pytest.raises(CatalogError, match="cannot be written"):
        _open(shop.root)
    before = picture(shop.root)
    lake = _open(shop.root, create=False)
    assert set(lake.published()) == {"n.t"}
    with pytest.raises(CatalogError, match="cannot be written"):
        lake.publish([shop.stage(ONE, key="b")], "r")
    lake.close()
    assert {k: v for k, v in picture(shop.root).items() if k in before} == before


def test_a_locked_catalog(shop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "BUSY_S", 0.02)
    monkeypatch.setattr(commit, "_FIRST_WAIT_S", 0.0)
    lake = _open(shop.root)
    staged = shop.stage(ONE)
    other = sqlite3.connect(shop.warehouse / "catalog.db")
    other.execute("BEGIN EXCLUSIVE")
    assert lake.published() == {}  # readers are not held up
    with pytest.raises(CatalogError, match="locked") as caught:
        lake.publish([staged], "r")
    assert caught.value.hint
    other.rollback()
    other.close()
    assert lake.publish([staged], "r") == {"n.t": staged.snapshot_id}
    lake.close()


def test_a_first_run_waits_for_another_first_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "BUSY_S", 0.02)
    (tmp_path / "warehouse").mkdir()
    other = sqlite3.connect(tmp_path / "warehouse" / "catalog.db")
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(CatalogError, match="locked"):
        _open(tmp_path)
    other.rollback()
    other.close()
    _open(tmp_path).close()


def test_compressed_metadata(shop: Workshop) -> None:
    shop.publish(ONE)
    with shop.table().transaction() as tx:
        tx.set_properties({"write.metadata.compression-codec": "gzip"})
    shop.publish(ONE, key="b")
    file = Path(shop.table().metadata_location)
    packed = file.with_name(file.name.replace(".metadata.json", ".gz.metadata.json"))
    packed.write_bytes(gzip.compress(file.read_bytes()))
    published = published_of("n.t", str(packed), metadata._json(shop.lake._catalog._files, str(packed)))
    assert published.rows == 3


def test_a_metadata_file_that_is_gone_or_damaged(shop: Workshop) -> None:
    shop.publish(ONE)
    file = Path(shop.table().metadata_location)
    whole = file.read_bytes()
    for content in (whole[:50], b"[]", b'{"current-schema-id": 0, "schemas": [{"type": "x"}]}'):
        file.write_bytes(content)
        metadata._published.cache_clear()
        with pytest.raises(CatalogError, match="damaged") as caught:
            shop.lake.published()
        assert str(file) in str(caught.value)
    file.unlink()
    with pytest.raises(CatalogError, match="gone"):
        shop.lake.published()


def test_a_manifest_that_is_gone(shop: Workshop) -> None:
    staged = shop.publish(ONE)
    snapshot = staged.snapshot
    assert snapshot is not None
    Path(snapshot.manifest_list).unlink()
    with pytest.raises(CatalogError, match="gone"):
        shop.lake.scan("n.t")


def test_kinds_of_catalogs_that_do_not_work(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match="no such kind"):
        Lake.open("nonsense://host/db", str(tmp_path / "wh"), create=True)
    with pytest.raises(CatalogError, match="not an address"):
        Lake.open("nonsense", str(tmp_path / "wh"), create=True)
    assert opening.place_of("postgresql+psycopg://me:secret@host/db") == "postgresql+psycopg://host/db"


def test_a_sqlite_address_takes_no_parameters(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match="not an address"):
        Lake.open(f"sqlite:///{tmp_path / 'c.db'}?timeout=3", str(tmp_path / "wh"), create=False)


def test_a_missing_driver_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(CatalogError, match="driver psycopg is not installed") as caught:
        Lake.open("postgresql+psycopg://me:secret@localhost:1/db", str(tmp_path / "wh"), create=True)
    assert caught.value.hint == "pip install 'lakeorch[postgres]'"
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ('connection to server at "h", port 5432 failed: Connection refused', "cannot be reached"),
        ("FATAL: password authentication failed", "refused the login"),
        ("database or disk is full", "disk is full"),
        ("disk I/O error", "disk is full or failed"),
        ('could not extend file "base/1": No space left on device', "disk is full"),
        ("attempt to write a readonly database", "cannot be written"),
    ],
)
def test_what_databases_say(said: str, words: str) -> None:
    with pytest.raises(CatalogError, match=words) as caught, plainly("place"):
        raise DatabaseError(said)
    assert caught.value.hint


def test_a_catalog_of_the_older_layout_and_views_of_other_engines(shop: Workshop) -> None:
    shop.publish(ONE)
    shop.lake.close()
    file = shop.warehouse / "catalog.db"
    with sqlite3.connect(file) as connection:
        connection.execute("INSERT INTO iceberg_tables VALUES ('lakeorch', 'n', 'v', '/none.json', NULL, 'VIEW')")
    connection.close()
    lake = _open(shop.root)
    assert set(lake.published()) == {"n.t"}
    lake.close()
    with sqlite3.connect(file) as connection:
        connection.execute("DELETE FROM iceberg_tables WHERE table_name = 'v'")
        connection.execute("ALTER TABLE iceberg_tables DROP COLUMN iceberg_type")
    connection.close()
    shop.lake = _open(shop.root)
    shop.publish(ONE, name="n.u", key="u")
    assert set(shop.lake.published()) == {"n.t", "n.u"}
