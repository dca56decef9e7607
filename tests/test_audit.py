"""Checks over real rows: counts, samples, severities, and checks that are themselves at fault."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pyarrow as pa
import pytest

from lakeorch.audit import audit
from lakeorch.engines import Engine, Query, Session
from lakeorch.engines.duckdb import engine as start
from lakeorch.errors import Interrupted, Place
from lakeorch.model import Check

NOW = datetime(2025, 11, 21, tzinfo=UTC)
ROWS = "SELECT i AS id, CASE WHEN i % 10 = 0 THEN NULL ELSE i % 3 END AS v, [i] AS l FROM range(100) t(i) ORDER BY i"


class Counting:
    """A session that counts the queries sent to it."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.sent: list[str] = []

    def fetch(self, sql: str) -> pa.RecordBatchReader:
        self.sent.append(sql)
        return self.session.fetch(sql)


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    engine = start(1)
    yield engine
    engine.close()


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    with engine.session([Query("n.t", ROWS)], {}, "/") as session:
        yield session


def test_counts_and_samples(session: Session) -> None:
    checks = [
        Check("not_null", ("v",), place=Place("a.sql", 3, 4)),
        Check("min", ("id",), {"value": 0}),
        Check("accepted", ("v",), {"values": [0, 1]}, "warn"),
        Check("unique", ("v",)),
        Check("rows", (), {"max": 99}),
        Check("unique", ("id",)),
    ]
    verdict = audit(session, '"n"."t"', checks, NOW)
    assert [(r.name, r.passed, r.failed_rows, r.severity) for r in verdict.results] == [
        ("not_null(v)", False, 10, "error"),
        ("min(id)", True, 0, "error"),
        ("accepted(v)", False, 30, "warn"),
        ("unique(v)", False, 90, "error"),
        ("rows", False, 1, "error"),
        ("unique(id)", True, 0, "error"),
    ]
    first = verdict.results[0]
    assert first.columns == ("id", "v", "l")
    assert first.place == Place("a.sql", 3, 4)
    assert len(first.sample) == 5
    assert ("0", "NULL", "[0]") in first.sample
    assert verdict.results[1].sample == ()
    assert verdict.results[4].sample == (("100",),)
    assert not verdict.ok
    broken = '"broken": {"not_null(v)": 10, "accepted(v)": 30, "unique(v)": 90, "rows": 1}'
    assert verdict.to_json() == '{"run": 6, "passed": 2, "failed": 3, "warned": 1, ' + broken + "}"


def test_warnings_alone_let_rows_pass(session: Session) -> None:
    assert audit(session, '"n"."t"', [Check("rows", (), {"min": 101}, "warn")], NOW).ok
    assert audit(session, '"n"."t"', [], NOW).ok


def test_checks_on_single_rows_share_one_scan(session: Session) -> None:
    counting = Counting(session)
    checks = [
        Check("not_null", ("id",)),
        Check("min", ("id",), {"value": 0}),
        Check("max", ("id",), {"value": 99}),
        Check("expression", (), {"sql": "id < 100 -- always"}),
        Check("matches", ("l",), {"pattern": "x"}),
    ]
    assert audit(counting, '"n"."t"', checks[:4], NOW).ok  # type: ignore[arg-type]  # no more of a session is used
    assert len(counting.sent) == 1


def test_a_check_at_fault_fails_alone_and_says_why(session: Session) -> None:
    checks = [
        Check("not_null", ("id",)),
        Check("expression", (), {"sql": "nope > 1"}),
        Check("expression", (), {"sql": "CAST(CASE WHEN id = 50 THEN 'x' ELSE '1' END AS INTEGER) = 1"}),
        Check("not_null", ("v",)),
        Check("rows"),
        Check("relationship", ("id",), {"to": "n.gone", "column": "id"}),
    ]
    results = audit(session, '"n"."t"', checks, NOW).results
    assert [r.passed for r in results] == [True, False, False, False, False, False]
    assert [r.failed_rows for r in results] == [0, 0, 0, 10, 0, 0]
    assert results[1].message == 'the check itself failed: there is no column "nope"'
    assert "Could not convert string 'x'" in results[2].message
    assert results[3].message == ""
    assert "rows needs min, max or both" in results[4].message
    assert "there is no table gone" in results[5].message


def test_a_cancelled_audit_is_no_verdict(engine: Engine) -> None:
    with engine.session([Query("n.t", ROWS)], {}, "/") as session:
        session.cancel()
        with pytest.raises(Interrupted):
            audit(session, '"n"."t"', [Check("not_null", ("id",))], NOW)


def test_samples_of_any_type(session: Session) -> None:
    session.add(
        Query(
            "n.u",
            "SELECT TIMESTAMPTZ '2025-01-01 00:00:00+00' AS ts, '\\xff'::BLOB AS b, {'a': NULL} AS s, uuid() AS u",
        )
    )
    [result] = audit(session, '"n"."u"', [Check("rows", (), {"max": 0})], NOW).results
    assert result.failed_rows == 1
    [result] = audit(session, '"n"."u"', [Check("expression", (), {"sql": "ts IS NULL"})], NOW).results
    assert result.sample[0][:3] == ("2025-01-01 00:00:00+00", "\\xFF", "{'a': NULL}")
