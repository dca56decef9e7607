"""Many writers at once: processes that run overlapping parts of one project on one catalog.

Each run brings one raw file and asks for a part of the project, drawn at random: an append model that all share, a
merge and a table over it, a model of the writer's own. What a run acknowledged must then be there, once, also in what
was made of it; a program of its own appends to the shared table too, by pyiceberg alone, and none of its rows may be
lost. Prints what was shown to users (there must be no error), and the runs per minute beside those of one writer that
has the catalog to itself and makes as many runs.

    python benchmarks/writers.py                        # 8 processes x 50 runs, SQLite
    python benchmarks/writers.py --quick                # 4 processes x 4 runs
    python benchmarks/writers.py --catalog postgresql://user@localhost/lake
"""

from __future__ import annotations

import argparse
import multiprocessing
import random
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from lakeorch import LakeorchError, Project

SHARED = {
    "staging/events.sql": (
        "/* ---\nmaterialized: append\nchecks: [{unique: [id]}]\n--- */\nFROM read_csv('raw/*.csv')\n"
    ),
    "marts/latest.sql": (
        "/* ---\nmaterialized: merge\nunique_key: [writer]\n--- */\n"
        "SELECT writer, max(id) AS id, max(amount) AS amount FROM staging.events GROUP BY writer\n"
    ),
    "marts/totals.sql": (
        "/* ---\nchecks: [{unique: [writer]}, not_null: [writer]]\n--- */\n"
        "SELECT writer, count(*) AS n, sum(amount) AS amount FROM staging.events GROUP BY writer\n"
    ),
}
ROWS = 5
FOREIGN = 99
ASKED = ((), ("staging.events",), ("+marts.totals",), ("+marts.latest",), ("+marts.totals", "+marts.latest"))


@dataclass
class Told:
    """What one writer saw.

    Attributes:
        acknowledged: ids whose run said that they are published.
        errors: what was shown to the user.
        statuses: how its runs ended.
    """

    acknowledged: list[int] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    statuses: Counter[str] = field(default_factory=Counter)


def make(root: Path, catalog: str, writers: int) -> Path:
    """The project; returns its folder of models."""
    folder = root / "models"
    (root / "raw").mkdir(parents=True)
    settings = f"catalog: {catalog}\nwarehouse: warehouse\n" if catalog else "name: writers\n"
    (root / "lakeorch.yml").write_text(settings)
    for name, text in SHARED.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    (folder / "own").mkdir()
    for writer in range(writers):
        text = f"SELECT writer, count(*) AS n FROM staging.events WHERE writer = {writer} GROUP BY writer\n"
        (folder / f"own/w{writer}.sql").write_text(text)
    bring(root, writers, 0)
    return folder


def bring(root: Path, writer: int, turn: int) -> list[int]:
    """A raw file that is there as a whole or not at all; returns its ids."""
    ids = [(writer * 100_000 + turn) * ROWS + row for row in range(ROWS)]
    text = "id,writer,amount\n" + "".join(f"{id},{writer},{id % 97}\n" for id in ids)
    beside = root / f"{writer}-{turn}.tmp"
    beside.write_text(text)
    beside.replace(root / f"raw/{writer:02}-{turn:05}.csv")
    return ids


def write(folder: Path, writer: int, runs: int) -> Told:
    """One writer's runs, each over another part of the project."""
    told, chance = Told(), random.Random(writer)
    for turn in range(runs):
        ids = bring(folder.parent, writer, turn + 1)
        shared = chance.choice(ASKED)
        try:
            result = Project(folder, threads=1).run((*shared, f"+own.w{writer}") if shared else ())
        except LakeorchError as error:
            told.errors.append(f"{type(error).__name__}: {error.message}")
            continue
        told.statuses[result.status] += 1
        if result.status in {"published", "nothing to do"}:
            told.acknowledged += ids
        told.errors += [f"{o.model}: {o.error or o.reason}" for o in result.outcomes if o.action in {"failed", "held"}]
    return told


