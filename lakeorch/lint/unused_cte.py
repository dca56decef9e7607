"""A CTE that nothing reads: left over, or its name is misspelled where it was meant to be read."""

from __future__ import annotations

from collections.abc import Iterator

from lakeorch.errors import Finding
from lakeorch.lint import Subject
from lakeorch.model import Severity

SEVERITY: Severity = "warn"


def findings(subject: Subject) -> Iterator[Finding]:
    """One for each CTE that the result does not need."""
    for cte in subject.outline.ctes:
        if not cte.used:
            yield subject.model.source.finding(cte.span, f'nothing reads the CTE "{cte.name}"', hint="remove it")
