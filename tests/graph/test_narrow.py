"""What a WHERE says of a table's rows: never more than is certain."""

from __future__ import annotations

from datetime import date, datetime

import pytest

from lakeorch.graph.narrow import conditions
from lakeorch.types import Condition

DAY = (Condition("day", "=", "2025-01-05"),)


@pytest.mark.parametrize(
    ("sql", "wanted"),
    [
        ("SELECT * FROM a.t WHERE day = '2025-01-05'", DAY),
        ("SELECT * FROM a.t WHERE '2025-01-05' = day AND f(x) > 1 OR false", ()),
        ("SELECT * FROM a.t WHERE '2025-01-05' = Day AND (x > 3 OR y)", DAY),
        ("FROM a.t AS s WHERE s.day = '2025-01-05'", DAY),
        ("SELECT * FROM a.t WHERE day = DATE '2025-01-05'", (Condition("day", "=", date(2025, 1, 5)),)),
        (
            "SELECT * FROM a.t WHERE at < '2025-01-05 12:00:00'::TIMESTAMP",
            (Condition("at", "<", datetime(2025, 1, 5, 12)),),
        ),
        ("SELECT * FROM a.t WHERE 3 < x AND x <= -2", (Condition("x", ">", 3), Condition("x", "<=", -2))),
        ("SELECT * FROM a.t WHERE x BETWEEN 1 AND 2", (Condition("x", ">=", 1), Condition("x", "<=", 2))),
        ("SELECT * FROM a.t JOIN b.u USING (id) WHERE t.day = '2025-01-05' AND x = 1", DAY),
        ("SELECT * FROM b.u LEFT JOIN a.t ON true WHERE t.day = '2025-01-05'", DAY),
        # what is no condition, or not one of this table's rows
        ("SELECT * FROM a.t WHERE NOT day = '2025-01-05'", ()),
        ("SELECT * FROM a.t WHERE day <> '2025-01-05' AND day IS NULL", ()),
        ("SELECT * FROM a.t WHERE day = '2025-01-05' OR x = 1", ()),
        ("SELECT * FROM a.t WHERE day = other AND x > 1.5 AND y = CAST('1' AS INT)", ()),
        ("SELECT * FROM a.t WHERE day = DATE '2025-01-05 12:00' AND z = TIMESTAMP '2025-01-05 00:00:00+02'", ()),
        ("SELECT day FROM a.t GROUP BY day HAVING day = '2025-01-05'", ()),
        ("SELECT * FROM (SELECT * FROM a.t) s WHERE day = '2025-01-05'", ()),
        ("SELECT * FROM a.t JOIN b.u ON t.day = '2025-01-05'", ()),
        ("SELECT * FROM b.u ASOF JOIN a.t ON u.x >= t.x WHERE t.day = '2025-01-05'", ()),
        ("SELECT * FROM b.u POSITIONAL JOIN a.t WHERE t.day = '2025-01-05'", ()),
        ("SELECT * FROM a.t TABLESAMPLE 10 ROWS WHERE day = '2025-01-05'", ()),
        ("SELECT * FROM a.t AS s(x, day) WHERE day = '2025-01-05'", ()),
        ("SELECT * FROM a.t WHERE t.s.day = '2025-01-05'", ()),
    ],
)
def test_what_is_certain_and_nothing_else(sql: str, wanted: tuple[Condition, ...]) -> None:
    assert dict(conditions(sql))["a.t"] == wanted


def test_every_place_counts() -> None:
    sql = "SELECT * FROM a.t WHERE x = 1 UNION ALL SELECT * FROM a.t"
    assert sorted(map(len, dict(enumerate(found for _, found in conditions(sql))).values())) == [0, 1]
    assert conditions("SELECT FROM WHERE") == []
