"""Lineage as text: trees of what a column is made of and of what is made of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from lakeorch.graph.lineage import ALL, Link, split_path

if TYPE_CHECKING:
    from lakeorch.project.lineage import Lineage

_End = tuple[str, str]


def text(lineage: Lineage) -> str:
    """The whole text; `copied` and `derived` stand before a column, filters have a part of their own."""
    types = {column.name: column.type for column in lineage.columns}
    lines = [f"as of {lineage.at}"] if lineage.at else []
    for column in [lineage.column] if lineage.column else [*types]:
        end = (lineage.model, column)
        lines += [f"{shown(end)}  {types.get(column, '')}".rstrip()]
        lines += _tree("made of", end, lineage.up, _upward)
        lines += _tree("goes into", end, lineage.down, _downward)
    lines += _rows(lineage)
    return "\n".join(lines)


def shown(end: _End) -> str:
    """`staging.sales.price`; `raw/*.csv: price` for a column of files."""
    name, column = end
    if name.startswith("file:"):
        return f"{name.removeprefix('file:')}: {'any column' if column == ALL else column}"
    return f"{name}.{column}"


def _upward(link: Link) -> tuple[_End, _End]:
    return (link.target, link.target_column), (link.source, link.column)


def _downward(link: Link) -> tuple[_End, _End]:
    return (link.source, link.column), (link.target, link.target_column)


def _tree(title: str, end: _End, links: Sequence[Link], ends: Callable[[Link], tuple[_End, _End]]) -> list[str]:
    """The values on one side of a column; what has been shown with all behind it is not shown again."""
    near: dict[str, list[tuple[_End, _End, Link]]] = {}
    for link in links:
        if link.kind != "filter":
            near.setdefault(ends(link)[0][0], []).append((*ends(link), link))
    lines: list[str] = []
    seen: set[_End] = set()
    # what is still to be shown: the stem before it, its branch, the mark, the column
    waiting = _branches(end, near, "  ")
    while waiting:
        stem, branch, kind, at = waiting.pop()
        below = _branches(at, near, stem + ("   " if branch == "└─" else "│  "))
        again = " …" if at in seen and below else ""
        lines.append(f"{stem}{branch} {kind:<7}  {shown(at)}{again}")
        if not again:
            seen.add(at)
            waiting += below
    return [f"  {title}", *lines] if lines else []


def _branches(end: _End, near: dict[str, list[tuple[_End, _End, Link]]], stem: str) -> list[tuple[str, str, str, _End]]:
    """The next steps from a column, the last first."""
    found: dict[_End, str] = {far: link.kind for here, far, link in near.get(end[0], ()) if _meet(here[1], end[1])}
    steps = [(stem, "├─", kind, far) for far, kind in sorted(found.items())]
    if steps:
        steps[-1] = (stem, "└─", *steps[-1][2:])
    return steps[::-1]


def _meet(one: str, other: str) -> bool:
    if ALL in (one, other):
        return True
    return all(a.lower() == b.lower() for a, b in zip(split_path(one), split_path(other), strict=False))


def _rows(lineage: Lineage) -> list[str]:
    """What decides which rows there are, and of which models these columns decide it."""
    lines: list[str] = []
    up, down = (_filters(links) for links in (lineage.up, lineage.down))
    for title, found in (("which rows it has", up), ("decides which rows others have", down)):
        lines += [title] if found else []
        for (target, source), columns in found.items():
            told = shown((source, ", ".join(columns)))
            lines.append(f"  filter   {target} by {told}")
    return lines


def _filters(links: Sequence[Link]) -> dict[tuple[str, str], list[str]]:
    """The columns that decide rows, by the model whose rows they decide and the one that has them."""
    found: dict[tuple[str, str], dict[str, None]] = {}
    for link in links:
        if link.kind == "filter" and (link.column, link.target_column) != (ALL, ALL):
            found.setdefault((link.target, link.source), {})[link.column] = None
    return {ends: sorted(columns) for ends, columns in found.items()}
