"""One trial: a lake as it was before an edit, a run with a fault, and what must hold afterwards whatever happened."""

from __future__ import annotations

import json
import shutil
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from .calls import CAN, Door, Fault, Kind
from .forks import Forks, Work
from .scenarios import Files, Scenario

# Files younger than this are hashed again by every run, so that runs would differ in their calls.
_SETTLES_S = 2.2
PROCESSES = 2


class Site:
    """A project with its lake, put back to where it was before each trial. Metadata holds paths, so it never moves."""

    def __init__(self, forks: Forks, root: Path, scenario: Scenario) -> None:
        self.forks = forks
        self.root = root
        self.scenario = scenario
        self.run = {"do": "run", "folder": str(root / "models")}
        self.look = {"do": "look", "uri": f"sqlite:///{root}/warehouse/catalog.db"}
        (root / "models").mkdir(parents=True)
        for files in scenario.before:
            self._write(files)
            assert self._done(self.run)["status"] == "published"
        self._write(scenario.after)
        self._stash = root.with_name(root.name + "-stash")
        for name in ("warehouse", ".lakeorch"):
            if (root / name).exists():
                shutil.copytree(root / name, self._stash / name)
        self.old = self._done(self.look)
        assert self.old["tables"] == scenario.old
        time.sleep(_SETTLES_S)
        self._count()

    def _count(self) -> None:
        """A run in which nothing goes wrong: its calls, and what they lead to."""
        self.restore()
        whole = self._done(self.run)
        assert whole["status"] == self.scenario.ends[0], whole
        self.calls: Sequence[tuple[Door, str]] = [tuple(call) for call in whole["calls"]]
        self.restore()
        every = self._done(self.run | {"reads": True})
        self.calls_with_reads: Sequence[tuple[Door, str]] = [tuple(call) for call in every["calls"]]
        self.new = self._done(self.look)
        assert self.new["tables"] == self.scenario.new
        assert [rows for branch in self.new["branches"].values() for rows in branch] == [*self.scenario.branches]

    def _write(self, files: Files) -> None:
        for name, text in files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")

    def _done(self, job: dict[str, Any]) -> dict[str, Any]:
        done: dict[str, Any] = self.forks.work(job).done[0]
        return done

    def restore(self) -> None:
        """The lake as it was before the edit was run."""
        for name in ("warehouse", ".lakeorch"):
            shutil.rmtree(self.root / name, ignore_errors=True)
            if (self._stash / name).exists():
                shutil.copytree(self._stash / name, self.root / name)

    def finished(self) -> frozenset[str]:
        """The models of the steps that are kept for the next run."""
        kept = (self.root / "warehouse/_lakeorch/staged").glob("*.json")
        return frozenset(json.loads(path.read_text())["model"] for path in kept)

    def faults(self, kinds: Iterable[Kind]) -> list[Fault]:
        """Every fault that can happen in this scenario."""
        found = []
        for kind in kinds:
            calls = self.calls_with_reads if "read" in CAN[kind] else self.calls
            found += [Fault(kind, at) for at, (door, _) in enumerate(calls, 1) if door in CAN[kind]]
        return found

    def state(self, seen: dict[str, Any]) -> str:
        """`old`, `new`, or what is wrong."""
        if seen["missing"]:
            return f"files are missing: {seen['missing']}"
        for name, state in (("old", self.old), ("new", self.new)):
            if seen["tables"] == state["tables"] and seen["facts"] == state["facts"]:
                return name
        return f"neither old nor new: {seen['tables']} {seen['facts']}"

    def trial(self, fault: Fault) -> Trial:
        """A run with a fault, what a reader sees then, the next run and the one after it."""
        self.restore()
        broken = self.forks.work(self.run | {"kind": fault.kind, "at": fault.at, "reads": "read" in CAN[fault.kind]})
        finished = self.finished()
        after, second, then = self.forks.work(self.look, self.run, self.look).done
        third, last = self.forks.work(self.run, self.look).done
        return Trial(self, fault, broken, finished, after, second, then, third, last)


