"""A benchmark as one HTML page: a line for each model, with its times drawn on a common, logarithmic scale."""

from __future__ import annotations

import html
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files

from lakeorch.observers.text import number, size
from lakeorch.project.bench.result import RUN, Bench, Change, Measured, Spread, names
from lakeorch.project.bench.text import WHOLE, beside, conclusion, heading, moment, notes, ratio, spread

WIDTH = 600.0
LINE = 18.0
COLOURS = 4
# steps within a decade, for scales over so many times: the wider, the fewer
SCALES = ((4.0, (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8)), (1e3, (1, 2, 5)), (math.inf, (1,)))

METHOD = (
    "A dot is one time; the line goes from the quickest to the slowest, its thick part holds the middle half, the mark "
    "is the median; the scale is logarithmic. Times of a model are those of its query over its whole inputs, from "
    "opening them to the last written Parquet file, in a process of its own, after one time that does not count. A "
    "whole run is that of a new process, from its start to the publish. Memory is the largest resident set of such a "
    "process. ≈ stands before what may be chance. Answers are compared row by row, in whatever order; floating-point "
    "values x and y are the same within {} × max(1, |x|, |y|)."
)


def page(bench: Bench) -> str:
    """The whole page as text; it refers to nothing outside itself."""
    template = files(__package__).joinpath("page.html").read_text(encoding="utf-8")
    # without `<` nothing in the data can end the script element that holds it
    data = json.dumps(bench.to_dict(), ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
    parts = {
        "title": html.escape(bench.project),
        "heading": html.escape(heading(bench)),
        "when": html.escape(
            f"{bench.started_at.replace('T', ' ').replace('+00:00', ' UTC')}, took {moment(bench.seconds)}"
        ),
        "method": html.escape(METHOD.format(f"{bench.tolerance:g}".replace("e-0", "e-"))),
        "body": "\n".join(part for part in (_notes(bench), _runs(bench), _models(bench)) if part),
        "data": data,
    }
    head, *rest = template.split("{{")
    # in one pass: what is put in is not looked at again
    return head + "".join(parts[name] + text for name, text in (part.split("}}", 1) for part in rest))


def _notes(bench: Bench) -> str:
    told = [(kind, line) for kind, lines in notes(bench) for line in lines]
    items = "".join(f'<li class="{kind}"><b>{kind}</b> {html.escape(line)}</li>' for kind, line in told)
    ended = conclusion(bench)
    if not items and not ended:
        return ""
    return f'<section id="notes"><h2>{html.escape(ended or "Notes")}</h2><ul>{items}</ul></section>'


def _runs(bench: Bench) -> str:
    done = [each for each in bench.runs if not each.error]
    if not done:
        return ""
    table = _table(bench, [RUN], _Axis.of(done), "runs")
    return f"<section><h2>Whole runs, from nothing</h2>{_legend(bench)}{table}</section>"


def _models(bench: Bench) -> str:
    if not bench.models:
        return ""
    axis = _Axis.of([each for each in bench.models if not each.error])
    tools = f'<div id="tools"><input id="find" type="search" placeholder="Search" aria-label="Search">{_legend(bench)}'
    table = _table(bench, names(bench.models), axis, "models")
    return f'<section><h2>Models</h2>{tools}<span id="count"></span></div>{table}</section>'


def _legend(bench: Bench) -> str:
    if len(bench.contenders) == 1:
        return ""
    return " ".join(
        f'<span class="key"><i class="{_colour(at)}"></i>{html.escape(str(each))}</span>'
        for at, each in enumerate(bench.contenders)
    )


def _colour(at: int) -> str:
    return f"c{at % COLOURS}"


@dataclass(frozen=True)
class _Axis:
    """A logarithmic scale over all times."""

    low: float
    high: float

    @classmethod
    def of(cls, measured: Sequence[Measured]) -> _Axis:
        times = [value for each in measured for value in each.seconds.values] or [1.0]
        return cls(min(times) / 1.15, max(times) * 1.15)

    def at(self, seconds: float) -> float:
        return WIDTH * math.log(seconds / self.low) / math.log(self.high / self.low)

    def ticks(self) -> list[float]:
        """Round times, about six of them."""
        decades = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
        steps = next(steps for widest, steps in SCALES if self.high / self.low < widest)
        return [t for decade in decades for step in steps if self.low <= (t := step * 10.0**decade) <= self.high]

    def heading(self) -> str:
        marks = "".join(
            f'<text x="{self.at(t):.1f}" y="11" text-anchor="middle">{_round(t)}</text>' for t in self.ticks()
        )
        return f'<svg viewBox="0 0 {WIDTH:.0f} 14" height="14" preserveAspectRatio="xMinYMin">{marks}</svg>'


def _round(seconds: float) -> str:
    value, _, unit = moment(seconds).partition(" ")
    return f"{float(value):g} {unit}" if unit else value


def _table(bench: Bench, models: Sequence[str], axis: _Axis, name: str) -> str:
    many = len(bench.contenders) > 1
    against = bench.baseline is not None
    columns = [("name", "model", False), ("median", "median", True), ("", "spread", True), ("cpu", "cpu", True)]
    columns += [("memory", "memory", True), ("rows", "rows", True)]
    columns += [("beside", "ratio", True), ("", "answer", False)] if many else []
    columns += [("change", "baseline", True)] if against else []
    heads = "".join(
        f"<th{' data-by=' + by if by and name == 'models' else ''}{' class=n' if right else ''}>{told}</th>"
        for by, told, right in columns
    )
    body = "".join(_model(bench, model, axis) for model in models)
    head = f"<thead><tr>{heads}<th>{axis.heading()}</th></tr></thead>"
    return f'<div class="scroll"><table id="{name}">{head}<tbody>{body}</tbody></table></div>'


def _model(bench: Bench, model: str, axis: _Axis) -> str:
    found = bench.of(model)
    first = found[0]
    by = {} if first.error else {"median": first.seconds.median, "cpu": first.cpu.median, "rows": first.rows}
    by["memory"] = first.memory or 0
    change = _change(bench, first)
    if change:
        by["change"] = change.ratio
    others = [each for each in found[1:] if not each.error and not first.error]
    if others:
        by["beside"] = max(each.seconds.median / first.seconds.median for each in others)
    told = html.escape(model or WHOLE)
    data = "".join(f' data-{name}="{value:.6g}"' for name, value in by.items())
    cells = [f'<td class="name">{told}</td>', *_cells(bench, found, first)]
    cells.append(f'<td class="plot">{_plot(bench, found, axis)}</td>')
    return f'<tr data-name="{told}" data-find="{told}"{data}>{"".join(cells)}</tr>\n'


def _cells(bench: Bench, found: Sequence[Measured], first: Measured) -> list[str]:
    """The cells between name and plot; each holds a line for every contender."""
    answers = {(answer.model, answer.contender): answer for answer in bench.answers}
    many = len(bench.contenders) > 1
    lines: list[list[str]] = []
    for each in found:
        if each.error:
            line = ['<span class="bad">failed</span>', "", "", "", ""]
        else:
            memory = size(each.memory) if each.memory else ""
            line = [
                moment(each.seconds.median),
                spread(each.seconds),
                moment(each.cpu.median),
                memory,
                number(each.rows),
            ]
        if many:
            held = each is not first and not each.error and not first.error
            answer = answers.get((each.model, each.contender))
            word = answer.status if answer else ""
            tone = {"same": "soft", "different": "bad"}.get(word, "warn")
            line += [beside(first.seconds, each.seconds) if held else "", f'<span class="{tone}">{word}</span>']
        if bench.baseline is not None:
            change = _change(bench, each)
            tones = {"slower": "bad", "faster": "good", "alike": "soft"}
            line += [f'<span class="{tones[change.verdict]}">{ratio(change.ratio)}</span>' if change else ""]
        lines.append(line)
    columns = zip(*lines, strict=True)
    words = {6} if many else set[int]()
    return [f"<td{'' if at in words else ' class=n'}>{'<br>'.join(column)}</td>" for at, column in enumerate(columns)]


def _change(bench: Bench, each: Measured) -> Change | None:
    if bench.baseline is None or each.contender.side:
        return None
    key = (each.model, each.contender.engine)
    return next((change for change in bench.baseline.changes if (change.model, change.engine) == key), None)


def _plot(bench: Bench, found: Sequence[Measured], axis: _Axis) -> str:
    height = LINE * len(found)
    drawn = [
        f'<line class="axis" x1="{axis.at(t):.1f}" x2="{axis.at(t):.1f}" y1="0" y2="{height:.0f}"/>'
        for t in axis.ticks()
    ]
    for at, each in enumerate(found):
        if not each.error:
            colour = _colour(bench.contenders.index(each.contender))
            drawn.append(_drawn(each.seconds, axis, LINE * (at + 0.5), colour, str(each.contender)))
    view = f'viewBox="0 0 {WIDTH:.0f} {height:.0f}" height="{height:.0f}" preserveAspectRatio="none"'
    return f'<svg {view} role="img">{"".join(drawn)}</svg>'


def _drawn(times: Spread, axis: _Axis, y: float, colour: str, told: str) -> str:
    """One contender's times: dots, whiskers, the middle half, the median."""
    low, high = times.quartiles
    title = f"<title>{html.escape(told)}: {moment(times.median)}, {spread(times)}</title>"

    def level(name: str, start: float, end: float) -> str:
        return f'<line class="{name}" x1="{axis.at(start):.1f}" x2="{axis.at(end):.1f}" y1="{y:.1f}" y2="{y:.1f}"/>'

    middle = axis.at(times.median)
    dots = "".join(f'<circle class="dot" cx="{axis.at(t):.1f}" cy="{y:.1f}" r="2.4"/>' for t in times.values)
    mark = f'<line class="median" x1="{middle:.1f}" x2="{middle:.1f}" y1="{y - 6:.1f}" y2="{y + 6:.1f}"/>'
    lines = level("whisker", times.lowest, times.highest) + level("box", low, high)
    return f'<g class="{colour}">{title}{lines}{dots}{mark}</g>'