def append(folder: Path, commits: int) -> list[int]:
    """Another program: appends to the shared table by pyiceberg, as anyone may; returns the ids that it committed."""
    from pyiceberg.catalog import load_catalog
    from pyiceberg.exceptions import CommitFailedException

    config = Project(folder).config
    uri = config.catalog.replace("postgresql://", "postgresql+psycopg://")
    # to a server, a warehouse is one of its own
    place = {} if uri.startswith("http") else {"warehouse": config.warehouse}
    catalog = load_catalog("lakeorch", uri=uri, **place)
    ids: list[int] = []
    for turn in range(commits):
        id = (FOREIGN * 100_000 + turn) * ROWS
        table = catalog.load_table("staging.events")
        rows = pa.table({"id": [id], "writer": [FOREIGN], "amount": [1]}).cast(table.schema().as_arrow())
        try:
            table.append(rows)
        except CommitFailedException:
            continue  # it lost the race, and knows: nothing of it may be there
        ids.append(id)
        time.sleep(0.05)
    return ids


def check(folder: Path, acknowledged: list[int]) -> list[str]:
    """What is wrong with the tables after all runs; empty when every acknowledged row is there once."""
    project = Project(folder)
    final = project.run()
    wrong = [] if final.status in {"published", "nothing to do"} else [f"the last run ended {final.status}"]
    found = Counter(project.query("SELECT id FROM staging.events").read_all().column("id").to_pylist())
    lost = set(acknowledged) - found.keys()
    doubled = [id for id, times in found.items() if times > 1]
    wrong += [f"{len(lost)} acknowledged rows are lost"] if lost else []
    wrong += [f"{len(doubled)} rows are there twice"] if doubled else []
    compare = """
        SELECT count(*) FROM (SELECT writer, count(*) AS n, sum(amount) AS amount FROM staging.events GROUP BY writer) a
        FULL JOIN marts.totals b USING (writer)
        FULL JOIN marts.latest c USING (writer)
        WHERE (a.n, a.amount) IS DISTINCT FROM (b.n, b.amount)
           OR c.id IS DISTINCT FROM (SELECT max(id) FROM staging.events e WHERE e.writer = coalesce(a.writer, c.writer))
    """
    differing = project.query(compare).read_all().column(0)[0].as_py()
    return [*wrong, *([f"{differing} rows of the marts are not what their query yields"] if differing else [])]


def trial(folder: Path, writers: int, runs: int, foreign: int) -> tuple[float, list[Told], list[str]]:
    """All writers at once: the seconds that they took, what each saw, and what is wrong afterwards."""
    Project(folder).run()
    with multiprocessing.get_context("spawn").Pool(writers + 1) as pool:
        pool.map(len, [[]] * (writers + 1))  # the processes are there, and have their imports
        started = time.perf_counter()
        other = pool.apply_async(append, (folder, foreign))
        told = pool.starmap(write, [(folder, writer, runs) for writer in range(writers)], chunksize=1)
        seconds = time.perf_counter() - started
        foreign_ids = other.get()
    acknowledged = [id for each in told for id in each.acknowledged]
    return seconds, told, check(folder, acknowledged + foreign_ids)


def main() -> int:
    """Runs the benchmark; returns 1 where a row was lost or doubled, or an error was shown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="4 processes x 4 runs")
    parser.add_argument("--catalog", default="", help="URI of an empty catalog database; SQLite by default")
    parser.add_argument("--runs", type=int, default=50, help="of each process; 50 by default")
    given = parser.parse_args()
    writers, runs = (4, 4) if given.quick else (8, given.runs)
    with tempfile.TemporaryDirectory() as scratch:
        alone_s, _, _ = trial(make(Path(scratch) / "alone", "", 1), 1, writers * runs, 0)
        alone = writers * runs / alone_s * 60
        seconds, told, wrong = trial(make(Path(scratch) / "all", given.catalog, writers), writers, runs, runs)
    errors = [error for each in told for error in each.errors]
    statuses = sum((each.statuses for each in told), Counter())
    rows = sum(len(each.acknowledged) for each in told)
    print(f"{writers} processes x {runs} runs in {seconds:.1f} s: {dict(statuses)}")
    print(f"{rows:,} rows acknowledged; errors shown: {len(errors)}; wrong afterwards: {len(wrong)}")
    print(f"{writers * runs / seconds * 60:.0f} runs a minute; one writer alone on SQLite: {alone:.0f}")
    print(f"ratio {writers * runs / seconds * 60 / alone:.2f}")
    for line in [*dict.fromkeys(errors), *wrong][:20]:
        print(f"  {line}")
    return int(bool(errors or wrong))


if __name__ == "__main__":
    sys.exit(main())
