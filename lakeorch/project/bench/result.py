"""What a benchmark found: times, answers, and how both stand to what they are held against."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from lakeorch.project.bench.machine import Machine
from lakeorch.project.compare import Comparison

RUN = ""
Verdict = Literal["slower", "faster", "alike"]

# what a timer and a scheduler do to anything short: less than this is no difference, in seconds
GRAIN = 0.002


@dataclass(frozen=True, slots=True)
class Spread:
    """Repeated measurements of one thing, in the order in which they were taken."""

    values: tuple[float, ...]

    @property
    def median(self) -> float:
        """The one in the middle."""
        return statistics.median(self.values)

    @property
    def lowest(self) -> float:
        """The smallest."""
        return min(self.values)

    @property
    def highest(self) -> float:
        """The largest."""
        return max(self.values)

    @property
    def quartiles(self) -> tuple[float, float]:
        """Between these lies the middle half."""
        if len(self.values) < 2:
            return self.values[0], self.values[0]
        low, _, high = statistics.quantiles(self.values, n=4, method="inclusive")
        return low, high

    def times(self, factor: float) -> Spread:
        """Every one of them, `factor` times as large."""
        return Spread(tuple(value * factor for value in self.values))


@dataclass(frozen=True, slots=True)
class Contender:
    """One way in which work is done: an engine, and which version of the project (empty for the one in the folder)."""

    engine: str
    side: str = ""

    def __str__(self) -> str:
        return f"{self.engine}, {self.side}" if self.side else self.engine


@dataclass(frozen=True, slots=True)
class Measured:
    """What one contender took for one model, or for a whole run.

    Attributes:
        model: its name; `RUN` for a whole run.
        seconds: wall time; empty where it failed.
        cpu: seconds of all processors together.
        memory: the largest resident set of a fresh process that did it once, in bytes; None where it is not told.
        rows: written.
        read: rows of the tables that it reads; None where it reads raw files too.
        bytes, files: of the Parquet files.
        error: why it failed; empty where it did not.
    """

    model: str
    contender: Contender
    seconds: Spread = Spread(())
    cpu: Spread = Spread(())
    memory: int | None = None
    rows: int = 0
    read: int | None = None
    bytes: int = 0
    files: int = 0
    error: str = ""

    def to_dict(self) -> dict[str, object]:
        """An entry of `models` or `runs` in the JSON document."""
        known = not self.error
        return {
            "model": self.model,
            "engine": self.contender.engine,
            "side": self.contender.side,
            "seconds": spread_dict(self.seconds) if known else None,
            "cpu_seconds": spread_dict(self.cpu) if known else None,
            "peak_memory": self.memory,
            "rows": self.rows,
            "rows_read": self.read,
            "rows_per_second": round(self.rows / self.seconds.median) if known and self.model else None,
            "bytes": self.bytes,
            "files": self.files,
            "error": self.error,
        }


def spread_dict(spread: Spread) -> dict[str, object]:
    """A spread in the JSON document; six digits are more than a timer is worth."""
    low, high = spread.quartiles
    told = {"median": spread.median, "min": spread.lowest, "max": spread.highest, "q1": low, "q3": high}
    return {name: round(value, 6) for name, value in told.items()} | {"all": [round(v, 6) for v in spread.values]}


@dataclass(frozen=True, slots=True)
class Answer:
    """Whether a contender gave the rows that the first one gave, in whatever order.

    Attributes:
        status: `unsteady` where the first contender does not even give its own rows twice.
        near: floating-point columns that are the same only within the tolerance.
        reason: why it is not known, or what cannot be compared; empty otherwise.
        difference: where it is `different`: the first contender's rows are before.
    """

    model: str
    contender: Contender
    status: Literal["same", "different", "unsteady", "unknown"]
    near: tuple[str, ...] = ()
    reason: str = ""
    difference: Comparison | None = None

    def to_dict(self) -> dict[str, object]:
        """An entry of `answers` in the JSON document."""
        from lakeorch.project.diff import samples_dict

        found = self.difference
        counts = {"only_first": found.removed, "only_this": found.added, "changed": found.changed} if found else {}
        return {
            "model": self.model,
            "engine": self.contender.engine,
            "side": self.contender.side,
            "status": self.status,
            "near": [*self.near],
            "reason": self.reason,
            "difference": counts | {"columns": dict(found.columns), "samples": samples_dict(found)} if found else None,
        }


@dataclass(frozen=True, slots=True)
class Change:
    """A time held against a baseline's.

    Attributes:
        model: `RUN` for a whole run.
        before: the baseline's times, as this machine would have taken them.
        now: the times of now.
        note: what else is different: the query, the number of rows; empty otherwise.
    """

    model: str
    engine: str
    before: Spread
    now: Spread
    verdict: Verdict
    note: str = ""

    @property
    def ratio(self) -> float:
        """How many times as long it takes now."""
        return self.now.median / self.before.median

    def to_dict(self) -> dict[str, object]:
        """An entry of `baseline.changes` in the JSON document."""
        return {
            "model": self.model,
            "engine": self.engine,
            "before": round(self.before.median, 6),
            "now": round(self.now.median, 6),
            "ratio": round(self.ratio, 3),
            "verdict": self.verdict,
            "note": self.note,
        }


def judged(before: Spread, now: Spread, threshold: float) -> Verdict:
    """Whether one of two things takes longer, for certain.

    It does where the medians are more than `threshold` apart, and even its quickest time is longer than three
    quarters of the other's. Less than two milliseconds are never a difference.
    """
    if abs(now.median - before.median) < GRAIN:
        return "alike"
    if now.median > before.median * threshold and now.lowest > before.quartiles[1]:
        return "slower"
    if before.median > now.median * threshold and before.lowest > now.quartiles[1]:
        return "faster"
    return "alike"


@dataclass(frozen=True, slots=True)
class Baseline:
    """What a benchmark was held against.

    Attributes:
        file: where it was saved.
        saved_at: when, as ISO text.
        scale: this machine's time for a fixed piece of work, over that of the baseline's machine; 1 for the same one.
        warnings: why its times say less than they seem to.
    """

    file: str
    saved_at: str
    scale: float
    changes: tuple[Change, ...]
    warnings: tuple[str, ...] = ()

    @property
    def slower(self) -> tuple[Change, ...]:
        """The regressions, the worst first."""
        return tuple(sorted((c for c in self.changes if c.verdict == "slower"), key=lambda c: -c.ratio))

    def to_dict(self) -> dict[str, object]:
        """`baseline` in the JSON document."""
        return {
            "file": self.file,
            "saved_at": self.saved_at,
            "scale": round(self.scale, 3),
            "warnings": [*self.warnings],
            "changes": [change.to_dict() for change in self.changes],
        }


@dataclass(frozen=True)
class Bench:
    """A finished benchmark.

    Attributes:
        started_at: as ISO text, UTC.
        seconds: how long it all took.
        threads: of the engine, and of whole runs.
        repeat: how often each was taken, after one time that does not count.
        tolerance: floating-point values x and y that differ by no more than this times max(1, |x|, |y|) are the same.
        contenders: the first is what the others are held against.
        measured: of models, in graph order, contender by contender; those of whole runs come first.
        missing: model → the side that has no such model.
        fingerprints: model → the fingerprint of its query and settings.
    """

    project: str
    started_at: str
    seconds: float
    machine: Machine
    versions: dict[str, str]
    threads: int
    repeat: int
    threshold: float
    tolerance: float
    contenders: tuple[Contender, ...]
    measured: tuple[Measured, ...]
    answers: tuple[Answer, ...]
    missing: dict[str, str] = field(default_factory=dict)
    fingerprints: dict[str, str] = field(default_factory=dict)
    baseline: Baseline | None = None

    @property
    def runs(self) -> tuple[Measured, ...]:
        """The whole runs."""
        return tuple(each for each in self.measured if each.model == RUN)

    @property
    def models(self) -> tuple[Measured, ...]:
        """What models took."""
        return tuple(each for each in self.measured if each.model != RUN)

    @property
    def failed(self) -> tuple[Measured, ...]:
        """What the first contender, on whom all depends, could not do."""
        return tuple(each for each in self.measured if each.error and each.contender == self.contenders[0])

    @property
    def different(self) -> tuple[Answer, ...]:
        """The answers that differ."""
        return tuple(answer for answer in self.answers if answer.status == "different")

    @property
    def ok(self) -> bool:
        """Nothing failed, no answer differs, nothing is slower than the baseline."""
        return not (self.failed or self.different or (self.baseline and self.baseline.slower))

    def of(self, model: str) -> tuple[Measured, ...]:
        """What every contender took for a model."""
        return tuple(each for each in self.measured if each.model == model)

    def to_dict(self) -> dict[str, object]:
        """The JSON document of `lakeorch bench --json`, and of a saved baseline."""
        return {
            "format": 1,
            "project": self.project,
            "ok": self.ok,
            "started_at": self.started_at,
            "seconds": round(self.seconds, 3),
            "machine": self.machine.to_dict(),
            "versions": self.versions,
            "threads": self.threads,
            "repeat": self.repeat,
            "threshold": self.threshold,
            "tolerance": self.tolerance,
            "contenders": [{"engine": each.engine, "side": each.side} for each in self.contenders],
            "runs": [each.to_dict() for each in self.runs],
            "models": [each.to_dict() for each in self.models],
            "answers": [answer.to_dict() for answer in self.answers],
            "missing": self.missing,
            "fingerprints": self.fingerprints,
            "baseline": self.baseline.to_dict() if self.baseline else None,
        }

    def to_html(self) -> str:
        """One page that needs nothing but itself."""
        from lakeorch.project.bench.page import page

        return page(self)

    def _repr_html_(self) -> str:
        """The table, for notebooks."""
        from lakeorch.observers.html import table
        from lakeorch.project.bench.text import COLUMNS, RIGHT, cells, heading

        return table(heading(self), COLUMNS, cells(self), right=RIGHT)


def names(measured: Iterable[Measured]) -> Sequence[str]:
    """The models of measurements, each once, in their order."""
    return list(dict.fromkeys(each.model for each in measured))
