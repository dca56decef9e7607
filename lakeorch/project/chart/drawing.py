"""A placed graph as SVG: a box for each node, a curve for each edge, and the whole as a picture that stands alone."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from itertools import pairwise

from lakeorch.project.chart.layout import HEIGHT, Layout, Point

# of a letter in the font of the boxes; of what stands beside a name in its box
LETTER = 7.25
MARGIN = 20.0
EDGE = 12.0


def drawn(placed: Layout, boxes: Mapping[str, str], lines: Mapping[tuple[str, str], str], size: str = "") -> str:
    """An `svg` element, to stand in a page that has its style.

    Args:
        placed: where everything is.
        boxes: node → attributes of its group.
        lines: edge → class.
        size: further attributes of the whole.
    """
    width, height = placed.width + 2 * EDGE, placed.height + 2 * EDGE
    parts = [_line(placed, *ends, kind) for ends, kind in lines.items()]
    parts += [_box(placed, name, attributes) for name, attributes in boxes.items()]
    return (
        f'<svg{size} width="{width:.0f}" height="{height:.0f}" role="img">\n<g transform="translate({EDGE} {EDGE})">\n'
        + "\n".join(parts)
        + "\n</g>\n</svg>"
    )


def picture(placed: Layout, boxes: Mapping[str, str], lines: Mapping[tuple[str, str], str], style: str) -> str:
    """An SVG file: `drawn` with its style inside; it refers to nothing outside itself."""
    box = f"0 0 {placed.width + 2 * EDGE:.0f} {placed.height + 2 * EDGE:.0f}"
    text = drawn(placed, boxes, lines, f' xmlns="http://www.w3.org/2000/svg" viewBox="{box}"')
    head, tail = text.split("\n", 1)
    return f"{head}\n<style>{style}</style>\n{tail}"


def _box(placed: Layout, name: str, attributes: str) -> str:
    box, text = placed.boxes[name], html.escape(name)
    return (
        f'<g data-name="{text}"{attributes}><rect x="{box.x:.0f}" y="{box.y - HEIGHT / 2:.0f}" '
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
