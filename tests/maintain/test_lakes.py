"""Maintenance of lakes that are more than one catalog in a file: environments, Postgres, a REST server."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

import pytest

from lakeorch.errors import UsageError
from lakeorch.project import Project
from tests.conftest import Make
from tests.postgres import NewDatabase
from tests.rest import RestServer

from .ledger import Ledger

LOG = "/* ---\nmaterialized: append\n--- */\nSELECT id FROM read_csv('raw/*.csv')"
SHORT = "models: models\nkeep_for: 1s\nkeep_snapshots: 1\n"


def filled(folder: Path, runs: int = 6) -> None:
    (folder.parent / "raw").mkdir()
    for number in range(runs):
        (folder.parent / f"raw/{number}.csv").write_text(f"id\n{number}\n")
        assert Project(folder).run().status == "published"


def rows(folder: Path, env: str | None = None) -> list[int]:
    found = Project(folder, env=env).query("SELECT id FROM a.log ORDER BY id").read_all()
    return [int(value) for value in found["id"].to_pylist()]


def test_what_an_environment_shows_is_kept(make: Make) -> None:
    folder = make(
        {"models/a/log.sql": LOG, "models/a/total.sql": "SELECT sum(id) AS s FROM a.log", "lakeorch.yml": SHORT}
    )
    filled(folder)
    lake = Ledger(folder.parent)
    (folder / "a/total.sql").write_text("SELECT sum(id) + 100 AS s FROM a.log")
    (folder / "a/only.sql").write_text("SELECT 1 AS x")
    assert Project(folder, env="dev").run().status == "published"
    (folder / "a/total.sql").write_text("SELECT sum(id) AS s FROM a.log")
    (folder / "a/only.sql").unlink()
    time.sleep(1.1)
    for _ in range(2):
        done = Project(folder).maintain(grace="0")
        assert done.notes == ()
    assert lake.missing() == set()
    found = Project(folder, env="dev").query("SELECT s FROM a.total").read_all().to_pylist()
    assert str(found[0]["s"]) == "115"
    assert rows(folder, "dev") == rows(folder) == [0, 1, 2, 3, 4, 5]
    # production was compacted and its past has expired, and yet nothing has moved
    (folder / "a/total.sql").write_text("SELECT sum(id) + 100 AS s FROM a.log")
    (folder / "a/only.sql").write_text("SELECT 1 AS x")
    assert {step.action.value for step in Project(folder, env="dev").plan().steps} == {"skip"}
    assert Project(folder).promote("dev").status == "promoted"
    assert lake.plan() == {"skip"}
    assert lake.missing() == set()
    Project(folder).maintain(grace="0")
    assert lake.missing() | lake.unaccounted() == set()


def test_the_files_of_a_dropped_environment_go(make: Make) -> None:
    folder = make({"models/a/log.sql": LOG, "lakeorch.yml": SHORT})
    filled(folder, 1)
    lake = Ledger(folder.parent)
    (folder / "a/only.sql").write_text("SELECT 1 AS x")
    Project(folder, env="dev").run()
    Project(folder).drop_environment("dev")
    assert Project(folder).maintain().deleted == 0
    assert (lake.warehouse / "a/only").exists()
    Project(folder).maintain(grace="0")
    assert not [path for path in (lake.warehouse / "a/only").rglob("*") if path.is_file()]
    assert lake.missing() | lake.unaccounted() == set()


def test_an_environment_is_not_maintained_by_itself(make: Make) -> None:
    folder = make({"models/a/log.sql": LOG})
    filled(folder, 1)
    Project(folder, env="dev").run(full=True)
    with pytest.raises(UsageError, match="not in environment dev"):
        Project(folder, env="dev").maintain()
    with pytest.raises(UsageError, match="tags are production's"):
        Project(folder, env="dev").tag("x")


@pytest.mark.parametrize("kind", ["postgres", "rest", "rest by table"])
def test_other_catalogs(kind: str, make: Make, postgres: NewDatabase) -> None:
    folder = make({"models/a/log.sql": LOG, "models/a/copy.sql": LOG.replace("read_csv('raw/*.csv')", "a.log")})
    with contextlib.ExitStack() as stack:
        if kind == "postgres":
            uri = postgres()
        else:
            uri = stack.enter_context(RestServer(transactions=kind == "rest").served()).uri
        (folder.parent / "lakeorch.yml").write_text(f"{SHORT}catalog: {uri}\n")
        filled(folder)
        Project(folder).tag("now")
        time.sleep(1.1)
        first = Project(folder).maintain(grace="0")
        assert [(table.packed, table.files) for table in first.tables] == [(6, 1), (6, 1)]
        assert first.deleted > 0
        second = Project(folder).maintain(grace="0")
        assert Project(folder).maintain(grace="0").status == "nothing to do", second
        assert rows(folder) == [0, 1, 2, 3, 4, 5]
        assert {step.action.value for step in Project(folder).plan().steps} == {"skip"}
        (folder.parent / "raw/9.csv").write_text("id\n9\n")
        assert {o.model: o.rows for o in Project(folder).run().outcomes} == {"a.log": 1, "a.copy": 1}
        (folder / "a/copy.sql").unlink()
        assert len(Project(folder).drop("copy").tables) == 1
        Project(folder).untag("now")
        Project(folder).maintain(grace="0")
        assert not list((folder.parent / "warehouse/a/copy").rglob("*.parquet"))
        assert len(rows(folder)) == 7
