"""A chart as text: a tree for people, DOT for other programs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lakeorch.project.chart import Chart, Node

FILLS = {"fresh": "#d7ece0", "stale": "#fbe6bd", "never built": "#e3e1ee", "view": "#ffffff", "pinned": "#d5e4f7"}


def tree(chart: Chart) -> str:
    """What every final model is made of, indented; a model that has been shown before is not taken apart again."""
    read = {up for inputs in chart.parents.values() for up in inputs}
    final = [node.name for node in chart.nodes if node.name not in read]
    return "\n".join(line for name in sorted(final) for line in _branches(chart, name))


def _branches(chart: Chart, top: str) -> Iterator[str]:
    nodes = {node.name: node for node in chart.nodes}
    shown: set[str] = set()
    # name, what stands before it, what stands before its own inputs
    waiting: list[tuple[str, str, str]] = [(top, "", "")]
    while waiting:
        name, before, under = waiting.pop()
        if name not in nodes:
            yield f"{before}{name}"
            continue
        parts = [*chart.parents[name], *nodes[name].reads]
        known = name in shown and bool(parts)
        yield f"{before}{name}{_state(nodes[name])}{'  (see above)' if known else ''}"
        if known:
            continue
        shown.add(name)
        for at, part in reversed(list(enumerate(parts))):
            last = at == len(parts) - 1
            waiting.append((part, under + ("└── " if last else "├── "), under + ("    " if last else "│   ")))


def _state(node: Node) -> str:
    return "" if node.listed.state == "fresh" else f"  [{node.listed.status}]"


def dot(chart: Chart) -> str:
    """A digraph from left to right, filled by state."""
    lines = [
        f"digraph {_quoted(chart.project)} {{",
        "  rankdir=LR;",
        '  node [shape=box, style="rounded,filled", fontname="Helvetica", fontsize=11, color="#8a8f98"];',
        '  edge [color="#8a8f98", arrowsize=0.6];',
    ]
    for node in chart.nodes:
        listed = node.listed
        facts = {"fillcolor": FILLS.get(listed.state, "#ffffff"), "tooltip": node.description or listed.state}
        told = ", ".join(f"{key}={_quoted(value)}" for key, value in facts.items())
        lines.append(f"  {_quoted(node.name)} [{told}];")
    edges = ((up, name) for name, inputs in chart.parents.items() for up in inputs)
    lines += [f"  {_quoted(up)} -> {_quoted(name)};" for up, name in edges]
    return "\n".join([*lines, "}"])


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
