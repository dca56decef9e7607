"""Every kind of fault at every call of a run: nothing half-published, nothing lost, and no error but lakeorch's own.

By default a sample of the faults. `LAKEORCH_FAULTS=all` tries every one, on SQLite and on Postgres: hours.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

import pytest

from tests.postgres import NewDatabase

from .calls import CAN, Fault
from .forks import Forks
from .scenarios import FIRST, SCENARIOS, Scenario
from .trials import ALL, Site, Trials, told

SAMPLE, EDITS, PAIRS = 8, 2, 2
ON_POSTGRES = SCENARIOS if ALL else (FIRST,)

T = TypeVar("T")


def some(every: Sequence[T], count: int) -> list[T]:
    """So many, from all over; every one where all are asked for."""
    return list(every) if ALL else list(every)[:: max(1, len(every) // count)]


def chosen(site: Site) -> list[Fault]:
    """Some faults of each kind from all over the run, and all those at the commit."""
    every = site.faults(CAN)
    commits = [f for f in every if f.kind != "error" and site.door(f) == "commit"]
    return list(dict.fromkeys([*commits, *some(every, SAMPLE)]))


def twice(site: Site) -> list[tuple[Fault, Fault]]:
    """A fault, and another one in the run that was to make up for it."""
    every = site.faults(CAN)
    pick = random.Random(site.scenario.name)
    return [(pick.choice(every), pick.choice(every)) for _ in range(20 if ALL else PAIRS)]


@pytest.mark.timeout(3600 if ALL else 120)
@pytest.mark.parametrize(
    ("scenario", "database"),
    [*((scenario, "sqlite") for scenario in SCENARIOS), *((scenario, "postgres") for scenario in ON_POSTGRES)],
    ids=lambda value: value if isinstance(value, str) else value.name,
    indirect=["database"],
)
def test_whatever_fails_a_run_is_all_or_nothing(
    scenario: Scenario,
    database: NewDatabase | None,
    forks: Sequence[Forks],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with Trials(forks, tmp_path, scenario, database) as trials:
        site = trials.site
        done = {
            "one fault": trials.run(chosen(site)),
            "two in turn": trials.run(twice(site)),
            "killed, then edited": trials.run(some(site.faults(["kill"]), EDITS), edit=True) if scenario.edit else [],
        }
    with capsys.disabled():
        where = "Postgres" if database else "SQLite"
        print(f"\n{scenario.name}, on {where}, {len(site.calls)} calls that write, {len(site.every)} in all")
        for name, found in ((name, found) for name, found in done.items() if found):
            print(f"    {name}: {told(found)}")
    wrong = [str(trial) for found in done.values() for trial in found if trial.wrong]
    assert not wrong, "\n".join(wrong)
