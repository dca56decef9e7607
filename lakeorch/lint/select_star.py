"""`SELECT *` from a source: whoever delivers the data decides which columns the table has."""

from __future__ import annotations

from collections.abc import Iterator

from lakeorch.errors import Finding, Span
from lakeorch.lint import Subject
from lakeorch.model import Severity
from lakeorch.parse.outline import Relation, Select, Star

SEVERITY: Severity = "warn"


def findings(subject: Subject) -> Iterator[Finding]:
    """One for each star that stands for the columns of files, or of a table that no model makes."""
    for select in subject.outline.selects:
        for star in select.outputs:
            if isinstance(star, Star) and not select.exists:
                source = next((found for each in select.relations if (found := _source(subject, each, star))), "")
                if source:
                    message = f"* takes whatever columns {source} has: one that is new there changes this table"
                    yield subject.model.source.finding(_place(subject, select, star), message, hint="name the columns")


def _source(subject: Subject, relation: Relation, star: Star) -> str:
    """What a star takes its columns from, where that is a source; else empty."""
    if star.table not in ("", relation.alias):
        return ""
    if relation.kind == "table" and subject.graph.resolve(subject.model, relation.name) is None:
        return relation.name
    for read in subject.model.files:
        if read.call.start <= relation.span.start < read.call.end:
            return ", ".join(read.patterns)
    return ""


def _place(subject: Subject, select: Select, star: Star) -> Span:
    """The star; the relation where the query is a bare `FROM t`."""
    written = subject.model.source.text[star.span.start : star.span.end]
    return star.span if "*" in written else select.relations[0].span
