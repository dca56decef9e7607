"""A benchmark as a table of text: a line for each contender, and below it what must not be missed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lakeorch.observers.text import count, number, pad, size
from lakeorch.project.bench.result import RUN, Answer, Bench, Change, Contender, Measured, Spread, judged

COLUMNS = ("model", "", "median", "spread", "cpu", "memory", "rows", "rows/s", "ratio", "answer")
RIGHT = frozenset({2, 3, 4, 5, 6, 7, 8})
WHOLE = "whole run"


def moment(seconds: float) -> str:
    """A time in three digits: `850 µs`, `12.3 ms`, `1.27 s`, `4m05s`."""
    from lakeorch.observers.text import duration

    for limit, factor, unit in ((0.9995e-3, 1e6, "µs"), (0.9995, 1e3, "ms"), (60.0, 1.0, "s")):
        if seconds < limit:
            return f"{seconds * factor:#.3g}".rstrip(".") + f" {unit}"
    return duration(seconds)


def spread(times: Spread) -> str:
    """From the lowest to the highest, with one unit where both have the same: `11.9..14.0 ms`."""
    low, high = moment(times.lowest), moment(times.highest)
    unit = high.rpartition(" ")[2]
    return f"{low.removesuffix(f' {unit}')}..{high}" if " " in high and low.endswith(f" {unit}") else f"{low}..{high}"


def ratio(value: float) -> str:
    """How many times as long: `1.02×`, `13×`."""
    return f"{value:,.0f}×" if value >= 10 else f"{value:.2f}×" if value >= 0.1 else f"{value:.2g}×"


def heading(bench: Bench) -> str:
    """What was measured, on what, how often, in one line."""
    versions = ", ".join(f"{name} {version}" for name, version in bench.versions.items())
    times = "once" if bench.repeat == 1 else f"{bench.repeat} times"
    return f"{bench.machine}; {count(bench.threads, 'thread')}; {versions}; each {times} after a warm-up"


def cells(bench: Bench) -> list[tuple[str, ...]]:
    """The table without its heading: whole runs first, then the models."""
    answers = {(answer.model, answer.contender): answer for answer in bench.answers}
    found: list[tuple[str, ...]] = []
    shown = None
    for each in bench.measured:
        name = each.model or WHOLE
        first = next((one for one in bench.of(each.model) if one.contender == bench.contenders[0]), each)
        answer = answers.get((each.model, each.contender))
        found.append(("" if name == shown else name, _contender(bench, each.contender), *_row(each, first, answer)))
        shown = name
    return found


def _contender(bench: Bench, contender: Contender) -> str:
    """What tells it apart from the others: with one engine that is its side, with one side its engine."""
    if len(bench.contenders) == 1:
        return ""
    return contender.side or "this" if len({each.engine for each in bench.contenders}) == 1 else str(contender)


def _row(each: Measured, first: Measured, answer: Answer | None) -> tuple[str, ...]:
    if each.error:
        return ("failed", *[""] * 6, "")
    rows = number(each.rows) if each.rows else "0"
    rate = f"{number(round(each.rows / each.seconds.median))}/s" if each.model != RUN else ""
    return (
        moment(each.seconds.median),
        spread(each.seconds),
        moment(each.cpu.median),
        size(each.memory) if each.memory else "",
        rows,
        rate,
        "" if each is first or first.error else beside(first.seconds, each.seconds),
        answer.status if answer else "",
    )


def beside(first: Spread, other: Spread) -> str:
    """How many times as long the other one takes; `≈` before what may be chance."""
    told = ratio(other.median / first.median)
    return told if judged(first, other, 1.0) != "alike" else f"≈{told}"


def table(bench: Bench) -> Iterator[str]:
    """The lines of the table."""
    rows = [COLUMNS, *cells(bench)]
    used = [at for at in range(len(COLUMNS)) if any(row[at] for row in rows[1:])]
    widths = {at: max(len(row[at]) for row in rows) for at in used}
    for row in rows:
        yield "  ".join(row[at].rjust(widths[at]) if at in RIGHT else pad(row[at], widths[at]) for at in used).rstrip()


def notes(bench: Bench) -> Iterator[tuple[str, Sequence[str]]]:
    """What must not be missed: a kind of it (`failed`, `different`, `slower`, …) and lines about it."""
    for each in bench.measured:
        if each.error:
            yield "failed", [f"{each.model or WHOLE} ({each.contender}): {each.error}"]
    for answer in bench.answers:
        if answer.status != "same":
            yield answer.status, [f"{answer.model} ({answer.contender}): {_told(answer)}"]
    for model, side in bench.missing.items():
        yield "new", [f"{model}: {side} has no such table"]
    baseline = bench.baseline
    if baseline is None:
        return
    for warning in baseline.warnings:
        yield "warning", [warning]
    for change in baseline.slower:
        yield "slower", [_change(change)]
    for change in baseline.changes:
        if change.verdict == "faster":
            yield "faster", [_change(change)]


def _told(answer: Answer) -> str:
    found = answer.difference
    if found is None:
        return answer.reason
    parts = [(found.changed, "changed"), (found.removed, "only with the first"), (found.added, "only with this one")]
    told = ", ".join(f"{rows:,} {word}" for rows, word in parts if rows)
    columns = ", ".join(found.columns)
    return f"{told} (in {columns})" if columns else told


def _change(change: Change) -> str:
    name = change.model or WHOLE
    note = f"; {change.note}" if change.note else ""
    times = f"{moment(change.before.median)}, now {moment(change.now.median)}"
    return f"{name} ({change.engine}): {ratio(change.ratio)} the baseline's time: {times}{note}"


def conclusion(bench: Bench) -> str:
    """The last line: how it all ended."""
    parts = []
    compared = [answer for answer in bench.answers if answer.status in ("same", "different")]
    if compared and not bench.different:
        parts.append(f"{count(len(compared), 'answer')} compared, all the same")
    elif bench.different:
        parts.append(f"{len(bench.different):,} of {count(len(compared), 'answer')} different")
    if bench.baseline:
        slower, compared_times = bench.baseline.slower, bench.baseline.changes
        told = f"{len(slower):,} of {count(len(compared_times), 'time')} slower than the baseline"
        parts.append(f"{told} by more than {bench.threshold:g}×")
    if bench.failed:
        parts.append(f"{len(bench.failed):,} failed")
    return "; ".join(parts)
