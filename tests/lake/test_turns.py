"""Turns: one alone keeps others from publishing, never for ever, and never after its end."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from lakeorch.lake import turns
from lakeorch.lake.database import PostgresDatabase
from lakeorch.lake.turns import FileTurns, PostgresTurns, Turns
from tests.postgres import NewDatabase

Make = Callable[[], Turns]


@pytest.fixture(params=["file", "postgres"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Make:
    """Makes the same lock anew, as another process would."""
    if request.param == "file":
        return lambda: FileTurns(tmp_path / "own" / "turn")
    uri = request.getfixturevalue("postgres")()
    return lambda: PostgresTurns(PostgresDatabase(uri), "lakeorch")


def test_many_go_together(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "PATIENCE_S", 30.0)
    started = time.monotonic()
    with make().hold(alone=False), make().hold(alone=False):
        assert time.monotonic() - started < 25


def test_only_one_alone_makes_a_queue(make: Make) -> None:
    mine, other = make(), make()
    assert not mine.is_queue()
    with other.hold(alone=False):
        assert not mine.is_queue()
    with other.hold(alone=True):
        assert mine.is_queue()
        assert mine.is_queue()  # to ask is not to hold
    assert not mine.is_queue()
    with mine.hold(alone=True):
        pass


@pytest.mark.parametrize("alone", [True, False])
def test_the_others_wait_for_one_alone(make: Make, alone: bool) -> None:
    told: list[str] = []

    def other() -> None:
        with make().hold(alone=alone):
            told.append("the other")

    with make().hold(alone=True):
        thread = threading.Thread(target=other)
        thread.start()
        time.sleep(0.3)
        told.append("the one")
    thread.join()
    assert told == ["the one", "the other"]


def test_nobody_waits_for_ever(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    with make().hold(alone=True):
        monkeypatch.setattr(turns, "PATIENCE_S", 0.1)
        with make().hold(alone=False):
            pass  # reached although the other one still holds it


def test_a_killed_holder_holds_nothing(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from lakeorch.lake.turns import FileTurns\n"
        "with FileTurns(Path(sys.argv[1])).hold(alone=True): print('held', flush=True); time.sleep(600)\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "turn")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        holder.kill()
    with FileTurns(tmp_path / "turn").hold(alone=True):
        assert FileTurns(tmp_path / "turn").is_queue(), "it was got, not given up"


def test_a_lost_database_keeps_nobody_waiting(postgres: NewDatabase) -> None:
    uri = postgres().replace("test", "missing")
    with PostgresTurns(PostgresDatabase(uri), "lakeorch").hold(alone=True):
        pass
