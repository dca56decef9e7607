"""Maintenance with a fault at its calls: no row is lost, and the next one finishes the work.

By default a sample of the faults; `LAKEORCH_FAULTS=all` tries every one.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from lakeorch.errors import UsageError
from tests.faults.calls import CAN, Fault
from tests.faults.forks import Forks

from .ledger import Ledger

ALL = os.environ.get("LAKEORCH_FAULTS") == "all"
SAMPLE = 2
FILES = {
    "lakeorch.yml": "models: models\nkeep_for: 1s\nkeep_snapshots: 2\n",
    "models/a/log.sql": "/* ---\nmaterialized: append\n--- */\nSELECT id FROM read_csv('raw/*.csv')",
    "models/a/total.sql": "SELECT sum(id)::BIGINT AS id FROM a.log",
    "models/b/checked.sql": "/* ---\ncolumns: {id: {checks: [{max: 5}]}}\n--- */\n"
    "SELECT max(id) AS id FROM read_csv('raw/*.csv')",
    "models/c/gone.sql": "SELECT 1 AS id",
}
QUERY = (
    "SELECT 'log' AS t, id FROM a.log UNION ALL SELECT 'total', id FROM a.total UNION ALL SELECT 'b', id FROM b.checked"
)


class Lake:
    """A lake that has something of all that maintenance takes away, put back before each trial."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.ledger = Ledger(root)
        self._stash = root.with_name("stash")
        for name, text in FILES.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text)
        (root / "raw").mkdir()
        for number in range(7):
            (root / f"raw/{number}.csv").write_text(f"id\n{number}\n")
            self.ledger.project().run(publish="passed")  # the last is rejected by a check of b
            if number == 2:
                self.ledger.project().tag("third")
        (root / "models/c/gone.sql").unlink()
        self.ledger.project().drop("gone")
        (self.ledger.warehouse / "a/log/data/orphan.parquet").write_text("x")
        time.sleep(1.1)
        shutil.copytree(root, self._stash)
        self.ends = {at: self.rows(at) for at in (None, "third")}

    def restore(self) -> None:
        """The lake as it was."""
        shutil.rmtree(self.root)
        shutil.copytree(self._stash, self.root)

    def rows(self, at: str | None) -> list[str]:
        """Rows of all tables at a state."""
        return sorted(map(str, self.ledger.project().query(QUERY, at=at).read_all().to_pylist()))

    def job(self, **fault: Any) -> dict[str, Any]:
        """Maintenance, perhaps with a fault."""
        return {"do": "run", "folder": str(self.ledger.folder), "command": ("maintain",), **fault}


@pytest.fixture(scope="module")
def forks() -> Iterator[Forks]:
    with Forks() as found:
        yield found


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    return Lake(tmp_path_factory.mktemp("maintained") / "project")


def chosen(calls: Sequence[Sequence[str]], every: Sequence[Sequence[str]]) -> list[Fault]:
    """The faults to try: a few of each kind from all over, the commits among them."""
    found = []
    for kind, doors in CAN.items():
        seen = every if "read" in doors else calls
        faults = [Fault(kind, at) for at, (door, _) in enumerate(seen, 1) if door in doors]
        found += faults if ALL else faults[len(faults) // 3 :: max(1, len(faults) // SAMPLE)]
    return found


@pytest.mark.timeout(3600 if ALL else 120)
def test_whatever_fails_no_row_is_lost_and_the_next_maintenance_finishes(
    lake: Lake, forks: Forks, capsys: pytest.CaptureFixture[str]
) -> None:
    lake.restore()
    calls = forks.work(lake.job()).done[0]["calls"]
    assert lake.ledger.unaccounted() == set()
    lake.restore()
    every = forks.work(lake.job(reads=True)).done[0]["calls"]
    faults = chosen(calls, every)
    wrong = [text for fault in faults if (text := trial(lake, forks, fault))]
    with capsys.disabled():
        print(f"\nmaintenance, {len(calls)} calls that write, {len(every)} in all: {len(faults)} faults", end=", ")
        print(f"{len(wrong)} wrong")
    assert not wrong, "\n".join(wrong)


def trial(lake: Lake, forks: Forks, fault: Fault) -> str:
    """What one fault broke; empty where all promises were kept."""
    lake.restore()
    work = forks.work(lake.job(kind=fault.kind, at=fault.at, reads="read" in CAN[fault.kind]))
    told = f"{fault.kind} at {fault.at}, {work.hit}: "
    if work.done and work.done[0]["escaped"]:
        return told + work.done[0]["escaped"]
    if missing := lake.ledger.missing():
        return told + f"files are missing: {missing}"
    if (seen := {at: lake.rows(at) for at in lake.ends}) != lake.ends:
        return told + f"other rows: {seen}"
    for lease in (lake.ledger.warehouse / "_lakeorch/runs").glob("*.json"):
        lease.unlink()  # as if an hour had passed
    after = forks.work(lake.job(), lake.job()).done
    if after[0]["status"] not in {"maintained", "nothing to do"}:
        return told + f"the next maintenance: {after[0]}"
    if lake.ledger.missing() or lake.ledger.unaccounted():
        return told + f"left: {lake.ledger.unaccounted()}, missing: {lake.ledger.missing()}"
    if (seen := {at: lake.rows(at) for at in lake.ends}) != lake.ends:
        return told + f"other rows after the next: {seen}"
    status = lake.ledger.project().run(publish="passed").status
    return "" if status == "failed" else told + f"the next run: {status}"


def test_a_version_that_was_not_kept_is_told_so(lake: Lake) -> None:
    lake.restore()
    oldest = lake.ledger.project().runs()[-1].run_id
    lake.ledger.project().maintain(grace="0")
    with pytest.raises(UsageError):
        lake.rows(oldest)
