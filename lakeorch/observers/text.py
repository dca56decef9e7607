"""Numbers, durations and small tables as text. Widths are counted in terminal cells, so that CJK text lines up."""

from __future__ import annotations

from collections.abc import Sequence

GAP = "  "


def count(number: int, noun: str) -> str:
    """`1 row`, `1,240 rows`; a noun in -y or -x is given its plural by the caller."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def number(value: int) -> str:
    """A whole number in at most seven characters: `999,999`, `1.24M`, `35.1B`."""
    if value < 10**6:
        return f"{value:,}"
    unit, amount = 0, value / 10**6
    while amount >= 999.5 and unit < 2:
        unit, amount = unit + 1, amount / 1000
    return f"{amount:.3g}{'MBT'[unit]}"


def size(value: int) -> str:
    """Bytes in at most seven characters, in powers of 1,000: `512 B`, `12.3 MB`."""
    if value < 1000:
        return f"{value} B"
    unit, amount = 0, value / 1000
    while amount >= 999.5 and unit < 3:
        unit, amount = unit + 1, amount / 1000
    return f"{amount:.3g} {('kB', 'MB', 'GB', 'TB')[unit]}"


def duration(seconds: float) -> str:
    """`0.42s`, `12.3s`, `4m05s`, `2h10m`."""
    if seconds < 9.995:
        return f"{max(seconds, 0.0):.2f}s"
    if seconds < 59.95:
        return f"{seconds:.1f}s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02d}s"
    return f"{whole // 3600}h{whole % 3600 // 60:02d}m"


def ago(seconds: float) -> str:
    """How long ago in one unit: `just now`, `5 min ago`, `3 days ago`."""
    for limit, unit, name in ((3600, 60, "min"), (86400, 3600, "hour"), (float("inf"), 86400, "day")):
        if seconds < 60:
            return "just now"
        if seconds < limit:
            amount = int(seconds // unit)
            return f"{amount} {name} ago" if name == "min" or amount == 1 else f"{amount} {name}s ago"
    raise AssertionError("the last limit is infinite")


def nothing_to_do(models: int, pinned: int) -> str:
    """`nothing to do: 3 models up to date, 1 pinned`."""
    if pinned == models and pinned:
        return f"nothing to do: {count(pinned, 'model')} pinned"
    return f"nothing to do: {count(models - pinned, 'model')} up to date" + (f", {pinned:,} pinned" if pinned else "")


def width(text: str) -> int:
    """How many terminal cells a text takes."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def clip(text: str, cells: int) -> str:
    """The text in at most `cells` cells, cut with an ellipsis."""
    if width(text) <= cells:
        return text
    if text.isascii():
        return text[: max(cells - 1, 0)] + "…"
    from rich.cells import set_cell_size

    return set_cell_size(text, max(cells - 1, 0)).rstrip() + "…"


def pad(text: str, cells: int, *, right: bool = False) -> str:
    """The text filled with blanks to `cells` cells, on the left where it is aligned to the right."""
    blanks = " " * (cells - width(text))
    return blanks + text if right else text + blanks


def one_line(text: str) -> str:
    """The text with line ends, tabs and other control characters shown as escapes: a cell stays a cell."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def widths(columns: Sequence[str], rows: Sequence[Sequence[str]], limit: int = 0) -> list[int]:
    """The width of each column; with `limit`, the widest ones are narrowed until a line fits, to 8 cells at least."""
    found = [max([width(name), *(width(row[i]) for row in rows)]) for i, name in enumerate(columns)]
    spare = len(GAP) * (len(found) - 1)
    while limit and sum(found) + spare > limit:
        widest = max(range(len(found)), key=lambda i: found[i])
        if found[widest] <= 8:
            break
        # down to the next widest at once, or by what is too much: never a cell at a time
        second = max((w for i, w in enumerate(found) if i != widest and w < found[widest]), default=8)
        excess = sum(found) + spare - limit
        found[widest] = max(8, min(found[widest] - 1, max(second, found[widest] - excess)))
    return found


def line(cells: Sequence[str], columns: Sequence[int], right: frozenset[int] = frozenset()) -> str:
    """One line of a table, without blanks at its end; `right` holds the columns aligned to the right."""
    padded = (pad(clip(cell, w), w, right=i in right) for i, (cell, w) in enumerate(zip(cells, columns, strict=True)))
    return GAP.join(padded).rstrip()


def table(
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    right: frozenset[int] = frozenset(),
    limit: int = 0,
) -> list[str]:
    """A table as lines: the names, a rule, the rows.

    Args:
        columns: the names.
        rows: the cells, already text.
        right: the columns aligned to the right.
        limit: the width of the screen in cells; 0 for no limit.
    """
    shown = widths(columns, rows, limit)
    rule = GAP.join("─" * w for w in shown)
    return [line(columns, shown, right), rule, *(line(row, shown, right) for row in rows)]
