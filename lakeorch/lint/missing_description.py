"""A model without a description: its readers, in every catalog, have its name to go by."""

from __future__ import annotations

from collections.abc import Iterator

from lakeorch.errors import Finding
from lakeorch.lint import Subject
from lakeorch.model import Severity

SEVERITY: Severity = "warn"


def findings(subject: Subject) -> Iterator[Finding]:
    """One where there is none."""
    if not subject.model.settings.description:
        hint = "say in the settings block what a row is: `description: …`"
        yield Finding(subject.model.source.place(0), "this model has no description", hint)
