"""Takes the times: for each piece of work a fresh process per contender, which take turns.

Turns go forwards and backwards, so that whatever else the machine does hits all contenders alike. The first time does
not count: it warms up the files and the engine, tells the peak of memory, and leaves the rows that are compared.
"""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from lakeorch.engines import Engines, Target, numbered
from lakeorch.execute.reading import Reading, yielded
from lakeorch.project.bench.answers import Written, compared
from lakeorch.project.bench.ground import Ground, lend, scratch
from lakeorch.project.bench.result import RUN, Answer, Contender, Measured, Spread
from lakeorch.project.bench.worker import Failure, Sample, Take, Transform, WholeRun, working
from lakeorch.types import parse_transform

Only = Literal["models", "runs"]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a benchmark is: so many times taken out of so many (0 where not known yet), and what is done now."""

    done: int
    total: int
    what: str


Notify = Callable[[Progress], None]


@dataclass
class Turns:
    """All times of a benchmark.

    Attributes:
        threads: of engines and of whole runs.
        repeat: how often each is taken, besides the first time.
        only: leave out models, or whole runs.
        engines: those of the project; the house's compares the answers.
        asked: the names of those to be measured; empty where each model is measured on its own.
        sides: the project itself, and what it is held against.
        scratch: an empty folder.
        measured, answers: what was found so far.
    """

    threads: int
    repeat: int
    only: Only | None
    engines: Engines
    asked: tuple[str, ...]
    sides: tuple[Ground, ...]
    scratch: Path
    notify: Notify
    measured: list[Measured] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    done: int = 0

    @property
    def contenders(self) -> tuple[Contender, ...]:
        """Every engine of every side; the first is the project itself on its first engine."""
        names = self.asked or (self.engines.default,)
        return tuple(Contender(engine, ground.side) for ground in self.sides for engine in names)

    @property
    def total(self) -> int:
        """How many times are taken where nothing fails."""
        models = sum(len(ground.names) for ground in self.sides) * max(1, len(self.asked))
        counts = {"models": models, "runs": len(self.contenders)}
        return (1 + self.repeat) * sum(count for kind, count in counts.items() if self.only in (None, kind))

    def run(self) -> None:
        """Takes all of them."""
        if self.only != "models":
            self._runs()
        if self.only != "runs":
            for name in self.sides[0].names:
                self._model(name)

    def _tell(self, what: str) -> None:
        self.notify(Progress(self.done, self.total, what))
        self.done += 1

    def _ground(self, contender: Contender) -> Ground:
        return next(ground for ground in self.sides if ground.side == contender.side)

    # ---- whole runs ----

    def _runs(self) -> None:
        taken = _Taken(self.contenders)
        for turn in range(1 + self.repeat):
            for contender in taken.in_turn(turn):
                self._tell(f"whole run, {contender}")
                taken.add(contender, self._run(contender), counts=turn > 0)
        self.measured += [taken.measured(RUN, contender) for contender in self.contenders]

    def _run(self, contender: Contender) -> Sample | Failure:
        """One run from nothing, timed from the start of its process on."""
        ground, folder = self._ground(contender), self.scratch / "run"
        config = replace(scratch(ground.config, folder), engine=contender.engine)
        tables = ground.lake.published()
        lend(config, {name: table.location for name, table in tables.items() if name not in ground.names})
        try:
            began = time.perf_counter()
            with working(WholeRun(config, self.threads, ground.names)) as take:
                found = take()
                seconds = time.perf_counter() - began
            return found if isinstance(found, Failure) else replace(found, seconds=seconds)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    # ---- models ----

    def _model(self, name: str) -> None:
        folder = self.scratch / "model"
        jobs = {
            contender: self._transform(name, contender, folder / str(at))
            for at, contender in enumerate(self.contenders)
            if name in self._ground(contender).names
        }
        taken = _Taken(jobs)
        with contextlib.ExitStack() as stack:
            takes: dict[Contender, Take] = {}
            for contender, job in jobs.items():
                takes[contender] = stack.enter_context(working(job))
            for turn in range(1 + self.repeat):
                for contender in taken.in_turn(turn):
                    self._tell(f"{name}, {contender}")
                    found = takes[contender]()
                    taken.add(contender, found, counts=turn > 0)
                    if turn and isinstance(found, Sample):
                        _remove(found.paths)
            self._compare(name, {each: job.target for each, job in jobs.items()}, taken, takes)
        for contender in jobs:
            read = self._read(name, contender)
            self.measured.append(replace(taken.measured(name, contender), read=read))
        shutil.rmtree(folder, ignore_errors=True)

    def _compare(
        self, name: str, targets: Mapping[Contender, Target], taken: _Taken, takes: Mapping[Contender, Take]
    ) -> None:
        written = {each: Written(targets[each].fields, sample.paths) for each, sample in taken.first.items()}
        first = next(iter(written), None)
        if first is None:
            return

        def again() -> tuple[str, ...]:
            found = takes[first]()
            return found.paths if isinstance(found, Sample) else ()

        ground = self.sides[0]
        key = ground.graph.models[name].settings.unique_key
        self.answers += compared(self.engines, str(ground.config.root), name, key, written, again)

    def _read(self, name: str, contender: Contender) -> int | None:
        """How many rows the tables have that a model reads; None where it reads raw files too."""
        ground = self._ground(contender)
        if ground.graph.files_behind(name):
            return None
        return sum(ground.lake.scan(table).rows for table in ground.graph.tables_behind(name))

    def _transform(self, name: str, contender: Contender, folder: Path) -> Transform:
        """A model's query as a full build runs it; of a history the query itself, without the versions it opens."""
        ground = self._ground(contender)
        survey, root = ground.found.survey, ground.config.root
        model = survey.graph.models[name]
        settings = model.settings
        engine = contender.engine if self.asked else settings.engine or contender.engine
        if model.is_python:
            engine = self.engines.name  # the house calls it, whatever engine runs queries
        reading = Reading(ground.lake, self.engines.of(engine), survey, root)
        only = reading.paths(name, new=False)
        call = reading.call(model) if model.is_python else None
        fields = numbered(yielded(model, survey.columns[name]))
        known = {field.name.lower() for field in fields}
        partitions = [parse_transform(text) for text in settings.partition_by]
        target = Target(
            str(folder),
            "rows",
            fields,
            tuple(each for each in partitions if each.column in known),
            tuple(each for each in settings.sort_by if each.split()[0].lower() in known),
        )
        return Transform(
            engine,
            self.threads,
            ground.config.memory,
            tuple(reading.needed(name, ground.lake.scan, only)),
            survey.variables,
            str(root),
            call.query(reading.engine) if call else reading.statement(model, only).sql,
            target,
            call,
        )


