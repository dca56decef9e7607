"""Step 6: the rows of a table → a `Verdict`: how many rows break each check, and the first of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from lakeorch.bind.rules import Rule, rule
from lakeorch.engines import Session
from lakeorch.errors import EngineError
from lakeorch.model import Check, CheckResult, Verdict

SAMPLE = 5


def audit(session: Session, relation: str, checks: Sequence[Check], now: datetime) -> Verdict:
    """Runs checks over a relation of a session.

    Checks on single rows are counted together in one scan; only for those that failed are rows fetched. A check that
    cannot be run has failed, and its result says why.

    Args:
        session: sees `relation`, and whatever else the checks read.
        relation: quoted for the session's engine.
        checks: what must hold.
        now: the time of the run, for freshness.

    Raises:
        Interrupted: the session was cancelled.
    """
    rules: dict[int, Rule] = {}
    results: dict[int, CheckResult] = {}
    for at, check in enumerate(checks):
        try:
            rules[at] = rule(check, relation, now)
        except ValueError as error:
            results[at] = _broken(check, str(error))
    counted = _count_together(session, relation, {at: r.condition for at, r in rules.items() if r.condition})
    for at, found in rules.items():
        results[at] = _result(session, checks[at], found, counted.get(at))
    return Verdict(tuple(results[at] for at in sorted(results)))


def _count_together(session: Session, relation: str, conditions: dict[int, str]) -> dict[int, int]:
    """Failing rows of each condition, in one scan; empty where one of them is at fault, and each must run alone."""
    if len(conditions) < 2:
        return {}
    counts = ", ".join(f"count(*) FILTER (WHERE {text}) AS c{at}" for at, text in conditions.items())
    try:
        row = session.fetch(f"SELECT {counts} FROM {relation}").read_all().to_pylist()[0]
    except EngineError:
        return {}
    return {at: int(row[f"c{at}"]) for at in conditions}


def _result(session: Session, check: Check, found: Rule, failed: int | None) -> CheckResult:
    try:
        if failed is None:
            counted = session.fetch(f"SELECT count(*) AS failed FROM (\n{found.query}\n)").read_all()
            failed = int(counted.to_pylist()[0]["failed"])
        columns, sample = _sample(session, found.query) if failed else ((), ())
    except EngineError as error:
        return _broken(check, error.message)
    return CheckResult(check.name, check.severity, not failed, failed, columns, sample, "", check.place)


def _sample(session: Session, query: str) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    # as text made by the engine: it knows every type, and a NULL must not look like an empty text
    table = session.fetch(f"SELECT CAST(COLUMNS(*) AS VARCHAR) FROM (\n{query}\n) LIMIT {SAMPLE}").read_all()
    rows = zip(*(column.to_pylist() for column in table.columns), strict=True)
    return tuple(table.column_names), tuple(tuple(_text(row)) for row in rows)


def _text(row: Iterable[str | None]) -> Iterable[str]:
    return ("NULL" if value is None else value for value in row)


def _broken(check: Check, message: str) -> CheckResult:
    return CheckResult(
        check.name, check.severity, False, message=f"the check itself failed: {message}", place=check.place
    )
