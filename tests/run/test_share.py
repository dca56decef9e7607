"""Large steps one after the other, small ones side by side, and a large one that waits holds nobody up."""

from __future__ import annotations

import duckdb
import pytest

from lakeorch import Event, Project
from lakeorch.run import share
from lakeorch.run.share import PER_THREAD, WINDOW, Share
from tests.conftest import Make

LARGE = 100 * PER_THREAD


class Clock:
    """A clock that a test moves: seconds gone by, and seconds of processor time."""

    now = 0.0
    used = 0.0

    def __call__(self) -> tuple[float, float]:
        return self.now, self.used

    def passes(self, seconds: float, busy: float) -> None:
        """Time goes by with so many threads at work."""
        self.now += seconds
        self.used += seconds * busy


def test_large_steps_go_one_by_one_and_small_ones_beside_each_other() -> None:
    given = Share(4, Clock())
    assert all(given.take(name, 10) for name in "abcd")
    assert not given.take("e", 10)
    for name in "abcd":
        given.give(name)
    assert given.take("large", LARGE)
    assert not given.take("a", 10)
    given.give("large")
    assert given.take("a", 10)
    assert not given.take("large", LARGE)
    assert given.take("middle", 2 * PER_THREAD)


def test_one_thread_runs_anything_but_one_at_a_time() -> None:
    given = Share(1, Clock())
    assert given.take("large", LARGE)
    assert not given.take("a", 0)
    given.give("large")
    assert given.take("a", 0)


def test_a_large_step_that_leaves_threads_idle_lets_others_start() -> None:
    clock = Clock()
    given = Share(4, clock)
    clock.passes(100, 0)  # what was before it says nothing about it
    assert given.take("large", LARGE)
    clock.passes(WINDOW / 2, 0)
    assert not given.take("other", LARGE)  # too early to tell
    clock.passes(10 * WINDOW, 3.9)
    assert not given.take("other", LARGE)
    clock.passes(2 * WINDOW, 1)
    assert given.take("other", LARGE)
    assert not given.take("third", LARGE)  # the second has its time to show what it uses
    clock.passes(2 * WINDOW, 2)
    assert given.take("third", LARGE)


def test_a_run_of_large_models_builds_one_after_the_other(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(share, "BUSY", 0.0)  # on a busy machine they could seem to be idle
    copies = {f"models/raw/{name}.sql": "FROM 'raw/large.parquet'\n" for name in "abcd"}
    folder = make({**copies, "models/raw/above.sql": "SELECT count(*) AS n FROM raw.a JOIN raw.b USING (i)\n"})
    (folder.parent / "raw").mkdir()
    with duckdb.connect() as connection:
        query = "SELECT i, hash(i) AS h FROM range(600_000) t(i)"
        connection.execute(f"COPY ({query}) TO '{folder.parent}/raw/large.parquet'")
    seen: list[Event] = []
    result = Project(folder, threads=2).run(observers=[seen.append])
    assert result.status == "published"
    told = [event.kind for event in seen if event.kind in ("step_started", "step_finished")]
    assert told == ["step_started", "step_finished"] * 5
