"""Faults at every request to a REST catalog: with transactions all or nothing; table by table rolled forward."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.rest import RestServer

from .calls import CAN, Fault
from .forks import Forks
from .scenarios import PROMOTE, SCENARIOS, THREE, Scenario
from .test_faults import some
from .trials import ALL, Site, Trials, told

NewServer = Callable[[], RestServer]
OTHERS = 4
# a server has no room for an environment beside production
EVERY = [scenario for scenario in SCENARIOS if scenario is not PROMOTE]


@pytest.fixture(params=["transactions", "no-new-tables", "table-by-table"])
def server(request: pytest.FixtureRequest) -> Iterator[NewServer]:
    """Makes servers, each for one lake."""
    kinds = {"transactions": request.param != "table-by-table", "creates": request.param == "transactions"}
    with ExitStack() as stack:
        yield lambda: stack.enter_context(RestServer(**kinds).served())


def at_the_publish(site: Site) -> list[Fault]:
    """Every fault from the first request that writes on, or from the fate file."""

    def begins(calls: Sequence[tuple[str, str]]) -> int:
        return next(at for at, (door, label) in enumerate(calls, 1) if door == "http" or "fate" in label)

    first = {True: begins(site.every), False: begins(site.calls)}
    return [fault for fault in site.faults(CAN) if fault.at >= first["read" in CAN[fault.kind]]]


@pytest.mark.timeout(3600 if ALL else 300)
@pytest.mark.parametrize("scenario", EVERY if ALL else [THREE], ids=lambda scenario: scenario.name)
def test_whatever_fails_the_next_run_converges(
    scenario: Scenario,
    server: NewServer,
    forks: Sequence[Forks],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    request: pytest.FixtureRequest,
) -> None:
    """Killed at every call of the publish; of other faults, and of those before, a sample."""
    with Trials(forks, tmp_path, scenario, server) as trials:
        every, late = trials.site.faults(CAN), at_the_publish(trials.site)
        kills, others = [f for f in late if f.kind == "kill"], [f for f in late if f.kind != "kill"]
        done = trials.run(every if ALL else [*kills, *some(others, OTHERS)])
    with capsys.disabled():
        where = request.node.callspec.params["server"]
        print(f"\n{len(done)} of {len(every)} faults of {scenario.name}, REST {where}: {told(done)}")
    wrong = [str(trial) for trial in done if trial.wrong]
    assert not wrong, "\n".join(wrong)