class _Taken:
    """The times of one piece of work, by contender."""

    def __init__(self, contenders: Iterable[Contender]) -> None:
        self.samples: dict[Contender, list[Sample]] = {contender: [] for contender in contenders}
        self.first: dict[Contender, Sample] = {}
        self.failed: dict[Contender, str] = {}

    def in_turn(self, turn: int) -> Sequence[Contender]:
        """Who is still in it, forwards and backwards by turns."""
        left = [each for each in self.samples if each not in self.failed]
        return left[::-1] if turn % 2 else left

    def add(self, contender: Contender, found: Sample | Failure, *, counts: bool) -> None:
        """Takes a time in."""
        if isinstance(found, Failure):
            self.failed[contender] = found.message
        elif counts:
            self.samples[contender].append(found)
        else:
            self.first[contender] = found

    def measured(self, model: str, contender: Contender) -> Measured:
        """What a contender took."""
        first, samples = self.first.get(contender), self.samples[contender]
        if contender in self.failed or first is None:
            return Measured(model, contender, error=self.failed.get(contender, "it did not answer"))
        rows, size = _size(first.paths) if model else (first.rows, 0)
        return Measured(
            model,
            contender,
            Spread(tuple(sample.seconds for sample in samples)),
            Spread(tuple(sample.cpu for sample in samples)),
            first.memory,
            rows,
            bytes=size,
            files=len(first.paths),
        )


def _size(paths: Sequence[str]) -> tuple[int, int]:
    """Rows and bytes of Parquet files."""
    import pyarrow.parquet as pq

    rows = sum(pq.read_metadata(path).num_rows for path in paths)
    return rows, sum(Path(path).stat().st_size for path in paths)


def _remove(paths: Sequence[str]) -> None:
    for path in paths:
        Path(path).unlink(missing_ok=True)
