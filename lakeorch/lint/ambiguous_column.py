"""A column without its table, where that leaves open whose it is."""

from __future__ import annotations

from collections.abc import Iterator

from lakeorch.errors import Finding
from lakeorch.lint import Subject
from lakeorch.model import Severity
from lakeorch.parse.outline import ColumnUse, Select

SEVERITY: Severity = "warn"


def findings(subject: Subject) -> Iterator[Finding]:
    """One for each SELECT over several tables with bare columns, and one for each column of an outer query.

    In a join a bare column becomes ambiguous, and the query wrong, as soon as the other table gets one of that name.
    In a sub-query a misspelled one may be found in the outer query, where it makes a condition that is always true.
    """
    for select in subject.outline.selects:
        bare = [use for use in select.columns if _is_bare(select, use)]
        outer = {use.parts[0]: use for use in reversed(bare) if _is_outer(subject, select, use)}
        for name, use in outer.items():
            message = f'"{name}" is no column of this sub-query\'s tables: it is taken from the query around it'
            yield subject.model.source.finding(use.span, message, hint="write its table before it, if that is meant")
        own = {use.parts[0]: use for use in reversed(bare) if use.parts[0] not in outer}
        if len(select.relations) > 1 and own:
            first = min(own.values(), key=lambda use: use.span.start)
            listed = ", ".join(use.parts[0] for use in sorted(own.values(), key=lambda use: use.span.start))
            tables = ", ".join(relation.alias or relation.name for relation in select.relations)
            message = f"of {tables}: which one has {listed}?"
            owner, certain = subject.owner(select, first)
            known = f"{owner.alias}.{first.parts[0]}" if owner and certain else f"table.{first.parts[0]}"
            yield subject.model.source.finding(first.span, message, hint=f"write {known}")


def _is_bare(select: Select, use: ColumnUse) -> bool:
    aliases = {relation.alias for relation in select.relations}
    if len(use.parts) > 1 or use.parts[0] in aliases:
        return False
    # a name that the SELECT gives may be used in it, and behind it
    return use.parts[0] not in select.merged and use.parts[0] not in select.aliases


def _is_outer(subject: Subject, select: Select, use: ColumnUse) -> bool:
    """Whether a column is found in no table of its SELECT, but in one of a SELECT around it."""
    owner, certain = subject.owner(select, use)
    if owner is not None or not certain or not select.relations:
        return False
    around = select.outer
    while around >= 0:
        outer = subject.outline.selects[around]
        if subject.owner(outer, use) != (None, True):
            return True
        around = outer.outer
    return False
