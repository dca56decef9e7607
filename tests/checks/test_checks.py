"""Every check on rows that pass, that fail, and on NULL."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime

import pytest

from lakeorch import plugins
from lakeorch.bind.rules import rule
from lakeorch.engines import Engine, Query, Session
from lakeorch.engines.duckdb import engine as start
from lakeorch.errors import UsageError
from lakeorch.model import Check

NOW = datetime(2025, 11, 21, 12, 0, tzinfo=UTC)
CASES: list[tuple[Check, str, list[str]]] = [
    # check, rows of the table as (k, v), the k of failing rows
    (Check("not_null", ("v",)), "('a', 1), ('b', NULL)", ["b"]),
    (Check("not_null", ("k", "v")), "('a', 1), (NULL, 2), ('c', NULL)", ["None", "c"]),
    (Check("unique", ("v",)), "('a', 1), ('b', 1), ('c', 2), ('d', NULL), ('e', NULL)", ["a", "b"]),
    (Check("unique", ("k", "v")), "('a', 1), ('a', 1), ('a', 2), ('b', 1), ('x', NULL), ('x', NULL)", ["a", "a"]),
    (Check("accepted", ("v",), {"values": [1, 2]}), "('a', 1), ('b', 3), ('c', NULL)", ["b"]),
    (Check("accepted", ("k",), {"values": ["it's", "b"]}), "('it''s', 1), ('c', 1), (NULL, 1)", ["c"]),
    (Check("accepted", ("v",), {"values": [1, None]}), "('a', 1), ('b', 3), ('c', NULL)", ["b"]),
    (Check("accepted", ("v",), {"values": [None]}), "('b', 3), ('c', NULL)", ["b"]),
    (Check("accepted", ("v",), {"values": [True]}), "('a', true), ('b', false)", ["b"]),
    (Check("min", ("v",), {"value": 0}), "('a', 0), ('b', -1), ('c', NULL)", ["b"]),
    (Check("min", ("v",), {"value": 0.5}), "('a', 0.5), ('b', 0.49)", ["b"]),
    (Check("min", ("v",), {"value": date(2025, 1, 1)}), "('a', DATE '2025-01-01'), ('b', DATE '2024-12-31')", ["b"]),
    (Check("max", ("v",), {"value": 0}), "('a', 0), ('b', 1), ('c', NULL)", ["b"]),
    (Check("max", ("v",), {"value": 5}), "('a', 5.0::DOUBLE), ('b', 'nan'::DOUBLE), ('c', '-inf'::DOUBLE)", ["b"]),
    (
        Check("max", ("v",), {"value": datetime(2025, 1, 1, 12)}),
        "('a', TIMESTAMP '2025-01-01 12:00:00'), ('b', TIMESTAMP '2025-01-01 12:00:01')",
        ["b"],
    ),
    (Check("matches", ("k",), {"pattern": "^[a-z']{2}$"}), "('ab', 1), ('a''', 1), ('abc', 1), (NULL, 1)", ["abc"]),
    (Check("matches", ("k",), {"pattern": "b"}), "('abc', 1), ('', 1)", [""]),
    (Check("expression", (), {"sql": "v > 0 OR k = 'b' -- or so"}), "('a', 0), ('b', 0), ('c', 1), ('d', NULL)", ["a"]),
    (Check("relationship", ("v",), {"to": "n.o", "column": "id"}), "('a', 1), ('b', 9), ('c', NULL)", ["b"]),
    (Check("relationship", ("v",), {"to": "n.o", "column": "v"}), "('a', 1), ('b', 2)", ["a"]),
    (Check("rows", (), {"min": 1, "max": 2}), "('a', 1)", []),
    (Check("rows", (), {"min": 2}), "('a', 1)", ["1"]),
    (Check("rows", (), {"max": 1}), "('a', 1), ('a', 1)", ["2"]),
    (Check("rows", (), {"max": 0}), "('a', 1)", ["1"]),
    (Check("freshness", ("v",), {"seconds": 3600}), "('a', TIMESTAMPTZ '2025-11-21 12:30:00+01'), ('b', NULL)", []),
    (
        Check("freshness", ("v",), {"seconds": 3600}),
        "('a', TIMESTAMP '2025-11-21 10:59:59')",
        ["2025-11-21 10:59:59+00"],
    ),
    (Check("freshness", ("v",), {"seconds": 86400}), "('a', DATE '2025-11-21'), ('b', DATE '2020-01-01')", []),
    (Check("freshness", ("v",), {"seconds": 3600}), "('a', DATE '2025-11-21')", ["2025-11-21 00:00:00+00"]),
    (Check("freshness", ("v",), {"seconds": 3600}), "('a', NULL::DATE)", ["None"]),
    (Check("sql", (), {"sql": "SELECT k FROM n.t WHERE v > 1 -- end"}), "('a', 1), ('b', 2)", ["b"]),
]


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    engine = start(1)
    yield engine
    engine.close()


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    with engine.session([Query("n.o", "SELECT 1 AS id, 2 AS v UNION ALL SELECT NULL, NULL")], {}, "/") as session:
        yield session


@pytest.mark.parametrize(("check", "rows", "failing"), CASES, ids=lambda value: getattr(value, "kind", None))
def test_failing_rows(session: Session, check: Check, rows: str, failing: list[str]) -> None:
    session.add(Query("n.t", f"SELECT * FROM (VALUES {rows}) t(k, v)"))
    found = rule(check, '"n"."t"', NOW)
    table = session.fetch(f"SELECT CAST(COLUMNS(*) AS VARCHAR) FROM (\n{found.query}\n)").read_all()
    assert sorted(str(value) for value in table.column(0).to_pylist()) == failing


def test_every_kind_is_tested_and_documented() -> None:
    kinds = {check.kind for check, _, _ in CASES}
    assert kinds == set(plugins.names("checks"))
    for kind in kinds:
        module = plugins.load("checks", kind)
        functions = [vars(module)[name] for name in ("condition", "query") if name in vars(module)]
        assert len(functions) == 1, "exactly one of the two"
        assert functions[0].__doc__
        assert module.__doc__


def test_quoted_names(session: Session) -> None:
    session.add(Query("n.t", 'SELECT 1 AS "a ""b", 2 AS "select"'))
    for check in (
        Check("not_null", ('a "b', "select")),
        Check("unique", ('a "b', "select")),
        Check("accepted", ("select",), {"values": [2]}),
        Check("freshness", ("select",), {"seconds": 1}),
    ):
        if check.kind != "freshness":
            assert session.fetch(rule(check, '"n"."t"', NOW).query).read_all().num_rows == 0
        assert '"select"' in rule(check, '"n"."t"', NOW).query


@pytest.mark.parametrize(
    "check",
    [
        Check("accepted", ("v",), {"values": 5}),
        Check("accepted", ("v",)),
        Check("min", (), {"value": 1}),
        Check("min", ("v",), {"value": object()}),
        Check("rows"),
        Check("rows", (), {"min": "x"}),
        Check("freshness", ("v",)),
    ],
)
def test_senseless_options(check: Check) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        rule(check, "t", NOW)


def test_unknown_kind() -> None:
    with pytest.raises(UsageError) as caught:
        rule(Check("not_nul", ("v",)), "t", NOW)
    assert caught.value.hint == 'did you mean "not_null"?'
