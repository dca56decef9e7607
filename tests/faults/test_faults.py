"""Every kind of fault at every call of a run: nothing half-published, nothing lost, and no error but lakeorch's own.

By default a sample of the faults; `LAKEORCH_FAULTS=all` tries every one, which takes some minutes.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from .calls import CAN, Fault
from .scenarios import SCENARIOS, Scenario
from .trials import Site, Trials, told

ALL = os.environ.get("LAKEORCH_FAULTS") == "all"
SAMPLE = 12


def chosen(site: Site) -> list[Fault]:
    """Every fault; or those at the commit, and some of each kind from all over the run."""
    every = site.faults(CAN)
    if ALL:
        return every
    commits = [f for f in every if f.kind != "error" and site.calls[f.at - 1][0] == "commit"]
    return [*commits, *every[:: max(1, len(every) // SAMPLE)]]


@pytest.mark.timeout(1800 if ALL else 120)
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_whatever_fails_a_run_is_all_or_nothing(
    scenario: Scenario, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Trials(tmp_path, scenario) as trials:
        done = trials.run(chosen(trials.site))
    with capsys.disabled():
        print(f"\n{scenario.name}, {len(trials.site.calls_with_reads)} calls: {told(done)}")
    wrong = [str(trial) for trial in done if trial.wrong]
    assert not wrong, "\n".join(wrong)
