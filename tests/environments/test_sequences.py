"""Any sequence of edits, new files, runs here and there, promotions, drops and roll-backs shows what DuckDB would.

What production and the environment must show is worked out beside it: every table's rows by plain DuckDB from the same
text, and by one rule which of the environment's tables are void.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb
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

from tests.environments.site import Rows, Site

TABLES = ("raw.lines", "core.sums", "core.apart", "marts.top")
DEV = "lakeorch_dev"
EXAMPLES = int(os.environ.get("LAKEORCH_EXAMPLES", "4"))


@dataclass(frozen=True)
class Code:
    """What an edit changes in the models: a factor, a limit, and whether there is a column more."""

    factor: int = 1
    least: int = 0
    wide: bool = False

    def models(self) -> dict[str, str]:
        more = ", max(amount)::BIGINT AS most" if self.wide else ""
        total = f"(sum(amount) * {self.factor})::BIGINT AS total"
        return {
            "raw.lines": "SELECT id::BIGINT AS id, amount::BIGINT AS amount FROM read_csv('raw/*.csv')",
            "core.sums": f"SELECT id % 3 AS k, {total}{more} FROM raw.lines GROUP BY k",
            "core.apart": "SELECT 7 AS x",
            "marts.top": f"SELECT count(*) AS n FROM core.sums WHERE total >= {self.least}",
        }

    def rows(self, root: Path) -> dict[str, Rows]:
        """What a run makes, by DuckDB alone."""
        with duckdb.connect() as connection:
            for name, sql in self.models().items():
                space, _, table = name.partition(".")
                connection.execute(f"CREATE SCHEMA IF NOT EXISTS {space}")
                text = sql.replace("'raw/*.csv'", f"'{root}/raw/*.csv'")
                connection.execute(f"CREATE TABLE {space}.{table} AS {text}")
            return {name: sorted(connection.execute(f"FROM {name}").fetchall()) for name in TABLES}


@dataclass(frozen=True)
class Table:
    """A table's rows, and a number for the snapshot that holds them; of the environment's also production's then."""

    rows: Rows
    version: int
    base: int = 0


class Sequences(RuleBasedStateMachine):
    """Production, one environment, and what both must show."""

    def __init__(self) -> None:
        super().__init__()
        self.root = Path(tempfile.mkdtemp(prefix="lakeorch-env-"))
        (self.root / "raw").mkdir()
        for space in ("raw", "core", "marts"):
            (self.root / "models" / space).mkdir(parents=True)
        self.site = Site(self.root / "models")
        self.code = Code()
        self.files = 0
        self.versions = 0
        self.production: dict[str, Table] = {}
        self.own: dict[str, Table] = {}
        self.past: list[tuple[str, dict[str, Table]]] = []

    def teardown(self) -> None:
        shutil.rmtree(self.root)

    # ---- what must be ----

    def shown(self) -> dict[str, Table]:
        """Of the environment: its own where production has not moved since."""
        live = {name: own for name, own in self.own.items() if own.base == self.production[name].version}
        return {**self.production, **live}

    def changed(self, before: Mapping[str, Table]) -> dict[str, Table]:
        """The tables whose rows a run makes others."""
        found = {}
        for name, rows in self.code.rows(self.root).items():
            if name not in before or before[name].rows != rows:
                self.versions += 1
                found[name] = Table(
                    rows, self.versions, self.production[name].version if name in self.production else 0
                )
        return found

    # ---- what is done ----

    @initialize()
    def begin(self) -> None:
        self.more(3)
        self.save()
        self.run()

    def save(self) -> None:
        for name, text in self.code.models().items():
            self.site.edit(name, text)

    @rule(amount=st.integers(1, 9))
    def more(self, amount: int) -> None:
        self.files += 1
        self.site.write(f"raw/{self.files}.csv", f"id,amount\n{self.files},{amount}\n")

    @rule(code=st.builds(Code, st.integers(1, 3), st.sampled_from([0, 10]), st.booleans()))
    def edit(self, code: Code) -> None:
        self.code = code
        self.save()

    @rule()
    def run(self) -> None:
        result = self.site.production.run(unpin=True)
        self.published(result.run_id, self.changed(self.production))

    def published(self, run_id: str, made: Mapping[str, Table]) -> None:
        if made:
            self.past.append((run_id, self.production))
            self.production = {**self.production, **made}

    @rule()
    def run_in_dev(self) -> None:
        self.site.dev.run()
        self.own |= self.changed(self.shown())

    @precondition(lambda self: self.own)
    @rule()
    def promote(self) -> None:
        before = self.site.parquet()
        must = self.changed(self.shown())
        found = self.site.production.promote("dev")
        live = {name for name, table in self.shown().items() if name in self.own and table is self.own[name]}
        assert found.status in {"promoted", "nothing to do"}
        if found.status == "nothing to do":
            assert not live
            return
        if not must:
            assert (found.recomputed, self.site.parquet()) == (0, before)
        made = {name: self.own[name] for name in live} | must
        made = {name: table for name, table in made.items() if table.rows != self.production[name].rows or name in live}
        self.published(found.run_id, made)
        self.own = {}
        assert self.site.tables(DEV) == {}
        assert self.site.production.run().status == "nothing to do"

    @precondition(lambda self: self.own)
    @rule()
    def drop(self) -> None:
        self.site.production.drop_environment("dev")
        self.own = {}

    @precondition(lambda self: len(self.past) > 1)
    @rule()
    def take_back(self) -> None:
        run_id, before = self.past.pop()
        self.site.production.rollback(run_id)
        self.production = before

    # ---- what is seen ----

    @invariant()
    def everybody_sees_what_must_be(self) -> None:
        for name, table in self.production.items():
            assert self.site.rows(name) == table.rows == self.site.foreign(name), name
        if self.own:
            for name, table in self.shown().items():
                assert self.site.rows(name, "dev") == table.rows, name


def test_any_sequence() -> None:
    run_state_machine_as_test(
        Sequences,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=8,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
