"""The remembered answer: given only while nothing that a run depends on has moved."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

from lakeorch.project import Project, idle, kept
from lakeorch.project.running import Running
from tests.conftest import Make, picture
from tests.test_run import load

FILES = {
    "lakeorch.yml": "models: models\nvariables: {n: 3}\n",
    "raw/a.csv": "x\n1\n",
    "models/a/r.sql": "SELECT x FROM read_csv('raw/*.csv')",
    "models/a/t.sql": "SELECT x + $n AS y FROM r",
    "models/checks/some.sql": "SELECT 1 AS x FROM a.t WHERE y < 0",
}


@pytest.fixture(autouse=True)
def _no_grain(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of a test are young; that the clock's grain is waited for has a test of its own."""
    monkeypatch.setattr(idle, "GRAIN_NS", 0)


def remembered(folder: Path, *, env: str | None = None, variables: dict[str, str] | None = None) -> bool:
    """Whether a run answers without looking."""
    looked: list[int] = []

    def run(self: Running, *args: object, **more: object) -> object:
        looked.append(1)
        return original(self, *args, **more)  # type: ignore[arg-type]

    original = Running.run
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Running, "run", run)
        Project(folder, env=env, variables=variables).run()
    return not looked


def test_the_third_run_answers_at_once_with_the_same_words(make: Make) -> None:
    folder = make(FILES)
    Project(folder).run()
    second = Project(folder).run()
    before = picture(folder.parent)
    assert remembered(folder)
    third = Project(folder).run()
    untimed = tuple(replace(outcome, seconds=0.0) for outcome in second.outcomes)
    assert (third.status, third.outcomes, third.departed) == (second.status, untimed, second.departed)
    assert picture(folder.parent) == before


def answer(root: Path) -> Path:
    """The file of the one answer that is kept."""
    [file] = (root / ".lakeorch/idle").iterdir()
    return file


CHANGES: dict[str, Callable[[Path], object]] = {
    "an edited model": lambda root: (root / "models/a/t.sql").write_text("SELECT x + 1 + $n AS y FROM r"),
    "a comment": lambda root: (root / "models/a/t.sql").write_text("-- c\nSELECT x + $n AS y FROM r"),
    "a new model": lambda root: (root / "models/a/u.sql").write_text("SELECT 1 AS x"),
    "a model gone": lambda root: (root / "models/a/t.sql").unlink(),
    "an edited check": lambda root: (root / "models/checks/some.sql").write_text("SELECT 2 AS x FROM a.t WHERE y < 0"),
    "a new raw file": lambda root: (root / "raw/b.csv").write_text("x\n5\n"),
    "an edited raw file": lambda root: (root / "raw/a.csv").write_text("x\n7\n"),
    "another value": lambda root: (root / "lakeorch.yml").write_text("models: models\nvariables: {n: 4}\n"),
    "a default setting": lambda root: (root / "lakeorch.yml").write_text(
        "models: models\nvariables: {n: 3}\ndefaults: {a: {owner: me}}\n"
    ),
    "a foreign writer": lambda root: load(root / "models", "a.t").append(pa.table({"y": pa.array([1], pa.int64())})),
    "a lost catalog": lambda root: (root / "warehouse").rename(root / "elsewhere"),
    "a spoilt cache": lambda root: answer(root).write_bytes(answer(root).read_bytes().replace(b"date", b"dote")),
    "a torn cache": lambda root: answer(root).write_bytes(answer(root).read_bytes()[:-9]),
    "a lost cache": lambda root: answer(root).unlink(),
}


@pytest.mark.parametrize("change", CHANGES)
def test_any_change_is_looked_at(make: Make, change: str) -> None:
    folder = make(FILES)
    for _ in range(2):
        Project(folder).run()
    assert remembered(folder)
    CHANGES[change](folder.parent)
    assert not remembered(folder)


def test_another_question_is_another_answer(make: Make) -> None:
    folder = make(FILES)
    for _ in range(2):
        Project(folder).run()
    assert not remembered(folder, variables={"n": "9"})
    assert [o.model for o in Project(folder).run(["a.r"]).outcomes] == ["a.r"]
    assert Project(folder).run(["a.r"], full=True).status == "published"


def test_a_young_file_is_not_trusted(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(idle, "GRAIN_NS", 2_000_000_000)
    folder = make(FILES)
    for _ in range(3):
        Project(folder).run()
    assert not (folder.parent / ".lakeorch/idle").exists()
    time.sleep(2.1)
    Project(folder).run()
    assert remembered(folder)


def test_a_model_that_reads_the_clock_is_remembered_for_the_day(make: Make) -> None:
    folder = make({"models/a/t.sql": "SELECT current_date AS d"})
    for _ in range(2):
        Project(folder).run()
    assert remembered(folder)
    file = answer(folder.parent)
    kept.write(file.parent, file.name, kept.read(file.parent, file.name) | {"day": "2001-01-01"})
    assert not remembered(folder)


def test_a_model_with_an_interval_is_never_remembered(make: Make) -> None:
    folder = make({"models/a/t.sql": "/* ---\nrefresh: {every: 1d}\n--- */\nSELECT now() AS d"})
    for _ in range(2):
        Project(folder).run()
    assert not remembered(folder)


def test_no_secret_is_kept(make: Make) -> None:
    folder = make({**FILES, "lakeorch.yml": "models: models\nvariables: {n: 3, password: hunter2}\n"})
    for _ in range(2):
        Project(folder).run()
    assert remembered(folder)
    assert "hunter2" not in answer(folder.parent).read_text()


def test_the_name_of_an_answer_is_no_fast_hash_of_a_secret(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = make({**FILES, "lakeorch.yml": "models: models\nvariables: {n: 3, password: hunter2}\n"})
    asked: list[str] = []
    digest = idle.digest

    def seen(value: object) -> str:
        asked.append(repr(value))
        return digest(value)

    monkeypatch.setattr(idle, "digest", seen)
    assert not remembered(folder)
    assert any("scrypt" in question for question in asked)
    assert not any("hunter2" in question for question in asked)


def test_the_newest_answers_are_kept(make: Make) -> None:
    folder = make({"models/a/t.sql": "SELECT $n AS y"})
    for number in range(kept.MOST + 2):
        Project(folder, variables={"n": "1"}).run(["a.t", f"t{'+' * (number % 2)}", f"{number}+t"])
    assert len([*(folder.parent / ".lakeorch/idle").iterdir()]) == kept.MOST