class Trial:
    """What a trial showed.

    Attributes:
        label: the call that the fault struck.
        state: what a reader saw right after it: `old` or `new`.
        reused: how many finished steps the next run found.
        wrong: every promise that was broken; empty where all held.
    """

    def __init__(self, site: Site, fault: Fault, broken: Work, finished: frozenset[str], *seen: dict[str, Any]) -> None:
        after, second, then, third, last = seen
        self.site = site
        self.fault = fault
        self.label = broken.hit
        self.first = broken.done[0] if broken.done else {"status": "killed", "error": "", "escaped": ""}
        self.state = site.state(after)
        self.reused = len(finished)
        self.wrong = [*self._first(broken.killed), *self._converges(then, last, second, third)]
        copied = {label.split("/", 1)[1].rpartition("/")[0] for door, label in second["calls"] if door == "engine"}
        if again := copied & {name.replace(".", "/") for name in finished}:
            self.wrong.append(f"finished before, and built again by the next run: {sorted(again)}")

    def _first(self, killed: bool) -> Iterable[str]:
        status, escaped = self.first["status"], self.first["escaped"]
        if not self.label:
            yield "the call was not reached"
        if killed != (self.fault.kind in {"kill", "torn"}):
            yield "it was killed, or was not"
        if escaped:
            yield f"not an error of lakeorch: {escaped}"
        if self.state not in {"old", "new"}:
            yield self.state
        if status in {"published", "nothing to do"} and self.state != "new":
            yield f"it said {status}, but the tables are as before"
        if status in {"raised", "failed"} and self.state != "old" and self.site.scenario.ends[0] == "published":
            yield f"it said {status} ({self.first['error']}), but the tables are published"

    def _converges(
        self, then: dict[str, Any], last: dict[str, Any], second: dict[str, Any], third: dict[str, Any]
    ) -> Iterable[str]:
        site, again = self.site, self.site.scenario.ends[1]
        for name, seen in (("next", then), ("third", last)):
            if site.state(seen) != "new":
                yield f"after the {name} run: {site.state(seen)}"
            elif {table: len(runs) for table, runs in seen["runs"].items()} != {
                table: len(runs) for table, runs in site.new["runs"].items()
            }:
                yield f"after the {name} run there are other snapshots: {seen['runs']}"
            elif seen["branches"] != site.new["branches"]:
                yield f"after the {name} run there are other branches: {seen['branches']}"
        expected = again if self.state == "new" else site.scenario.ends[0]
        if second["status"] != expected:
            yield f"the next run said {second['status']}: {second['error']}{second['escaped']}"
        if third["status"] != again:
            yield f"the third run said {third['status']}: {third['error']}{third['escaped']}"

    def __str__(self) -> str:
        where = f"{self.fault.kind} at {self.fault.at}, {self.label}"
        return f"{self.site.scenario.name}: {where} → {self.first['status']}: " + "; ".join(self.wrong)


class Trials:
    """Sites of one scenario, as many as processes work at once.

    Args:
        folder: to work in.
    """

    def __init__(self, folder: Path, scenario: Scenario) -> None:
        self.scenario = scenario
        self._stack = ExitStack()
        self._free: SimpleQueue[Site] = SimpleQueue()
        self._pool = self._stack.enter_context(ThreadPoolExecutor(PROCESSES))
        forks = [self._stack.enter_context(Forks()) for _ in range(PROCESSES)]
        made = self._pool.map(lambda n: Site(forks[n], folder / f"site{n}", scenario), range(PROCESSES))
        for site in made:
            self.site = site
            self._free.put(site)

    def run(self, faults: Sequence[Fault]) -> list[Trial]:
        """Tries every fault; the trials in the same order."""
        return list(self._pool.map(self._one, faults))

    def _one(self, fault: Fault) -> Trial:
        site = self._free.get()
        try:
            return site.trial(fault)
        finally:
            self._free.put(site)

    def __enter__(self) -> Trials:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()


def told(trials: Sequence[Trial]) -> str:
    """The totals, in a few lines."""
    kinds = Counter(trial.fault.kind for trial in trials)
    states = Counter(trial.state for trial in trials if trial.state in {"old", "new"})
    reused = sum(trial.reused for trial in trials)
    ends = Counter(trial.first["status"] for trial in trials)
    return (
        f"{len(trials)} faults ({_listed(kinds)}): tables all-old {states['old']}, all-new {states['new']}, "
        f"mixed {len(trials) - states.total()}; runs ended {_listed(ends)}; {reused} finished steps reused"
    )


def _listed(counts: Counter[Any]) -> str:
    return ", ".join(f"{what} {count}" for what, count in counts.items())
