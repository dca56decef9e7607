"""A benchmark from the question to the result: which sides, which engines, which models."""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import lakeorch
from lakeorch.engines import Engine
from lakeorch.errors import LakeorchError, UsageError
from lakeorch.model import Schema
from lakeorch.project.bench import ground as grounds
from lakeorch.project.bench.answers import TOLERANCE
from lakeorch.project.bench.ground import Ground
from lakeorch.project.bench.machine import this_machine
from lakeorch.project.bench.result import Bench
from lakeorch.project.bench.turns import Notify, Only, Progress, Turns
from lakeorch.project.config import Config
from lakeorch.project.wiring import Wiring


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for; see `Project.bench`."""

    select: Sequence[str]
    exclude: Sequence[str]
    engines: Sequence[str]
    repeat: int
    against: str | None
    only: Only | None
    threshold: float


def run_bench(wiring: Wiring, wanted: Wanted, notify: Notify) -> Bench:
    """Measures; see `Project.bench`. What it is held against is another matter: `baseline.held_against`.

    Raises:
        UsageError: a selector, an engine or the other side means nothing.
        ProjectError: the project, or its other side, has mistakes.
        LakeorchError: an input cannot be made.
    """
    if wanted.repeat < 1:
        raise UsageError("--repeat takes a number from 1")
    if wanted.threshold <= 1:
        raise UsageError("--threshold takes a number above 1: how many times as long is too long")
    names = _engines(wiring.config, wanted.engines)
    started_at, began = datetime.now(UTC), time.monotonic()
    notify(Progress(0, 0, "the machine"))
    machine = this_machine()
    with contextlib.ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="lakeorch-bench-")))
        engines = stack.enter_context(wiring.engine())
        versions = {name: engines.of(name).version for name in names}
        notify(Progress(0, 0, "the inputs"))
        sides = _grounds(wiring, wanted, engines, scratch, stack)
        asked = names if wanted.engines else ()
        turns = Turns(wiring.threads, wanted.repeat, wanted.only, engines, asked, sides, scratch, notify)
        turns.run()
        survey = sides[0].found.survey
        models = [] if wanted.only == "runs" else sides[0].names
        return Bench(
            project=wiring.config.name,
            started_at=started_at.isoformat(timespec="seconds"),
            seconds=time.monotonic() - began,
            machine=machine,
            versions={"lakeorch": lakeorch.__version__, **versions},
            threads=wiring.threads,
            repeat=wanted.repeat,
            threshold=wanted.threshold,
            tolerance=TOLERANCE,
            contenders=turns.contenders,
            measured=tuple(turns.measured),
            answers=tuple(turns.answers),
            missing={name: side.side for side in sides for name in models if name not in side.names},
            fingerprints={name: survey.fingerprint(name) for name in models},
        )


def _engines(config: Config, asked: Sequence[str]) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(name for text in asked for name in text.replace(",", " ").split()))
    return names or (config.engine,)


def _grounds(
    wiring: Wiring, wanted: Wanted, engine: Engine, scratch: Path, stack: contextlib.ExitStack
) -> tuple[Ground, ...]:
    """The ground of the project, and that of the other side, which reads the same inputs as far as it can."""
    names, all_names = grounds.chosen(wiring, wanted.select, wanted.exclude)
    with wiring.lake(create=False) as lake:
        stale = grounds.is_stale(wiring.survey(lake, engine, list(all_names)))
        one = grounds.prepare(wiring, "", lake, engine, names, all_names, scratch / "inputs", stale, stack)
    if wanted.against is None:
        return (one,)
    config = grounds.other_side(wiring.config, wanted.against, scratch / "checkout")
    other = Wiring(config, wiring.threads)
    try:
        known, _ = grounds.chosen(other, (), ())
        shared = tuple(name for name in names if name in known)
        if not shared:
            raise UsageError("it has none of the selected models")
        _, all_shared = grounds.chosen(other, shared, ())
        columns = {name: _told(found) for name, found in one.found.survey.columns.items()}
        two = grounds.prepare(
            other,
            wanted.against,
            one.lake,
            engine,
            shared,
            all_shared,
            scratch / "other",
            lambda found, name: columns.get(name) != _told(found.survey.columns[name]),
            stack,
        )
    except LakeorchError as error:
        error.message = f"{wanted.against}: {error.message}"
        error.args = (error.message,)
        raise
    return one, replace(two, found=replace(two.found, survey=replace(two.found.survey, now=one.found.survey.now)))


def _told(columns: Schema) -> frozenset[tuple[str, str]]:
    """What of a table's columns decides whether a query can read it."""
    return frozenset((column.name.lower(), column.type) for column in columns)
