"""The golden queries: each file is a query and, behind it, its edges as comments."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.graph.lineage.engine import GOLDEN, Duck
from tests.graph.lineage.golden import lineage, lines

CASES = sorted(path for path in GOLDEN.glob("*.sql") if path.stem != "schema")
MARK = "\n-- edges\n"
# what a result is called that reads files, or data, which are not there
COLUMNS = re.compile(r"^-- columns: (.+)$", re.MULTILINE)


@pytest.fixture(scope="module")
def duck() -> Iterator[Duck]:
    found = Duck()
    yield found
    found.connection.close()


def names(duck: Duck, sql: str) -> list[str]:
    given = COLUMNS.search(sql)
    return given[1].split(", ") if given else duck.columns(sql)


def test_there_are_enough() -> None:
    assert len(CASES) >= 60


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_edges(path: Path, duck: Duck) -> None:
    sql, mark, expected = path.read_text(encoding="utf-8").partition(MARK)
    assert mark
    found = "".join(f"-- {line}\n" for line in lines(lineage(sql, duck.schemas, names(duck, sql))))
    assert found == expected


def test_lineage_knows_the_columns_without_the_engine(duck: Duck) -> None:
    """Where the query names all its columns, the engine's word on the result adds nothing but the letter case."""
    checked = 0
    for path in CASES:
        sql = path.read_text(encoding="utf-8").partition(MARK)[0]
        result = names(duck, sql)
        if COLUMNS.search(sql) or not all(re.fullmatch(r"\w+", name) for name in result):
            continue
        alone = {replace(edge, target_column=edge.target_column.lower()) for edge in lineage(sql, duck.schemas)}
        assert alone == set(lineage(sql, duck.schemas, result)), path.stem
        checked += 1
    assert checked >= 60


def test_letter_case_of_names_does_not_count(duck: Duck) -> None:
    checked = 0
    for path in CASES:
        sql = path.read_text(encoding="utf-8").partition(MARK)[0]
        bare = "\n".join(line for line in sql.splitlines() if not line.startswith("--"))
        if not re.search(r"['\"$]", bare):
            result = names(duck, bare)
            assert lineage(bare.upper(), duck.schemas, result) == lineage(bare, duck.schemas, result), path.stem
            checked += 1
    assert checked >= 60
