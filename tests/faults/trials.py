"""One trial: a lake as it was before an edit, a run with a fault, and what must hold afterwards whatever happened."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from tests.rest import RestServer

from .calls import CAN, Door, Fault, Kind
from .catalogs import catalog_of
from .forks import Forks, Work
from .scenarios import Files, Scenario

ALL = os.environ.get("LAKEORCH_FAULTS") == "all"
DONE = {"published", "nothing to do", "rolled back", "promoted"}
Seen = dict[str, Any]
_FULL = re.compile("disk is full|no space left", re.I)


class Site:
    """A project with its lake, put back to where it was before each trial. Metadata holds paths, so it never moves.

    Attributes:
        calls: of a run in which nothing goes wrong, those that only read left out.
        every: all of them.
        old, new, edited: what a reader sees before the run, after it, and after the run of one more edit.
    """

    def __init__(self, forks: Forks, root: Path, scenario: Scenario, catalog: str | RestServer) -> None:
        self.forks = forks
        self.root = root
        self.scenario = scenario
        self.catalog = catalog_of(catalog, f"{root}/warehouse")
        self.run = {"do": "run", "folder": str(root / "models")}
        self.act = {**self.run, "command": scenario.command}
        self.look = {"do": "look", "uri": self.catalog.uri, "warehouse": f"{root}/warehouse"}
        self._stash = root.with_name(f"{root.name}-stash")
        (root / "models").mkdir(parents=True)
        self._write(self.catalog.settings)
        for files in scenario.before:
            self._write(files)
            self._ends("published")
        for files, command in scenario.prepared:
            self._write(files)
            self._ends("published", {**self.run, "command": command})
        if scenario.before and scenario.after:
            # what it remembers of having nothing to do must not outlive the edit
            self._ends("nothing to do")
        shutil.copytree(root, self._stash)
        self.catalog.keep()
        self.old = self._only(self.look)
        assert self.old["tables"] == scenario.old
        self.restore()
        self.calls = self._ends(scenario.ends[0], self.act)
        self.restore()
        self.every = self._ends(scenario.ends[0], self.act | {"reads": True})
        self.new = self._only(self.look)
        assert self.new["tables"] == scenario.new
        assert [rows for branch in self.new["branches"].values() for rows in branch] == [*scenario.branches]
        assert self.new["rejected"] == [*scenario.rejected]
        self._write(scenario.edit)
        if scenario.edit:
            self._ends("published")
        self.edited = self._only(self.look)
        assert self.edited["tables"] == (scenario.edited or scenario.new)

    def _write(self, files: Files) -> None:
        for name, text in files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")

    def _ends(self, status: str, job: dict[str, Any] | None = None) -> Sequence[tuple[Door, str]]:
        """A run, or another job, in which nothing goes wrong, and its calls."""
        done = self._only(job or self.run)
        assert done["status"] == status, done
        return [(door, label) for door, label in done["calls"]]

    def _only(self, job: dict[str, Any]) -> Seen:
        done: Seen = self.forks.work(job).done[0]
        return done

    def restore(self) -> None:
        """The lake as it was before the edit was run, and the files as the edit made them."""
        shutil.rmtree(self.root)
        shutil.copytree(self._stash, self.root)
        self.catalog.restore()
        self._write(self.scenario.after)

    def finished(self) -> frozenset[str]:
        """The models of the steps that are kept for the next run."""
        kept = (self.root / "warehouse/_lakeorch/staged").glob("*.json")
        return frozenset(json.loads(path.read_text())["model"] for path in kept)

    def faults(self, kinds: Iterable[Kind]) -> list[Fault]:
        """Every fault that can happen in this scenario."""
        found = []
        for kind in kinds:
            found += [Fault(kind, at) for at, (door, _) in enumerate(self._calls(kind), 1) if door in CAN[kind]]
        return found

    def door(self, fault: Fault) -> Door:
        """By which door the call goes that a fault hits."""
        return self._calls(fault.kind)[fault.at - 1][0]

    def _calls(self, kind: Kind) -> Sequence[tuple[Door, str]]:
        return self.every if "read" in CAN[kind] else self.calls

    def state(self, seen: Seen) -> str:
        """`old`, `new`, `some` of each where that may be, or what is wrong; `new` where a run changes nothing seen."""
        if seen["missing"]:
            return f"files are missing: {seen['missing']}"
        if self.catalog.makes_empty:
            seen = {**seen, **{what: self._without_empty(seen[what], seen) for what in ("tables", "facts")}}
        if alike(seen, self.new):
            return "new"
        if alike(seen, self.old):
            return "old"
        if not self.catalog.is_atomic and self._is_partly(seen):
            return "some"
        return f"neither old nor new: {seen['tables']} {seen['facts']}"

    def _without_empty(self, told: Seen, seen: Seen) -> Seen:
        """Without new tables that hold no row yet."""
        return {name: what for name, what in told.items() if name in self.old["tables"] or seen["tables"][name][1]}

    def _is_partly(self, seen: Seen) -> bool:
        """Whether each table is as before or as after, as a catalog that takes one at a time must show it."""
        return all(
            seen[what].get(name) in (self.old[what].get(name), self.new[what].get(name))
            for what in ("tables", "facts")
            for name in {**seen[what], **self.new[what], **self.old[what]}
        )

    def trial(self, faults: Sequence[Fault], *, edit: bool = False) -> Trial:
        """Runs with a fault in each, perhaps another edit, then a run in which nothing goes wrong, and one more."""
        self.restore()
        works, after = [], []
        for fault in faults:
            reads = "read" in CAN[fault.kind]
            works.append(self.forks.work(self.act | {"kind": fault.kind, "at": fault.at, "reads": reads}))
            finished = self.finished()
            if len(works) < len(faults):
                after.append(self._only(self.look))
        if edit:
            seen, *_ = self.forks.work(self.look).done
            self._write(self.scenario.edit)
            second, then = self.forks.work(self.run, self.look).done
        else:
            seen, second, then = self.forks.work(self.look, self.act, self.look).done
        again = self.run if edit else self.act
        third, fourth, last = self.forks.work(again, again, self.look).done
        return Trial(self, faults, works, [*after, seen], edit, finished, (second, third, fourth), (then, last))


def alike(one: Seen, other: Seen) -> bool:
    """Whether readers see the same."""
    return all(one[what] == other[what] for what in ("tables", "facts"))


class Trial:
    """What a trial showed.

    Attributes:
        state: what a reader saw after the faults: `old` or `new`.
        ended: how each run with a fault ended.
        reused: how many finished steps the next run found.
        wrong: every promise that was broken; empty where all held.
    """

    def __init__(
        self,
        site: Site,
        faults: Sequence[Fault],
        works: Sequence[Work],
        after: Sequence[Seen],
        edit: bool,
        finished: frozenset[str],
        runs: tuple[Seen, Seen, Seen],
        looks: tuple[Seen, Seen],
    ) -> None:
        self.site = site
        self.faults = faults
        self.labels = [work.hit for work in works]
        self.edit = edit
        self.reused = len(finished)
        self.state = site.state(after[-1])
        self.ended = [work.done[0]["status"] if work.done else "killed" for work in works]
        self.wrong: list[str] = []
        before = "old"
        for at, (fault, work, seen) in enumerate(zip(faults, works, after, strict=True)):
            self.wrong += self._broken_run(fault, work, (before, site.state(seen)), first=at == 0)
            before = site.state(seen)
        self.wrong += self._converges(runs, looks)
        copied = {label.split("/", 1)[1].rpartition("/")[0] for door, label in runs[0]["calls"] if door == "engine"}
        again = copied & {name.replace(".", "/") for name in finished}
        if again and not edit:
            self.wrong.append(f"finished before, and built again by the next run: {sorted(again)}")

    def _broken_run(self, fault: Fault, work: Work, states: tuple[str, str], *, first: bool) -> Iterator[str]:
        before, state = states
        if first and not work.hit:
            yield "the call was not reached"
        if work.hit and work.killed != (fault.kind in {"kill", "torn"}):
            yield "it was killed, or was not"
        if state not in {"old", "new", "some"}:
            yield state
        if not work.done:
            return
        [done] = work.done
        if done["escaped"]:
            yield f"not an error of lakeorch: {done['escaped']}"
        if done["status"] in DONE and state != "new":
            yield f"it said {done['status']}, but the tables are as before"
        changes = not alike(self.site.old, self.site.new) and self.site.scenario.ends[0] == "published"
        if done["status"] not in DONE and before == "old" != state and changes:
            yield f"it said {done['status']} ({done['error']}), but the tables are published"
        # where nothing is left but to remove files and to remember, a full disk is not met, or does not matter
        left = self.site.calls[fault.at - 1 :] if fault.kind == "full" else ()
        met = any(not label.startswith("unlink") and ".lakeorch" not in label for _, label in left)
        if done["status"] not in DONE and fault.kind == "full" and first and met and not _FULL.search(done["error"]):
            yield f"it does not say that the disk is full: {done['error']}"

    def _converges(self, runs: tuple[Seen, Seen, Seen], looks: tuple[Seen, Seen]) -> Iterator[str]:
        site, scenario = self.site, self.site.scenario
        wanted = site.edited if self.edit else site.new
        for name, seen in zip(("next", "third"), looks, strict=True):
            if seen["missing"]:
                yield f"after the {name} run files are missing: {seen['missing']}"
            if not alike(seen, wanted):
                yield f"after the {name} run: {seen['tables']} {seen['facts']}"
            elif not self.edit:
                for what in ("runs", "branches", "rejected"):
                    if _shape(seen[what]) != _shape(site.new[what]):
                        yield f"after the {name} run, {what}: {seen[what]}"
        if self.edit:
            expected = ["published", "nothing to do", "nothing to do"]
        else:
            again = scenario.ends[1]
            expected = [again if self.state == "new" else scenario.ends[0], again, again]
        if not site.catalog.is_atomic and runs[0]["status"] == scenario.ends[1]:
            expected[0] = scenario.ends[1]  # it was decided before, and carried through before the next run planned
        for name, run, status in zip(("next", "third", "fourth"), runs, expected, strict=True):
            if run["status"] != status:
                yield f"the {name} run said {run['status']}, not {status}: {run['error']}{run['escaped']}"

    def __str__(self) -> str:
        hit = zip(self.faults, self.labels, self.ended, strict=True)
        what = ", then ".join(f"{fault.kind} at {fault.at}, {label} → {ended}" for fault, label, ended in hit)
        return f"{self.site.scenario.name}: {what}{', then an edit' if self.edit else ''}: " + "; ".join(self.wrong)


def _shape(found: Any) -> Any:
    """Runs are told by how many there are, their names being new each time; all else by what it is."""
    if isinstance(found, dict) and all(run and isinstance(run[0], str) for run in found.values()):
        return {name: len(runs) for name, runs in found.items()}
    return found


class Trials:
    """Sites of one scenario, as many as processes work at once.

    Args:
        forks: the processes that do the work.
        folder: to work in.
        scenario: what to try.
        database: makes a new database for each site's catalog; None for SQLite files.
    """

    def __init__(
        self, forks: Sequence[Forks], folder: Path, scenario: Scenario, database: Callable[[], str | RestServer] | None
    ) -> None:
        def made(number: int) -> Site:
            return Site(forks[number], folder / f"site{number}", scenario, database() if database else "")

        self._free: SimpleQueue[Site] = SimpleQueue()
        self._pool = ThreadPoolExecutor(len(forks))
        for site in self._pool.map(made, range(len(forks))):
            self.site = site
            self._free.put(site)

    def run(self, faults: Iterable[Fault | Sequence[Fault]], *, edit: bool = False) -> list[Trial]:
        """Tries each fault, or each sequence of them; the trials in the same order."""
        wanted = [(fault,) if isinstance(fault, Fault) else fault for fault in faults]
        return list(self._pool.map(lambda fault: self._one(fault, edit), wanted))

    def _one(self, faults: Sequence[Fault], edit: bool) -> Trial:
        site = self._free.get()
        try:
            return site.trial(faults, edit=edit)
        finally:
            self._free.put(site)

    def __enter__(self) -> Trials:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown()


def told(trials: Sequence[Trial]) -> str:
    """The totals, in a few lines."""
    kinds = Counter("+".join(fault.kind for fault in trial.faults) for trial in trials)
    states = Counter(trial.state for trial in trials if trial.state in {"old", "new", "some"})
    partly = f"some new, as may be where tables are taken one at a time, {states['some']}, " if states["some"] else ""
    ends = Counter(trial.ended[-1] for trial in trials)
    return (
        f"{len(trials)} trials ({_listed(kinds)}): tables all-old {states['old']}, all-new {states['new']}, "
        f"{partly}mixed {len(trials) - states.total()}; runs ended {_listed(ends)}; "
        f"{sum(trial.reused for trial in trials)} finished steps reused; "
        f"violations {sum(bool(trial.wrong) for trial in trials)}"
    )


def _listed(counts: Counter[Any]) -> str:
    return ", ".join(f"{what} {count}" for what, count in counts.most_common(8))
