"""A chart as one HTML page: the data and the place of every box, put into `page.html`, which draws them."""

from __future__ import annotations

import html
import json
from datetime import UTC, datetime
from importlib.resources import files
from typing import TYPE_CHECKING

from lakeorch.project.chart.drawing import picture
from lakeorch.project.chart.layout import HEIGHT, layout

if TYPE_CHECKING:
    from lakeorch.project.chart import Chart

LONGEST = 44
STYLE = """
text { font: 12px ui-monospace, Menlo, Consolas, monospace; fill: #1c2128; dominant-baseline: central; }
rect { fill: #fff; stroke: #8a8f98; }
.fresh rect { fill: #d7ece0; } .stale rect { fill: #fbe6bd; } .never-built rect { fill: #e3e1ee; }
.pinned rect { fill: #d5e4f7; } .view rect { stroke-dasharray: 4 3; }
path { fill: none; stroke: #8a8f98; stroke-width: 1.2; }
"""
# of a letter in the page's font; of what stands beside a name in its box
LETTER = 7.25
MARGIN = 28.0


def page(chart: Chart) -> str:
    """The whole page as text; it refers to nothing outside itself."""
    template = files(__package__).joinpath("page.html").read_text(encoding="utf-8")
    title = html.escape(chart.project)
    head, tail = (part.replace("{{title}}", title) for part in template.split("{{data}}"))
    # without `<` nothing in the data can end the script element that holds it
    data = json.dumps(_data(chart), ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
    return head + data + tail


def svg(chart: Chart) -> str:
    """The models as a picture, coloured by state as in `lakeorch graph --format dot`."""
    labels = {node.name: _label(node.name) for node in chart.nodes}
    parents = {labels[name]: [labels[up] for up in inputs] for name, inputs in chart.parents.items()}
    placed = layout(parents, {label: len(label) * LETTER + MARGIN for label in parents})
    boxes = {labels[node.name]: f' class="{node.listed.state.replace(" ", "-")}"' for node in chart.nodes}
    lines = {(up, name): "edge" for name, inputs in parents.items() for up in inputs}
    return picture(placed, boxes, lines, STYLE)


def _data(chart: Chart) -> dict[str, object]:
    labels = {node.name: _label(node.name) for node in chart.nodes}
    placed = layout(chart.parents, {name: len(label) * LETTER + MARGIN for name, label in labels.items()})
    document = chart.to_dict()
    models = document["models"]
    assert isinstance(models, list)
    for model in models:
        box = placed.boxes[model["model"]]
        model["box"] = [round(box.x), round(box.y), round(box.width), box.layer]
        model["label"] = labels[model["model"]]
    return document | {
        "edges": [[up, name, [[round(x), round(y)] for x, y in way]] for (up, name), way in placed.ways.items()],
        "size": [round(placed.width), round(placed.height)],
        "tall": HEIGHT,
        "drawn_at": datetime.fromtimestamp(chart.drawn_at, UTC).strftime("%Y-%m-%d %H:%M UTC"),
    }


def _label(name: str) -> str:
    """A name that fits its box; the page shows the whole of it elsewhere."""
    if len(name) <= LONGEST:
        return name
    space, _, table = name.rpartition(".")
    if len(table) + 2 <= LONGEST:
        return f"{space[: LONGEST - len(table) - 2]}….{table}"
    return f"{name[: LONGEST // 2]}…{name[-(LONGEST // 2 - 1) :]}"
