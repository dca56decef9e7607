"""All that is known of one model: what its file says, what it yields, what is published of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING

from lakeorch.errors import UsageError
from lakeorch.model import Check, Column, Published, Settings
from lakeorch.project.result import Listed

if TYPE_CHECKING:
    from lakeorch.lake import Lake
    from lakeorch.project.survey import Found

_ELSEWHERE = {"description", "owner", "tags", "materialized", "columns", "checks", "places"}


@dataclass(frozen=True, slots=True)
class Checked:
    """A check and what it found last: `passed`, `3 rows`, or why there is no result."""

    name: str
    severity: str
    result: str
    place: str


@dataclass(frozen=True, slots=True)
class Shown:
    """A model, as `lakeorch show` tells it.

    Attributes:
        listed: its line in `lakeorch list`.
        file: relative to the project root.
        sql: the query as written.
        settings: those that are not as by default, by name; what is shown on its own left out.
        columns: what the query yields, with descriptions.
        checks: with the results of the last run that looked at the published rows.
        reads: the models and tables it reads, by their names, and file patterns.
        read_by: models that read it.
        facts: the `lakeorch.*` properties that hold for the published rows: run id, inputs, engine.
        snapshot_id: of the published rows; None where there are none.
        location: the table's folder or URL; empty where there is none.
        files: data files of the table.
    """

    listed: Listed
    description: str
    file: str
    sql: str
    settings: Mapping[str, object]
    columns: tuple[Column, ...]
    checks: tuple[Checked, ...]
    reads: tuple[str, ...]
    read_by: tuple[str, ...]
    facts: Mapping[str, str]
    snapshot_id: int | None
    location: str
    files: tuple[str, ...]

    def to_dict(self) -> dict[str, object]:
        """The JSON document of `lakeorch show`. The snapshot id is text: it does not fit a JSON reader's float."""
        told: dict[str, object] = {
            field.name: getattr(self, field.name) for field in fields(self) if field.name != "listed"
        }
        told |= {"columns": [asdict(c) for c in self.columns], "checks": [asdict(c) for c in self.checks]}
        told["snapshot_id"] = None if self.snapshot_id is None else str(self.snapshot_id)
        return self.listed.to_dict() | told


def show(found: Found, lake: Lake, name: str) -> Shown:
    """Gathers what is known of a model.

    Args:
        found: a survey of the whole project.
        lake: where its table is.
        name: of the model, or of its table alone where that is clear.

    Raises:
        UsageError: no model, or more than one, is meant.
    """
    survey = found.survey
    graph = survey.graph
    meant = graph.select([name])
    if len(meant) != 1:
        raise UsageError(f'"{name}" means {len(meant)} models', hint="show takes one; lakeorch list shows several")
    model = graph.models[meant[0]]
    [listed] = (line for line in Listed.of(survey, survey.plan(found.selection)) if line.model == model.name)
    docs = {column.name: column.description for column in model.settings.columns}
    table = survey.published.get(model.name)
    scan = None if table is None else lake.scan(table.name, location=table.location)
    others = [ref.name for ref in model.references if graph.resolve(model, ref.name) is None]
    patterns = [pattern for read in model.files for pattern in read.patterns]
    return Shown(
        listed,
        model.settings.description,
        model.source.file,
        model.sql,
        _settings(model.settings),
        tuple(Column(c.name, c.type, docs.get(c.name.lower(), "")) for c in survey.columns[model.name]),
        _checks(survey.checks.get(model.name, ()), table, survey.checks_hash(model.name)),
        (*graph.parents(model.name), *dict.fromkeys(others), *dict.fromkeys(patterns)),
        graph.children(model.name),
        {} if table is None else {k: v for k, v in table.properties.items() if k.startswith("lakeorch.")},
        None if table is None else table.snapshot_id,
        "" if table is None else lake.location(model.name),
        scan.paths if scan else (),
    )


def _settings(settings: Settings) -> dict[str, object]:
    usual = Settings()
    told = {field.name: getattr(settings, field.name) for field in fields(settings) if field.name not in _ELSEWHERE}
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in told.items()
        if value != getattr(usual, name)
    }


def _checks(checks: tuple[Check, ...], table: Published | None, identity: str) -> tuple[Checked, ...]:
    """The checks with what the published rows' own record says of them."""
    facts = {} if table is None else table.properties
    audit = json.loads(facts.get("lakeorch.audit") or "{}")
    broken = audit.get("broken", {})

    def result(check: Check) -> str:
        if not audit:
            return "not run yet"
        if facts.get("lakeorch.checks") != identity:
            return "not run yet: the checks changed"
        rows = broken.get(check.name)
        return "passed" if rows is None else f"{rows:,} row{'' if rows == 1 else 's'} failed"

    return tuple(
        Checked(check.name, check.severity, result(check), str(check.place) if check.place.file else "")
        for check in checks
    )
