"""Leases: there while a run writes, gone afterwards, touched on the way, and never brought back once they are lost."""

from __future__ import annotations

import json
import os
import threading
import time
from pathlib import Path

import pytest
from pyiceberg.io.pyarrow import PyArrowFileIO

from lakeorch.errors import LakeorchError, MovedError
from lakeorch.lake import leases
from lakeorch.lake.storage import DiskStorage, ObjectStorage, Storage, stored
from lakeorch.project import Project
from tests.conftest import Make, picture
from tests.lake.workshop import Workshop


@pytest.fixture(params=["disk", "object"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    if request.param == "disk":
        return DiskStorage(tmp_path)
    return ObjectStorage(PyArrowFileIO(), f"{tmp_path}")


def test_a_lease_is_there_for_as_long_as_the_block(storage: Storage) -> None:
    before = time.time()
    with leases.held(storage, "r1"):
        [lease] = leases.leases(storage)
        assert (lease.run_id, lease.pid) == ("r1", os.getpid())
        assert before <= lease.started == lease.touched <= time.time()
        assert lease.is_live(time.time())
        assert not lease.is_live(time.time() + leases.STALE_S)
    assert leases.leases(storage) == []


def test_a_lease_is_touched(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "TOUCH_S", 0.01)
    with leases.held(storage, "r1"):
        [first] = leases.leases(storage)
        lease, deadline = first, time.time() + 5
        while lease.touched <= first.touched:  # 0 where it is met half written: no real object store stands behind this
            assert time.time() < deadline
            [lease] = leases.leases(storage)
        assert lease.started == first.started


def test_a_lost_lease_is_noticed_and_not_brought_back(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    with leases.held(storage, "r1") as holding:
        holding.require()
        storage.remove("runs/r1.json")
        with pytest.raises(LakeorchError, match="stood still"):
            holding.require()
        monkeypatch.setattr(leases, "STALE_S", -1.0)
        holding.touch()
        assert leases.leases(storage) == []


def test_a_lease_that_cannot_be_read_is_nobodys(storage: Storage) -> None:
    storage.write("runs/torn.json", '{"run_id": "to')
    [lease] = leases.leases(storage)
    assert (lease.run_id, lease.is_live(time.time())) == ("torn", False)


def test_files_are_listed_with_size_and_time(tmp_path: Path) -> None:
    (tmp_path / "a/b").mkdir(parents=True)
    (tmp_path / "a/b/x").write_text("four")
    os.utime(tmp_path / "a/b/x", (7, 7))
    [found] = stored(PyArrowFileIO(), str(tmp_path))
    assert (found.path, found.bytes, found.modified) == (f"{tmp_path}/a/b/x", 4, 7000)
    assert list(stored(PyArrowFileIO(), f"{tmp_path}/none")) == []


def test_a_run_holds_a_lease_while_it_writes_and_leaves_none(make: Make) -> None:
    folder = make({"models/a/t.sql": "SELECT 1 AS x"})
    place = folder.parent / "warehouse/_lakeorch/runs"
    seen: list[str] = []
    Project(folder).run(observers=[lambda event: seen.extend(path.stem for path in place.glob("*.json"))])
    assert len(set(seen)) == 1
    assert list(place.iterdir()) == []
    before = picture(folder.parent / "warehouse")
    assert Project(folder).run().status == "nothing to do"
    assert picture(folder.parent / "warehouse") == before


def test_a_run_that_lost_its_lease_publishes_nothing(make: Make) -> None:
    folder = make({"models/a/t.sql": "SELECT 1 AS x"})
    place = folder.parent / "warehouse/_lakeorch/runs"
    with pytest.raises(LakeorchError, match="took it for dead"):
        Project(folder).run(
            observers=[
                lambda event: [path.unlink() for path in place.glob("*")] if event.kind == "publish_started" else None
            ]
        )
    assert Project(folder).run().status == "published"


def test_a_finished_step_whose_record_went_is_not_published(shop: Workshop) -> None:
    staged = shop.recorded(shop.stage("SELECT 1 AS id, 1 AS gen"))
    shop.lake.forget([staged.key])
    with pytest.raises(MovedError, match="maintenance removed"):
        shop.lake.publish([staged], "r")


def test_no_thread_is_left(storage: Storage) -> None:
    with leases.held(storage, "r1"):
        pass
    assert not [thread for thread in threading.enumerate() if thread.name == "lakeorch-lease"]
    assert json.dumps(leases.leases(storage)) == "[]"
