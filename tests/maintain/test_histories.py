"""Random histories with maintenance in between: what is kept reads the same, what goes is not missed.

`LAKEORCH_HISTORIES=n` tries n of them; a history is named by its number, so that it can be told again.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lakeorch.errors import UsageError
from tests.faults.calls import CAN, Fault
from tests.faults.forks import Forks

from .ledger import Ledger

HISTORIES = int(os.environ.get("LAKEORCH_HISTORIES", "2"))
STEPS = 14
KEPT = 3
LATEST = "SELECT what, max(id) AS id FROM a.log GROUP BY ALL"
MODELS = {
    "a/log": "/* ---\nmaterialized: append\n--- */\nSELECT id, what FROM read_csv('raw/*.csv')",
    "a/copy": "/* ---\nmaterialized: append\n--- */\nSELECT id, what FROM a.log",
    "a/last": f"/* ---\nmaterialized: merge\nunique_key: [what]\n--- */\n{LATEST}",
    "a/seen": f"/* ---\nmaterialized: history\nunique_key: [what]\n--- */\n{LATEST}",
    "a/total": "/* ---\ncolumns: {id: {checks: [{max: LIMIT}]}}\n--- */\n"
    "SELECT what, sum(id)::BIGINT AS id FROM a.log GROUP BY ALL",
}
TABLES = ("log", "copy", "last", "seen", "total")
QUERY = " UNION ALL ".join(f"SELECT '{name}' AS t, id, what FROM a.{name}" for name in TABLES)


class History:
    """One lake and what is known of it.

    Attributes:
        rows: run or tag → the rows that all tables had then.
    """

    def __init__(self, root: Path, seed: int, forks: Forks) -> None:
        self.root = root
        self.pick = random.Random(seed)
        self.forks = forks
        self.ledger = Ledger(root)
        self.number = 0
        self.rows: dict[str, list[str]] = {}
        self.told: list[str] = []
        (root / "raw").mkdir(parents=True)
        (root / "lakeorch.yml").write_text(f"models: models\nkeep_for: 1s\nkeep_snapshots: {KEPT}\n")
        self.models(1000)
        self.add()

    def models(self, limit: int) -> None:
        """Writes the models; rows of `total` above the limit fail its check."""
        for name, text in MODELS.items():
            path = self.root / f"models/{name}.sql"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text.replace("LIMIT", str(limit)))

    def now(self, at: str | None = None) -> list[str]:
        """The rows of all tables."""
        return sorted(map(str, self.ledger.project().query(QUERY, at=at).read_all().to_pylist()))

    # ---- steps ----

    def file(self) -> None:
        """One more raw file."""
        self.number += 1
        (self.root / f"raw/{self.number}.csv").write_text(f"id,what\n{self.number},x{self.pick.randrange(3)}\n")

    def add(self) -> None:
        """A run over one more file."""
        self.file()
        self.run()

    def run(self) -> None:
        """A run; what it published is remembered."""
        result = self.ledger.project().run(unpin=True)
        if result.status == "published" and result.run_id in {run.run_id for run in self.ledger.project().runs()}:
            self.rows[result.run_id] = self.now()

    def reject(self) -> None:
        """A run whose last table does not pass its check, and that publishes nothing."""
        self.file()
        self.models(0)
        assert self.ledger.project().run(unpin=True).status == "failed"
        if self.pick.random() < 0.5:
            self.models(1000)
            self.run()

    def tag(self) -> None:
        """Tags what is current."""
        name = f"tag{self.number}"
        self.ledger.project().tag(name, force=True)
        self.rows[name] = self.now()

    def untag(self) -> None:
        """Takes a tag away."""
        for tag in self.ledger.project().tags()[:1]:
            self.ledger.project().untag(tag.name)
            self.rows.pop(tag.name)

    def back(self) -> None:
        """Goes back to a state that is kept."""
        readable = [at for at, rows in self.rows.items() if self.readable(at) == rows]
        if readable:
            at = self.pick.choice(readable)
            self.ledger.project().rollback(to=at)
            assert self.now() == self.rows[at], at

    def killed(self) -> None:
        """A run that dies somewhere."""
        self.file()
        self.forks.work(self.job("run", Fault("kill", self.pick.randrange(1, 120))))

    def maintained(self) -> None:
        """Maintenance, that may die somewhere; then nothing is too much or too little."""
        before = self.now()
        if self.pick.random() < 0.5:
            kind = self.pick.choice(list(CAN))
            self.forks.work(self.job("maintain", Fault(kind, self.pick.randrange(1, 150))))
            assert self.ledger.missing() == set()
            assert self.now() == before
        self.bury()
        time.sleep(1.05)
        self.ledger.project().maintain(grace="0")
        assert self.ledger.missing() == set()
        assert self.now() == before
        left = self.ledger.unaccounted() - self.waiting()
        assert left == set()
        for at, rows in list(self.rows.items()):
            seen = self.readable(at)
            assert seen in (None, rows), at
            if seen is None:
                assert not at.startswith("tag"), at
                self.rows.pop(at)

    def readable(self, at: str) -> list[str] | None:
        """The rows at a state, None where it has expired."""
        try:
            return self.now(at)
        except UsageError:
            return None

    def waiting(self) -> set[str]:
        """Files of steps that the next run may take up: what their records name, by way of their manifest lists."""
        from lakeorch.lake.upkeep.reach import Reach

        with self.ledger.project().wiring.lake(create=False) as lake:
            keys = [path.stem for path in (self.ledger.warehouse / "_lakeorch/staged").glob("*.json")]
            reach = Reach()
            for record in filter(None, map(lake.recall, keys)):
                if record.staged is not None and record.staged.snapshot is not None:
                    reach.snapshots(record.staged.io, [record.staged.snapshot])
                reach.files.add(record.kept_at)
        return reach.files

    def bury(self) -> None:
        """Makes the leases of dead runs an hour old."""
        for path in (self.ledger.warehouse / "_lakeorch/runs").glob("*.json"):
            path.write_text(json.dumps({**json.loads(path.read_text()), "touched": 0.0}))

    def job(self, command: str, fault: Fault) -> dict[str, object]:
        """A command with a fault, for a process of its own."""
        facts = {"kind": fault.kind, "at": fault.at}
        return {"do": "run", "folder": str(self.ledger.folder), "command": (command,), **facts}

    def play(self) -> None:
        """All steps, and an end in which everything comes right."""
        steps = [
            self.add,
            self.add,
            self.add,
            self.reject,
            self.tag,
            self.untag,
            self.back,
            self.killed,
            self.maintained,
        ]
        for _ in range(STEPS):
            step = self.pick.choice([*steps, self.maintained])
            self.told.append(step.__name__)
            step()
        self.models(1000)
        self.ledger.project().run(unpin=True)
        self.maintained()
        assert self.ledger.project().run(unpin=True).status in {"nothing to do", "failed"}


@pytest.fixture(scope="module")
def forks() -> Iterator[Forks]:
    with Forks() as found:
        yield found


@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", range(HISTORIES))
def test_a_random_history(seed: int, forks: Forks, tmp_path: Path) -> None:
    history = History(tmp_path / "lake", seed, forks)
    try:
        history.play()
    except BaseException as error:
        error.add_note(f"history {seed}: {history.told}")
        raise
    shutil.rmtree(tmp_path / "lake")
