"""Rows that were expected and rows that came: what differs, each row beside the one it was meant to be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from lakeorch.cases.values import comparable

Row = tuple[object, ...]
# to find the nearest row for each takes their product in steps
_MOST_PAIRS = 250_000


@dataclass(frozen=True, slots=True)
class Difference:
    """One row that is not as expected.

    Attributes:
        kind: `missing` did not come, `unexpected` came, `changed` came with other values, `moved` came elsewhere.
        expected, actual: the rows' values; None for the one that is not there.
        columns: the numbers of the columns that differ, for a changed row.
    """

    kind: Literal["missing", "unexpected", "changed", "moved"]
    expected: Row | None
    actual: Row | None
    columns: tuple[int, ...] = ()


def compare(expected: Sequence[Row], actual: Sequence[Row], *, ordered: bool) -> tuple[Difference, ...]:
    """What differs between two sets of rows in which repeats count; with `ordered`, their order counts too."""
    wanted = [comparable(row) for row in expected]
    came = [comparable(row) for row in actual]
    missing = _surplus(wanted, came)
    unexpected = _surplus(came, wanted)
    if not missing and not unexpected:
        pairs = zip(wanted, came, expected, actual, strict=True)
        return tuple(Difference("moved", mine, other) for a, b, mine, other in pairs if ordered and a != b)
    partner = _partners([wanted[at] for at in missing], [came[at] for at in unexpected])
    found = []
    for number, at in enumerate(missing):
        if number in partner:
            other = unexpected[partner[number]]
            found.append(Difference("changed", expected[at], actual[other], _differing(wanted[at], came[other])))
        else:
            found.append(Difference("missing", expected[at], None))
    taken = set(partner.values())
    rest = (at for number, at in enumerate(unexpected) if number not in taken)
    return (*found, *(Difference("unexpected", None, actual[at]) for at in rest))


def _surplus(rows: Sequence[object], others: Sequence[object]) -> list[int]:
    """The numbers of the rows that the others do not have, or not as often."""
    left = Counter(others)
    found = []
    for number, row in enumerate(rows):
        if left[row]:
            left[row] -= 1
        else:
            found.append(number)
    return found


def _partners(missing: Sequence[object], unexpected: Sequence[object]) -> dict[int, int]:
    """For missing rows the unexpected one that is nearest, each taken once, nearest pairs first."""
    if len(missing) * len(unexpected) > _MOST_PAIRS:
        return {}
    scores = []
    for number, mine in enumerate(missing):
        for other, theirs in enumerate(unexpected):
            assert isinstance(mine, tuple), "rows are tuples"
            differing = len(_differing(mine, theirs))
            # rows that share nothing have nothing to do with each other
            if differing < len(mine):
                scores.append((differing, number, other))
    found: dict[int, int] = {}
    taken: set[int] = set()
    for _, number, other in sorted(scores):
        if number not in found and other not in taken:
            found[number] = other
            taken.add(other)
    return found


def _differing(mine: object, theirs: object) -> tuple[int, ...]:
    assert isinstance(mine, tuple)
    assert isinstance(theirs, tuple)
    return tuple(at for at, (a, b) in enumerate(zip(mine, theirs, strict=True)) if a != b)
