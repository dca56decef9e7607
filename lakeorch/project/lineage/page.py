"""Lineage as a drawing: columns as boxes from left to right, placed as the models of `lakeorch graph` are."""

from __future__ import annotations

import html
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from lakeorch.graph.lineage import ALL, Link
from lakeorch.project.chart.layout import HEIGHT, Layout, Point, layout
from lakeorch.project.lineage.text import shown

if TYPE_CHECKING:
    from lakeorch.project.lineage import Lineage

LETTER = 7.25
MARGIN = 20.0
EDGE = 12.0

STYLE = """
.lineage { --ink: #1c2128; --soft: #5b6472; --card: #fff; --line: #c3cad4; --copied: #2f9e6e; --derived: #1f6feb;
  --filter: #b06a1a; color: var(--ink); font: 13px system-ui, sans-serif; overflow: auto; }
@media (prefers-color-scheme: dark) { .lineage { --ink: #e6e9ee; --soft: #9aa4b2; --card: #1e232b; --line: #414a57;
  --copied: #46b987; --derived: #6cabff; --filter: #e0a458; } }
.lineage text { font: 12px ui-monospace, Menlo, Consolas, monospace; fill: var(--ink); dominant-baseline: central; }
.lineage rect { fill: var(--card); stroke: var(--line); }
.lineage .chosen rect { stroke: var(--ink); stroke-width: 2; }
.lineage path { fill: none; stroke-width: 1.5; }
.lineage .copied { stroke: var(--copied); }
.lineage .derived { stroke: var(--derived); }
.lineage .filter { stroke: var(--filter); stroke-dasharray: 4 3; }
.lineage p { margin: 0 0 8px; color: var(--soft); }
.lineage p svg { vertical-align: middle; margin: 0 4px 0 12px; }
.lineage .dim { opacity: .15; }
"""

# lights up what hangs together with the box under the pointer
SCRIPT = """
for (const drawing of document.querySelectorAll('.lineage')) {
  const edges = [...drawing.querySelectorAll('path[data-from]')], boxes = [...drawing.querySelectorAll('g[data-name]')];
  const reach = (start, from, to) => {
    const seen = new Set([start]);
    for (const name of seen) for (const edge of edges) if (edge.dataset[from] === name) seen.add(edge.dataset[to]);
    return seen;
  };
  for (const box of boxes) {
    box.onmouseenter = () => {
      const up = reach(box.dataset.name, 'to', 'from'), down = reach(box.dataset.name, 'from', 'to');
      const near = (name) => up.has(name) || down.has(name);
      for (const each of boxes) each.classList.toggle('dim', !near(each.dataset.name));
      for (const edge of edges) edge.classList.toggle('dim', !(up.has(edge.dataset.to) && up.has(edge.dataset.from)) &&
        !(down.has(edge.dataset.from) && down.has(edge.dataset.to)));
    };
    box.onmouseleave = () => { for (const each of [...boxes, ...edges]) each.classList.remove('dim'); };
  }
}
"""


def page(lineage: Lineage) -> str:
    """The whole page as text; it refers to nothing outside itself."""
    title = html.escape(f"{lineage.name}: lineage{f' as of {lineage.at}' if lineage.at else ''}")
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{title}</title>\n'
        "<style>:root { color-scheme: light dark; } body { margin: 20px; } h1 { font: 600 15px system-ui, sans-serif; }"
        f"</style>\n</head>\n<body>\n<h1>{title}</h1>\n{piece(lineage)}\n<script>{SCRIPT}</script>\n</body>\n</html>"
    )


def piece(lineage: Lineage) -> str:
    """The drawing with its legend, to stand in any page."""
    links = {
        (_name(link.source, link.column), _name(link.target, link.target_column)): link.kind for link in _drawn(lineage)
    }
    parents: dict[str, list[str]] = {_name(lineage.model, column): [] for column in _asked(lineage)}
    for source, target in links:
        parents.setdefault(source, [])
        parents.setdefault(target, []).append(source)
    placed = layout(parents, {name: len(name) * LETTER + MARGIN for name in parents})
    chosen = {_name(lineage.model, column) for column in _asked(lineage)}
    drawn = [_line(placed, *ends, kind) for ends, kind in links.items()]
    drawn += [_box(placed, name, chosen=name in chosen) for name in parents]
    width, height = placed.width + 2 * EDGE, placed.height + 2 * EDGE
    legend = "".join(
        f'<svg width="28" height="8"><path class="{kind}" d="M0 4H28"/></svg>{kind}{told}'
        for kind, told in (("copied", ""), ("derived", ""), ("filter", ": decides which rows there are"))
    )
    return (
        f'<div class="lineage"><style>{STYLE}</style><p>{legend}</p>\n'
        f'<svg width="{width:.0f}" height="{height:.0f}" role="img">\n<g transform="translate({EDGE} {EDGE})">\n'
        + "\n".join(drawn)
        + "\n</g>\n</svg></div>"
    )


def _asked(lineage: Lineage) -> list[str]:
    return [lineage.column] if lineage.column else [column.name for column in lineage.columns]


def _drawn(lineage: Lineage) -> list[Link]:
    """All links but those that only say that a model reads another."""
    return [link for link in (*lineage.up, *lineage.down) if (link.column, link.target_column) != (ALL, ALL)]


def _name(model: str, column: str) -> str:
    return f"{model} (rows)" if column == ALL and not model.startswith("file:") else shown((model, column))


def _box(placed: Layout, name: str, *, chosen: bool) -> str:
    box, text = placed.boxes[name], html.escape(name)
    return (
        f'<g data-name="{text}"{" class=chosen" if chosen else ""}><rect x="{box.x:.0f}" y="{box.y - HEIGHT / 2:.0f}" '
        f'width="{box.width:.0f}" height="{HEIGHT:.0f}" rx="5"/>'
        f'<text x="{box.x + 10:.0f}" y="{box.y:.0f}">{text}</text></g>'
    )


def _line(placed: Layout, source: str, target: str, kind: str) -> str:
    start, end = placed.boxes[source], placed.boxes[target]
    points = [(start.x + start.width, start.y), *placed.ways.get((source, target), ()), (end.x, end.y)]
    ends = f'data-from="{html.escape(source)}" data-to="{html.escape(target)}"'
    return f'<path class="{kind}" {ends} d="{_curve(points)}"/>'


def _curve(points: Sequence[Point]) -> str:
    """A line through the points that leaves and enters boxes level."""
    text = "M{:.0f} {:.0f}".format(*points[0])
    for (x, y), (to_x, to_y) in pairwise(points):
        middle = (x + to_x) / 2
        text += f"C{middle:.0f} {y:.0f} {middle:.0f} {to_y:.0f} {to_x:.0f} {to_y:.0f}"
    return text
