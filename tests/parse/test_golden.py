"""Whole models, read and shown: what parse makes of each file in tests/golden/parse.

`LAKEORCH_REGENERATE=1 pytest tests/parse/test_golden.py` writes the expected files anew.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from lakeorch.errors import Finding, Source, Span
from lakeorch.model import Model
from lakeorch.parse import parse_model

GOLDEN = Path(__file__).parent.parent / "golden" / "parse"


def shown(model: Model) -> Iterator[str]:
    def at(span: Span) -> str:
        place = model.source.place(span.start)
        return f"{place.line}:{place.column} {model.source.text[span.start : span.end]}"

    yield from (f"reference {each.name}: {at(each.span)}" for each in model.references)
    yield from (f"file {' '.join(f.patterns)}: {at(f.argument)} in {at(f.call)}" for f in model.files)
    yield from (f"variable {each.name}: {at(each.span)}" for each in model.variables)
    yield from (f"clock {each.type}: {at(each.span)}" for each in model.clock)
    for key in ("description", "owner", "materialized", "append_from", "partition_by", "tags"):
        yield f"{key}: {getattr(model.settings, key)}"
    yield from (f"column {c.name}: {c.type}, {c.place.line}:{c.place.column}" for c in model.settings.columns)
    for check in model.settings.checks:
        yield f"check {check.name}: {dict(check.options)} {check.severity}, {check.place.line}:{check.place.column}"
    yield f"body: {at(model.body)}"


def told(finding: Finding) -> str:
    caret = " " * (finding.place.column - 1) + "^" * finding.width
    hint = [f"    hint: {finding.hint}"] if finding.hint else []
    return "\n".join([f"{finding.place}: {finding.message}", f"    {finding.line}", f"    {caret}", *hint])


@pytest.mark.parametrize("case", sorted(path.stem for path in GOLDEN.glob("*.sql")))
def test_golden(case: str) -> None:
    source = Source(f"models/a/{case}.sql", (GOLDEN / f"{case}.sql").read_text(encoding="utf-8"))
    model, findings = parse_model(source, f"a.{case}")
    assert model is not None
    parts = [told(finding) for finding in findings] if findings else ["\n".join(shown(model))]
    text = "\n\n".join(parts) + "\n"
    expected = GOLDEN / f"{case}.txt"
    if os.environ.get("LAKEORCH_REGENERATE"):
        expected.write_text(text, encoding="utf-8")
    assert text == expected.read_text(encoding="utf-8")
