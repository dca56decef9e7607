"""kill -9 at each call by which a run writes or commits: readers see all-old or all-new, and the next run converges."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.postgres import NewDatabase

from .forks import Forks
from .scenarios import THREE
from .trials import ALL, Trials, told


@pytest.mark.parametrize("database", ["sqlite", "postgres"], indirect=True)
def test_killed_at_any_call_a_run_is_all_or_nothing(
    database: NewDatabase | None,
    forks: Sequence[Forks],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    request: pytest.FixtureRequest,
) -> None:
    with Trials(forks, tmp_path, THREE, database) as trials:
        every = trials.site.faults(["kill"])
        # up to the publish a run is the same on every catalog
        done = trials.run(every if ALL or database is None else [*every[:-24:6], *every[-24:]])
    where = request.node.callspec.params["database"]
    with capsys.disabled():
        print(f"\nkill -9 at {len(done)} of {len(every)} calls of {THREE.name}, on {where}: {told(done)}")
    wrong = [str(trial) for trial in done if trial.wrong]
    assert not wrong, "\n".join(wrong)
    # the harness itself: kills on both sides of the commit, and every sort of call is among them
    assert {trial.state for trial in done} == {"old", "new"}
    assert {door for door, _ in trials.site.calls} == {"disk", "write", "engine", "sql", "commit"}
    assert sum(trial.reused for trial in done) > len(done)
