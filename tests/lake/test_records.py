from __future__ import annotations

import json
from pathlib import Path

import pytest
from pyiceberg.io import load_file_io

from lakeorch.errors import CatalogError
from lakeorch.lake import Record
from lakeorch.lake.storage import DiskStorage, ObjectStorage, Storage
from lakeorch.model import CheckResult, Column, Verdict

from .workshop import FAILED, ID_GEN, PASSED, Workshop, rows

ONE = "SELECT range AS id, 1::BIGINT AS gen FROM range(3)"
TWO = "SELECT range AS id, 2::BIGINT AS gen FROM range(2)"


@pytest.mark.parametrize("mode", ["replace", "append", "rewrite"])
@pytest.mark.parametrize("new", [True, False])
def test_a_record_gives_back_the_same_step(shop: Workshop, mode: str, new: bool) -> None:
    if not new:
        shop.publish(ONE, key="first")
    removed = shop.lake.scan("n.t").paths if mode == "rewrite" and not new else ()
    columns = (*ID_GEN, Column("x", "string"))
    sql = "SELECT 5::BIGINT AS id, 2::BIGINT AS gen, 'v' AS x"
    staged = shop.stage(sql, mode=mode, removed=removed, columns=columns)  # type: ignore[arg-type]
    shop.lake.record(Record("key", "n.t", staged, PASSED))

    record = shop.lake.recall("key")

    assert record is not None
    assert record.staged is not None
    assert record.staged.request == staged.request
    assert record.staged.stand == staged.stand
    assert (record.staged.rows, record.staged.bytes, record.staged.kind) == (1, staged.bytes, mode)
    assert record.staged.scan() == staged.scan()
    assert record.staged.added() == staged.added()
    assert shop.lake.publish([record.staged], "r2") == {"n.t": staged.snapshot_id}
    assert (5, 2, "v") in rows(shop.lake.scan("n.t"))
    assert shop.lake.recall("key") is None
    assert not list((shop.warehouse / "_lakeorch" / "staged").iterdir())


def test_the_verdict_is_stamped_before_publishing(shop: Workshop) -> None:
    staged = shop.stage(ONE)
    warned = Verdict((CheckResult("rows", "warn", False), CheckResult("unique", "error", True)))
    shop.lake.record(Record("key", "n.t", staged, warned))
    shop.lake.publish([staged], "r1")
    summary = shop.table().current_snapshot().summary  # type: ignore[union-attr]
    assert summary is not None
    expected = {"run": 2, "passed": 1, "failed": 0, "warned": 1, "broken": {"rows": 0}}
    assert json.loads(str(summary["lakeorch.audit"])) == expected


def test_a_view_keeps_its_verdict_alone(shop: Workshop) -> None:
    record = Record("v", "n.view", None, FAILED)
    shop.lake.record(record)
    assert shop.lake.recall("v") == record


def test_no_record_torn_record_foreign_record(shop: Workshop) -> None:
    assert shop.lake.recall("none") is None
    shop.lake.record(Record("key", "n.t", shop.stage(ONE), PASSED))
    path = shop.warehouse / "_lakeorch" / "staged" / "key.json"
    whole = path.read_bytes()
    for size in (0, 1, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:size])
        assert shop.lake.recall("key") is None, size
    for text in (b"[]", b'{"format": 2}', b"null", b"\xff\xfe", whole.replace(b'"uuid"', b'"guid"')):
        path.write_bytes(text)
        assert shop.lake.recall("key") is None, text
    path.write_bytes(whole)
    assert shop.lake.recall("key") is not None


def test_a_record_whose_table_moved_is_forgotten(shop: Workshop) -> None:
    new = shop.stage(ONE, key="new")
    shop.lake.record(Record("new", "n.t", new, PASSED))
    shop.publish(TWO, key="other")
    assert shop.lake.recall("new") is None

    shop.lake.record(Record("late", "n.t", shop.stage(ONE, mode="append", key="late"), PASSED))
    assert shop.lake.recall("late") is not None
    shop.append_foreign({"id": [1], "gen": [1]})
    assert shop.lake.recall("late") is None
    catalog = shop.foreign()
    catalog.drop_table("n.t")
    catalog.engine.dispose()
    assert shop.lake.recall("late") is None


