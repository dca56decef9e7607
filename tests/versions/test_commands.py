"""The commands over the past, as typed."""

from __future__ import annotations

import json
from typing import Any

import pyarrow.parquet as pq
import pytest

from lakeorch.cli import main
from tests.versions.shop import Shop
from tests.versions.test_verify import tamper

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def days(shop: Shop) -> tuple[Shop, str, str]:
    first = shop.run()
    return shop, first, shop.day(2, [(3, "a", 99.5)])


def lakeorch(shop: Shop, capsys: Capture, command: str, *arguments: str) -> tuple[int, str, str]:
    where = [str(shop.folder)] if command in {"run", "plan"} else ["-p", str(shop.folder)]
    code = main([command, *arguments, *where])
    return (code, *capsys.readouterr())


def document(shop: Shop, capsys: Capture, command: str, *arguments: str) -> tuple[int, Any]:
    code, out, err = lakeorch(shop, capsys, command, *arguments, "--json")
    assert err == ""
    return code, json.loads(out)


def test_runs_and_history(days: tuple[Shop, str, str], capsys: Capture) -> None:
    shop, first, second = days
    code, out, err = lakeorch(shop, capsys, "runs")
    assert (code, err) == (0, "")
    assert [line.split()[1:3] for line in out.splitlines()[2:]] == [[second, "published"], [first, "published"]]
    assert lakeorch(shop, capsys, "runs", "-n", "1")[1].endswith("… and 1 older run; -n 0 shows all\n")
    code, doc = document(shop, capsys, "runs")
    assert [run["run_id"] for run in doc["runs"]] == [second, first]
    assert [table["model"] for table in doc["runs"][0]["tables"]] == [
        "marts.revenue",
        "staging.latest",
        "staging.sales",
    ]
    code, out, err = lakeorch(shop, capsys, "history", "sales")
    assert [line.split()[1:4] for line in out.splitlines()[2:]] == [[second, "current", "3"], [first, "published", "2"]]
    code, doc = document(shop, capsys, "history", "sales", "-n", "1")
    assert (code, doc["model"], [v["reason"] for v in doc["versions"]]) == (0, "staging.sales", ["new files: 1"])
    code, doc = document(shop, capsys, "history", "nothing")
    assert (code, doc["error"]["kind"]) == (2, "UsageError")


def test_no_runs_yet(shop: Shop, capsys: Capture) -> None:
    assert lakeorch(shop, capsys, "runs") == (0, "no runs\n", "")
    assert document(shop, capsys, "runs") == (0, {"runs": []})


def test_query_at(days: tuple[Shop, str, str], capsys: Capture) -> None:
    shop, first, _ = days
    sql = "SELECT count(*) AS n FROM staging.sales"
    assert lakeorch(shop, capsys, "query", sql, "--format", "csv")[1] == '"n"\n3\n'
    assert lakeorch(shop, capsys, "query", sql, "--format", "csv", "--at", first)[1] == '"n"\n2\n'
    code, out, err = lakeorch(shop, capsys, "query", sql, "--at", "never")
    assert (code, out) == (2, "")
    assert '"never" is no run, tag or time' in err


def test_diff(days: tuple[Shop, str, str], capsys: Capture) -> None:
    shop, first, _ = days
    code, out, _ = lakeorch(shop, capsys, "diff", "revenue")
    assert code == 0
    assert "2 → 2 rows (by name): 1 changed, 1 the same" in out
    assert "changed in: revenue 1, sales 1" in out
    assert ["A", "revenue", "10.5", "110.0"] in [line.split() for line in out.splitlines()]
    code, doc = document(shop, capsys, "diff", "revenue", first)
    assert (code, doc["columns"], doc["equal"]) == (0, {"revenue": 1, "sales": 1}, False)
    assert "1 added, 1 removed" in lakeorch(shop, capsys, "diff", "revenue", "--key", "")[1]
    assert lakeorch(shop, capsys, "diff", "revenue", "--key", "nope")[0] == 2


def test_rollback(days: tuple[Shop, str, str], capsys: Capture) -> None:
    shop, first, second = days
    code, out, _ = lakeorch(shop, capsys, "rollback", second)
    assert code == 0
    assert f"rolled back  3 tables to before run {second}" in out
    assert out.count(first) == 3
    plan = lakeorch(shop, capsys, "plan")[1]
    assert plan.startswith("nothing to do: 1 model up to date, 3 pinned\n")
    assert plan.count(f"pinned to run {first} by rollback; --unpin or edit the query") == 3
    assert lakeorch(shop, capsys, "run")[1].count("pinned to run") == 3
    assert lakeorch(shop, capsys, "list")[1].count("pinned to run") == 3
    code, doc = document(shop, capsys, "run")
    assert [step["reason"].split()[0] for step in doc["steps"] if step["action"] == "skip"] == ["pinned"] * 3
    code, doc = document(shop, capsys, "rollback", second)
    assert (code, "already" in doc["error"]["message"]) == (2, True)
    code, doc = document(shop, capsys, "rollback", "--to", second)
    assert (code, doc["status"], doc["to"], len(doc["tables"])) == (0, "rolled back", f"run {second}", 3)
    assert lakeorch(shop, capsys, "rollback", "--to", second)[1].startswith("nothing to do")
    assert lakeorch(shop, capsys, "rollback")[0] == 2
    assert lakeorch(shop, capsys, "rollback", second, "--to", first)[0] == 2
    assert lakeorch(shop, capsys, "plan", "--unpin")[0] == 0
    assert lakeorch(shop, capsys, "run", "--unpin")[0] == 0
    assert "pinned" not in lakeorch(shop, capsys, "plan")[1]


def test_verify(days: tuple[Shop, str, str], capsys: Capture) -> None:
    shop, _, second = days
    code, out, _ = lakeorch(shop, capsys, "verify", second)
    assert code == 0
    assert out.count("each as made again") == 3
    code, doc = document(shop, capsys, "verify", "revenue")
    assert (code, doc["status"], doc["tolerance"], doc["tables"][0]["rows"]) == (0, "same", 1e-9, 2)
    [path] = shop.data_files("marts.revenue")
    tamper(path, "sales", 7, row=pq.read_table(path)["name"].to_pylist().index("B"))
    code, out, _ = lakeorch(shop, capsys, "verify", "revenue", "sales")
    assert code == 1
    assert "different  marts.revenue" in out
    assert "of 2 rows: 1 changed (in sales)" in out
    assert ["B", "sales", "7", "1"] in [line.split() for line in out.splitlines()]
    assert "same  staging.sales" in out
    code, doc = document(shop, capsys, "verify", second)
    assert (code, doc["status"]) == (1, "different")
    for raw in (shop.root / "raw").iterdir():
        raw.unlink()
    code, out, _ = lakeorch(shop, capsys, "verify", "sales")
    assert (code, "cannot be verified: raw/day2.csv changed since, or is gone" in out) == (1, True)
    assert lakeorch(shop, capsys, "verify")[0] == 2
