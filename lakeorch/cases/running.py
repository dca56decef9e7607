"""Runs cases, each in a session of its own, and says how what came differs from what was expected."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from lakeorch.cases.diff import Difference, Row, compare
from lakeorch.cases.scene import Scene, table
from lakeorch.errors import EngineError, Finding, Place, ProjectError

if TYPE_CHECKING:
    import pyarrow as pa

    from lakeorch.engines import Engine


@dataclass(frozen=True, slots=True)
class CaseResult:
    """How a case ended.

    Attributes:
        name: of the case.
        model: the full name of the model that was tested.
        place: where the case is written.
        columns: the names of the columns that were compared.
        differences: the rows that are not as expected.
        message: why it failed, where that is not told by rows: the engine's error, or that none came.
    """

    name: str
    model: str
    place: Place
    status: Literal["passed", "failed"]
    seconds: float = 0.0
    columns: tuple[str, ...] = ()
    differences: tuple[Difference, ...] = ()
    message: str = ""

    def to_dict(self) -> dict[str, object]:
        """The case in the JSON document of `lakeorch test`; what is no JSON value is text."""
        return {
            "name": self.name,
            "model": self.model,
            "file": self.place.file,
            "line": self.place.line,
            "status": self.status,
            "seconds": round(self.seconds, 4),
            "message": self.message,
            "rows": [
                {
                    "kind": each.kind,
                    "expected": self._row(each.expected),
                    "actual": self._row(each.actual),
                    "columns": [self.columns[at] for at in each.columns],
                }
                for each in self.differences
            ],
        }

    def _row(self, row: Row | None) -> object:
        if row is None:
            return None
        return json.loads(json.dumps(dict(zip(self.columns, row, strict=True)), default=str))


def run_case(scene: Scene, engine: Engine, folder: str) -> CaseResult:
    """Runs one case.

    Args:
        scene: the case, set.
        engine: that the scene was written for.
        folder: the project root.

    Raises:
        ProjectError: the expected rows name columns that the model does not have, or hold values that do not fit.
    """
    started = time.monotonic()
    case = scene.case
    error = ""
    result: pa.Table | None = None
    try:
        if scene.call is not None:
            with (
                scene.call.rows(engine, scene.relations) as returned,
                engine.session([returned.relation], {}, folder) as session,
            ):
                result = session.fetch(returned.sql).read_all()
        else:
            with engine.session(scene.relations, scene.variables, folder) as session:
                try:
                    result = session.fetch(scene.text.sql).read_all()
                except EngineError as refused:
                    error = _placed(scene, refused)
    except EngineError as refused:
        error = refused.message
    columns: tuple[str, ...] = ()
    differences: tuple[Difference, ...] = ()
    message = ""
    if case.expect is None:
        if result is not None:
            message = f'expected an error with "{case.error}"; the query yields {result.num_rows} rows'
        elif case.error.lower() not in error.lower():
            message = f'expected an error with "{case.error}"; it is: {error}'
    elif result is None:
        message = error
    else:
        columns, differences = _compare(scene, result)
    seconds = time.monotonic() - started
    status: Literal["passed", "failed"] = "failed" if message or differences else "passed"
    return CaseResult(case.name, scene.model.name, case.place, status, seconds, columns, differences, message)


def _placed(scene: Scene, error: EngineError) -> str:
    if error.position is None:
        return error.message
    place = scene.model.source.place(scene.text.offset(error.position))
    return f"{place}: {error.message}"


def _compare(scene: Scene, result: pa.Table) -> tuple[tuple[str, ...], tuple[Difference, ...]]:
    """The columns that were compared and what differs in them; all columns where no row is expected."""
    import pyarrow as pa

    case, expect = scene.case, scene.case.expect
    assert expect is not None, "a case that expects an error has no rows"
    names = {name.lower(): name for name in result.schema.names}
    full = pa.schema([(lower, result.schema.field(name).type) for lower, name in names.items()])
    findings: list[Finding] = []
    expected = table(case, (expect,), full, scene.model.name, findings)
    if findings:
        raise ProjectError(tuple(findings))
    compared = list(expect.columns or names)
    rows = [tuple(row.values()) for row in expected.select(compared).to_pylist()]
    came = [tuple(row.values()) for row in result.select([names[column] for column in compared]).to_pylist()]
    return tuple(compared), compare(rows, came, ordered=case.ordered)