def test_a_record_whose_files_are_gone_is_forgotten(shop: Workshop) -> None:
    staged = shop.stage(ONE)
    shop.lake.record(Record("key", "n.t", staged, PASSED))
    Path(staged.scan().paths[0]).unlink()
    assert shop.lake.recall("key") is None
    snapshot = staged.snapshot
    assert snapshot is not None
    Path(snapshot.manifest_list).unlink()
    assert shop.lake.recall("key") is None


def test_a_record_whose_files_are_torn_is_forgotten(shop: Workshop) -> None:
    staged = shop.stage(ONE)
    shop.lake.record(Record("key", "n.t", staged, PASSED))
    snapshot = staged.snapshot
    assert snapshot is not None
    [manifest] = snapshot.manifests(staged.io)
    for place in (staged.scan().paths[0], snapshot.manifest_list, manifest.manifest_path):
        path = Path(place.removeprefix("file://"))
        whole = path.read_bytes()
        for torn in (*(whole[: len(whole) * part // 40] for part in range(40)), bytes(len(whole) + 1)):
            path.write_bytes(torn)
            assert shop.lake.recall("key") is None, (path.suffix, len(torn))
        path.write_bytes(whole)
        assert shop.lake.recall("key") is not None


def test_a_record_that_cannot_be_removed_does_not_undo_a_publish(
    shop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    staged = shop.recorded(shop.stage(ONE))
    monkeypatch.setattr("os.unlink", _full)
    assert shop.lake.publish([staged], "r1") == {"n.t": staged.snapshot_id}
    assert len(rows(shop.lake.scan("n.t"))) == 3
    assert shop.lake.recall(staged.key) is None


def test_forgetting(shop: Workshop) -> None:
    shop.lake.record(Record("v", "n.view", None, PASSED))
    shop.lake.forget(["v", "none"])
    assert shop.lake.recall("v") is None


def test_a_write_that_fails_leaves_the_old_text_and_no_scrap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    storage = DiskStorage(tmp_path)
    storage.write("a/b.json", "old")
    monkeypatch.setattr("os.fsync", _full)
    with pytest.raises(OSError, match="No space"):
        storage.write("a/b.json", "new")
    assert storage.read("a/b.json") == "old"
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["b.json"]


def test_what_may_be_lost_is_not_brought_to_disk(shop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    monkeypatch.setattr("os.fsync", synced.append)
    shop.lake.record(Record("v", "n.view", None, PASSED))
    assert synced == []
    shop.lake.write_query("q", "SELECT 1")
    shop.lake.write_listing("l", "[]")
    assert len(synced) == 2


def _full(*_: object, **_words: object) -> None:
    raise OSError(28, "No space left on device")


def test_a_full_disk_is_told_plainly(shop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.replace", _full)
    with pytest.raises(CatalogError, match="disk is full") as caught:
        shop.lake.record(Record("v", "n.view", None, PASSED))
    assert caught.value.hint


@pytest.mark.parametrize("kind", ["disk", "object store"])
def test_storages_behave_alike(tmp_path: Path, kind: str) -> None:
    storage: Storage = DiskStorage(tmp_path)
    if kind == "object store":
        storage = ObjectStorage(load_file_io({}, str(tmp_path)), f"file://{tmp_path}")
    assert storage.read("a/b.json") is None
    storage.remove("a/b.json")
    storage.write("a/b.json", "é")
    storage.write("a/b.json", "ü")
    assert storage.read("a/b.json") == "ü"
    storage.remove("a/b.json")
    assert storage.read("a/b.json") is None


def test_listings(shop: Workshop) -> None:
    assert shop.lake.read_listing("d") is None
    shop.lake.write_listing("d", '["a"]')
    path = shop.warehouse / "_lakeorch" / "files" / "d.json"
    written = path.stat().st_mtime_ns
    shop.lake.write_listing("d", '["a"]')
    assert path.stat().st_mtime_ns == written
    assert shop.lake.read_listing("d") == '["a"]'
