"""Many processes on one catalog: nothing lost, nothing doubled, and no user sees what a retry could solve."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pyarrow as pa
import pytest
from pyiceberg.catalog import load_catalog

from lakeorch import Event, Project
from lakeorch.errors import MovedError
from lakeorch.project import running
from lakeorch.project.running import ATTEMPTS
from tests.postgres import NewDatabase

WRITERS = Path(__file__).parent.parent / "benchmarks/writers.py"


@pytest.mark.parametrize("catalog", ["sqlite", "postgres"])
def test_writers_at_once(catalog: str, request: pytest.FixtureRequest) -> None:
    new: NewDatabase | None = request.getfixturevalue("postgres") if catalog == "postgres" else None
    place = [f"--catalog={new()}"] if new else []
    done = subprocess.run([sys.executable, WRITERS, "--quick", *place], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "errors shown: 0; wrong afterwards: 0" in done.stdout


def test_a_run_that_was_overtaken_goes_alone_the_next_time(tmp_path: Path) -> None:
    """Another run moves an input whenever this one is about to publish: without a turn it would never end."""
    models, raw = tmp_path / "models/a", tmp_path / "raw"
    models.mkdir(parents=True)
    raw.mkdir()
    (raw / "0.csv").write_text("n\n0\n")
    (models / "t.sql").write_text("/* ---\nmaterialized: append\n--- */\nFROM read_csv('raw/*.csv')\n")
    (models / "own.sql").write_text("SELECT count(*) AS n FROM a.t\n")
    others: list[threading.Thread] = []
    overtaken: list[bool] = []

    def overtake(event: Event) -> None:
        if event.kind != "publish_started":
            return
        turn = len(others) + 1
        (raw / f"{turn}.csv").write_text(f"n\n{turn}\n")
        thread = threading.Thread(target=Project(tmp_path / "models").run, args=["a.t"])
        others.append(thread)
        thread.start()
        thread.join(timeout=60.0 if turn == 1 else 1.0)
        overtaken.append(not thread.is_alive())

    result = Project(tmp_path / "models").run(observers=[overtake])
    for thread in others:
        thread.join()
    assert result.status == "published"
    assert overtaken == [True, False]
    project = Project(tmp_path / "models")
    assert project.run().status == "published", "what the other one brought last is still to be counted"
    assert project.query("FROM a.own").read_all().column(0).to_pylist() == [3]


@pytest.fixture
def counted(tmp_path: Path) -> Project:
    """A table that grows by files and one that counts it, and a new file."""
    models = tmp_path / "models/a"
    models.mkdir(parents=True)
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw/0.csv").write_text("n\n0\n")
    (models / "t.sql").write_text("/* ---\nmaterialized: append\n--- */\nFROM read_csv('raw/*.csv')\n")
    (models / "own.sql").write_text("SELECT count(*) AS n FROM a.t\n")
    project = Project(tmp_path / "models")
    project.run()
    (tmp_path / "raw/1.csv").write_text("n\n1\n")
    return project


def foreign(project: Project, number: int) -> None:
    """Another program adds a row."""
    catalog = load_catalog("lakeorch", uri=project.config.catalog, warehouse=project.config.warehouse)
    catalog.load_table("a.t").append(pa.table({"n": [number]}))
    catalog.close()


def count(project: Project) -> list[object]:
    """What was counted."""
    found: list[object] = project.query("FROM a.own").read_all().column(0).to_pylist()
    return found


def test_a_program_that_commits_all_the_time_is_outlasted(counted: Project) -> None:
    """Its rows come while each try is on its way to publish, and it knows no turns: what was counted is old by then."""
    theirs = ATTEMPTS + 1
    left = list(range(theirs))

    def append(event: Event) -> None:
        if event.kind == "publish_started" and left:
            foreign(counted, 100 + left.pop())

    assert counted.run(observers=[append]).status == "published"
    assert not left
    assert count(counted) == [2 + theirs]


def test_one_that_is_never_outlasted_is_told(counted: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "PATIENCE_S", 0.0)
    tries: list[str] = []

    def append(event: Event) -> None:
        if event.kind == "publish_started":
            foreign(counted, 100 + len(tries))
            tries.append(event.kind)

    with pytest.raises(MovedError, match=r"a\.t") as caught:
        counted.run(observers=[append])
    assert len(tries) == ATTEMPTS
    assert caught.value.hint
    assert count(counted) == [1], "as it was"
    assert counted.run().status == "published"
    assert count(counted) == [2 + ATTEMPTS]
