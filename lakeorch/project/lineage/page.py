"""Lineage as a drawing: columns as boxes from left to right, placed as the models of `lakeorch graph` are."""

from __future__ import annotations

import html
from collections.abc import Iterable
from typing import TYPE_CHECKING

from lakeorch.graph.lineage import ALL, Link
from lakeorch.project.chart.drawing import LETTER, MARGIN, drawn, picture
from lakeorch.project.chart.layout import Layout, layout
from lakeorch.project.lineage.text import shown

if TYPE_CHECKING:
    from lakeorch.project.lineage import Lineage

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
    legend = "".join(
        f'<svg width="28" height="8"><path class="{kind}" d="M0 4H28"/></svg>{kind}{told}'
        for kind, told in (("copied", ""), ("derived", ""), ("filter", ": decides which rows there are"))
    )
    placed, boxes, lines = _placed(lineage, _drawn(lineage))
    return f'<div class="lineage"><style>{STYLE}</style><p>{legend}</p>\n{drawn(placed, boxes, lines)}</div>'


def svg(lineage: Lineage) -> str:
    """The drawing as a file of its own, without what only decides which rows there are."""
    placed, boxes, lines = _placed(lineage, [link for link in _drawn(lineage) if link.overall != "filter"])
    return picture(placed, boxes, lines, STYLE.replace(".lineage {", "svg {").replace(".lineage ", ""))


def _placed(lineage: Lineage, links: Iterable[Link]) -> tuple[Layout, dict[str, str], dict[tuple[str, str], str]]:
    """Where everything is; the boxes with their attributes, the lines with their kinds."""
    lines: dict[tuple[str, str], str] = {
        (_name(link.source, link.column), _name(link.target, link.target_column)): link.kind for link in links
    }
    chosen = {_name(lineage.model, column) for column in _asked(lineage)}
    parents: dict[str, list[str]] = {name: [] for name in sorted(chosen)}
    for source, target in lines:
        parents.setdefault(source, [])
        parents.setdefault(target, []).append(source)
    boxes = {name: ' class="chosen"' if name in chosen else "" for name in parents}
    return layout(parents, {name: len(name) * LETTER + MARGIN for name in parents}), boxes, lines


def _asked(lineage: Lineage) -> list[str]:
    return [lineage.column] if lineage.column else [column.name for column in lineage.columns]


def _drawn(lineage: Lineage) -> list[Link]:
    """All links but those that only say that a model reads another."""
    return [link for link in (*lineage.up, *lineage.down) if (link.column, link.target_column) != (ALL, ALL)]


def _name(model: str, column: str) -> str:
    return f"{model} (rows)" if column == ALL and not model.startswith("file:") else shown((model, column))
