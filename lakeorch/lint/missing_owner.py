"""A model without an owner: nobody to ask when its numbers look wrong."""

from __future__ import annotations

from collections.abc import Iterator

from lakeorch.errors import Finding
from lakeorch.lint import Subject
from lakeorch.model import Severity

SEVERITY: Severity = "warn"


def findings(subject: Subject) -> Iterator[Finding]:
    """One where neither the model nor the defaults of its folder name one."""
    if not subject.model.settings.owner:
        hint = "write `owner: …` in its settings block, or for the folder in lakeorch.yml under defaults"
        yield Finding(subject.model.source.place(0), "this model has no owner", hint)
