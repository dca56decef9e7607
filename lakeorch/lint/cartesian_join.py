"""Tables in one FROM that no condition ties together: every row of one meets every row of the other."""

from __future__ import annotations

from collections.abc import Iterator

from lakeorch.errors import Finding
from lakeorch.lint import Subject
from lakeorch.model import Severity
from lakeorch.parse.outline import ColumnUse, Relation, Select

SEVERITY: Severity = "error"


def findings(subject: Subject) -> Iterator[Finding]:
    """One for each table that hangs in the air. CROSS JOIN says that it is meant; so does a query of one row."""
    for select in subject.outline.selects:
        for relation in _loose(subject, select):
            first = select.relations[0]
            message = f"no condition ties {_called(relation)} to {_called(first)}: every row meets every other"
            hint = "join it ON a condition, or write CROSS JOIN if that is meant"
            yield subject.model.source.finding(relation.span, message, hint=hint)


def _called(relation: Relation) -> str:
    return relation.alias or relation.name or "this query"


def _loose(subject: Subject, select: Select) -> Iterator[Relation]:
    """The first relation of each group that is not tied to the group of the very first one."""
    groups = list(range(len(select.relations)))

    def tie(members: list[int]) -> None:
        lowest = min(groups[member] for member in members)
        old = {groups[member] for member in members}
        groups[:] = [lowest if group in old else group for group in groups]

    for number, relation in enumerate(select.relations):
        if number and (relation.tied or relation.one_row or select.relations[0].one_row):
            tie([0, number])
    for uses in select.ties:
        owners = [_owner(subject, select, use) for use in uses]
        if None in owners:
            return  # a column of unknown origin may tie anything
        members = [number for owner in owners if owner for number in owner]
        if members:
            tie(members)
    told: set[int] = set()
    for number, group in enumerate(groups):
        if group and group not in told:
            told.add(group)
            yield select.relations[number]


def _owner(subject: Subject, select: Select, use: ColumnUse) -> list[int] | None:
    """The relation that a column belongs to, none for one of another SELECT; None where that is not known."""
    owner, certain = subject.owner(select, use)
    if owner is not None and certain:
        return [select.relations.index(owner)]
    return [] if certain else None
