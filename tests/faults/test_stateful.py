"""Any sequence of runs, faults, foreign writers, roll-backs and runs within runs: always all tables of one state.

Hypothesis draws the sequences. What the tables must hold is worked out here, in a few lines of plain Python: the log
holds every row of every file once, the merge the latest value of each key, and the total what the two add up to.
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.postgres import NewDatabase

from .catalogs import PostgresTables, SqliteFile
from .forks import Forks, Work
from .reader import look
from .scenarios import table
from .trials import ALL, DONE

MODELS = {
    "a/log.sql": "/* ---\nmaterialized: append\nchecks: [{unique: [id]}]\n--- */\nFROM read_csv('raw/log/*.csv')",
    "a/m.sql": "/* ---\nmaterialized: merge\nunique_key: [k]\n--- */\nFROM read_csv('raw/m/*.csv')",
    "b/total.sql": "SELECT (SELECT count(*) FROM a.log) AS n, (SELECT sum(v)::BIGINT FROM a.m) AS v",
}
KINDS = ("kill", "torn", "full", "error", "lost", "locked", "conflict")
PAUSE_S = 30


@dataclass(frozen=True)
class State:
    """What the tables hold, and which files they were made from.

    Attributes:
        foreign: rows of the log that another program wrote.
        counted: how many rows of the log the total was made from.
    """

    log: tuple[int, ...] = ()
    foreign: tuple[int, ...] = ()
    merged: tuple[tuple[int, int], ...] = ()
    files: frozenset[str] = frozenset()
    counted: int = 0

    def tables(self) -> dict[str, Any]:
        """As `reader.look` gives them."""
        rows = sorted(self.log + self.foreign)
        return {
            "a.log": table("id", *(str(id) for id in rows)),
            "a.m": table("k v", *(f"{k} {v}" for k, v in self.merged)),
            "b.total": table("n v", f"{self.counted} {sum(v for _, v in self.merged)}"),
        }


@dataclass
class Raw:
    """The raw files: the rows of each, by name."""

    log: dict[str, tuple[int, ...]] = field(default_factory=dict)
    m: dict[str, dict[int, int]] = field(default_factory=dict)

    def onto(self, state: State) -> State:
        """The state after a run that goes well."""
        log = state.log + tuple(id for name, ids in self.log.items() if name not in state.files for id in ids)
        merged = dict(state.merged)
        for name, rows in self.m.items():
            if name not in state.files:
                merged |= rows
        files = frozenset({*self.log, *self.m})
        return replace(
            state, log=log, merged=tuple(sorted(merged.items())), files=files, counted=len(log + state.foreign)
        )


class Lake(RuleBasedStateMachine):
    """A project, what its tables hold, and what they held before the last run."""

    forks: Sequence[Forks]
    database: NewDatabase | None

    def __init__(self) -> None:
        super().__init__()
        self.root = Path(tempfile.mkdtemp(prefix="lakeorch-stateful-"))
        self.catalog: PostgresTables | SqliteFile
        if self.database:
            self.catalog = PostgresTables(self.database())
        else:
            self.catalog = SqliteFile(f"{self.root}/warehouse")
        for name, text in self.catalog.settings.items():
            (self.root / name).write_text(text)
        for name, text in MODELS.items():
            path = self.root / "models" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        for folder in ("log", "m"):
            (self.root / "raw" / folder).mkdir(parents=True)
        self.raw, self.now, self.before = Raw(), State(), State()
        self.pinned = False
        self.can_go_back = False
        self.rows = 0

    @initialize()
    def first_run(self) -> None:
        self.bring_log(1)
        self.bring_keys([1, 2])
        self.run()

    # ---- what happens ----

    @rule(count=st.integers(1, 2))
    def bring_log(self, count: int) -> None:
        ids = tuple(range(self.rows, self.rows + count))
        self.rows += count
        name = f"{len(self.raw.log):03}.csv"
        self.raw.log[f"log/{name}"] = ids
        (self.root / "raw/log" / name).write_text("id\n" + "".join(f"{id}\n" for id in ids))

    @rule(keys=st.lists(st.integers(1, 6), min_size=1, max_size=3, unique=True))
    def bring_keys(self, keys: Sequence[int]) -> None:
        # two files that are read by one run must not hold one key twice: that fails by design
        read = self.before.files if self.can_go_back else self.now.files
        waiting = {key for name, rows in self.raw.m.items() if name not in read for key in rows}
        rows = {key: len(self.raw.m) * 10 + key for key in keys if key not in waiting}
        if not rows:
            return
        name = f"{len(self.raw.m):03}.csv"
        self.raw.m[f"m/{name}"] = rows
        (self.root / "raw/m" / name).write_text("k,v\n" + "".join(f"{k},{v}\n" for k, v in rows.items()))

    @rule()
    def run(self) -> None:
        [done] = self._work().done
        assert done["status"] in DONE, done
        self._moved(self.raw.onto(self.now))

    @rule(kind=st.sampled_from(KINDS), at=st.integers(1, 130))
    def run_with_a_fault(self, kind: str, at: int) -> None:
        work = self._work(kind=kind, at=at, reads=kind == "error")
        new = self.raw.onto(self.now)
        found = self._look()["tables"]
        assert found in (self.now.tables(), new.tables()), f"neither old nor new: {found}"
        if work.done and work.done[0]["status"] in DONE:
            assert found == new.tables(), work.done
        if found == new.tables():
            self._moved(new)

    @precondition(lambda self: not self.pinned)
    @rule(at=st.integers(1, 90), bring=st.booleans(), foreign=st.booleans())
    def run_within_a_run(self, at: int, bring: bool, foreign: bool) -> None:
        flag = self.root.with_suffix(".flag")
        outer: list[Work] = []
        job = {"kind": "pause", "at": at, "pause": str(flag)}
        thread = threading.Thread(target=lambda: outer.append(self._work(**job)))
        thread.start()
        deadline = time.monotonic() + PAUSE_S
        while not flag.exists() and thread.is_alive():
            assert time.monotonic() < deadline
            time.sleep(0.005)
        held_database = flag.exists() and not self._is_free()
        if flag.exists() and not held_database:
            if bring:
                self.bring_log(1)
            if foreign:
                self._append()
            [inner] = self.forks[1].work(self._job()).done
            assert inner["status"] in DONE, inner
        flag.unlink(missing_ok=True)
        thread.join()
        assert outer[0].done[0]["status"] in DONE, outer[0].done
        self.run()
        self.can_go_back = False

    @precondition(lambda self: not self.pinned)
    @rule()
    def another_program_appends(self) -> None:
        self._append()
        self.can_go_back = False

    @precondition(lambda self: self.can_go_back)
    @rule(kind=st.sampled_from((None, *KINDS)), at=st.integers(1, 40))
    def roll_back(self, kind: str | None, at: int) -> None:
        fault = {} if kind is None else {"kind": kind, "at": at, "reads": kind == "error"}
        work = self._work(command=("rollback",), **fault)
        found = self._look()["tables"]
        if kind is None:
            assert work.done[0]["status"] == "rolled back", work.done
        assert found in (self.now.tables(), self.before.tables()), f"neither old nor new: {found}"
        if found == self.before.tables():
            self.now, self.can_go_back, self.pinned = self.before, False, True

    # ---- what holds ----

    @invariant()
    def readers_see_one_state(self) -> None:
        if self.now == State():
            return
        seen = self._look()
        assert not seen["missing"]
        assert seen["tables"] == self.now.tables()

    def teardown(self) -> None:
        try:
            self.run()
            self.run()
            assert self._look()["tables"] == self.raw.onto(self.now).tables()
        finally:
            shutil.rmtree(self.root, ignore_errors=True)

    # ---- how ----

    def _job(self, **more: Any) -> dict[str, Any]:
        command = ("unpin",) if self.pinned else ("run",)
        return {"do": "run", "folder": str(self.root / "models"), "command": command, **more}

    def _work(self, **more: Any) -> Work:
        return self.forks[0].work(self._job(**more))

    def _look(self) -> dict[str, Any]:
        return look(self.catalog.uri, f"{self.root}/warehouse")

    def _moved(self, new: State) -> None:
        """The run published something: to there, and only from there, a roll-back goes."""
        if new != self.now:
            self.can_go_back = self.now != State() and not new.foreign
            self.before, self.now, self.pinned = self.now, new, False

    def _append(self) -> None:
        import pyarrow as pa
        from pyiceberg.catalog.sql import SqlCatalog

        catalog = SqlCatalog("lakeorch", uri=self.catalog.uri, warehouse=f"file://{self.root}/warehouse")
        rows = pa.table({"id": [self.rows]})
        log = catalog.load_table("a.log")
        log.append(rows.cast(log.schema().as_arrow()))
        catalog.engine.dispose()
        self.now = replace(self.now, foreign=(*self.now.foreign, self.rows))
        self.rows += 1

    def _is_free(self) -> bool:
        """Whether the paused run holds no lock on the catalog's tables: another writer would have to wait for it."""
        if self.database:
            import psycopg

            with psycopg.connect(self.catalog.uri.replace("+psycopg", "")) as connection:
                return not connection.execute(_HELD).fetchall()
        import sqlite3

        with contextlib.closing(sqlite3.connect(self.catalog.uri.removeprefix("sqlite:///"), timeout=0)) as file:
            try:
                file.execute("BEGIN IMMEDIATE")
                file.rollback()
            except sqlite3.OperationalError:
                return False
        return True


_HELD = """
    SELECT 1 FROM pg_locks JOIN pg_class ON pg_class.oid = pg_locks.relation
    WHERE relname LIKE 'iceberg_%' AND mode = 'RowExclusiveLock' AND granted
"""


@pytest.mark.timeout(3600 if ALL else 300)
@pytest.mark.parametrize("database", ["sqlite", "postgres"], indirect=True)
def test_any_sequence(database: NewDatabase | None, forks: Sequence[Forks]) -> None:
    machine = type("Lake", (Lake,), {"forks": forks, "database": staticmethod(database) if database else None})
    examples = 200 if ALL else 6
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=12,
            deadline=None,
            derandomize=not ALL,
            suppress_health_check=list(HealthCheck),
            print_blob=True,
        ),
    )
