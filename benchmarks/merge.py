"""A merge of changed rows into a large table, beside the bare join and COPY of the same rows.

A model with `materialized: merge` has 10,000,000 rows (its key, a day, two numbers, a text); then a file comes with
1,000,000 rows, nine in ten of which are changes all over the table and the others new. What is timed is the `lakeorch
run` that takes them in: staging the new rows, checking that their key is unique, finding and rewriting the files that
they touch, committing. Beside it a DuckDB script does no more than the work: it reads old and new rows, joins them by
key and writes the table's rows anew. pyiceberg's `upsert` is timed where it ends in a reasonable time, at a
tenth of both. Whole processes, medians of turns that alternate.

    python benchmarks/merge.py            # 1,000,000 rows into 10,000,000
    python benchmarks/merge.py --quick    # a tenth of both, without pyiceberg
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

import duckdb
from measure import Work, about, costs, lakeorch, run

GOAL = 1.3
MADE = ("warehouse", ".lakeorch")
MODEL = """/* ---
materialized: merge
unique_key: [id]
--- */
FROM read_parquet('raw/*.parquet')
"""
ROWS = """SELECT {id} AS id, DATE '2025-01-01' + ({id} % 365)::INTEGER AS day, hash({id}, {seed}) % 100000 AS amount,
    (hash({id}, {seed}) % 1000)::DOUBLE / 7 AS share, 'customer ' || ({id} % 50000) AS customer
    FROM range({rows}) t(x)"""
BARE = """
import sys, duckdb, glob
old, new, out = sys.argv[1:]
with duckdb.connect(config={"threads": 2, "temp_directory": out}) as connection:
    connection.execute("SET preserve_insertion_order = false")
    old = f"read_parquet('{old}/**/*.parquet')"
    new = f"read_parquet('{new}')"
    connection.execute(f"COPY (SELECT * FROM {old} o ANTI JOIN {new} n USING (id) UNION ALL SELECT * FROM {new}) "
        f"TO '{out}' (FORMAT parquet, COMPRESSION zstd, FILE_SIZE_BYTES '512MB')")
"""
UPSERT = """
import sys
import pyarrow.parquet as pq
from pyiceberg.catalog.sql import SqlCatalog
folder, old, new = sys.argv[1:]
catalog = SqlCatalog("c", uri=f"sqlite:///{folder}/c.db", warehouse=folder)
catalog.create_namespace("n")
rows = pq.read_table(old)
table = catalog.create_table("n.t", schema=rows.schema)
table.append(rows)
import time
began = time.perf_counter()
table.upsert(pq.read_table(new), join_cols=["id"])
print(time.perf_counter() - began)
"""


def rows(file: Path, count: int, id: str, seed: int) -> Path:
    """Writes a file of rows."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with duckdb.connect() as connection:
        query = ROWS.format(id=id, seed=seed, rows=count)
        connection.execute(f"COPY ({query}) TO '{file}' (FORMAT parquet, COMPRESSION zstd)")
    return file


def changed(file: Path, count: int, of: int) -> Path:
    """Nine in ten of the rows have a key that is there, spread over the table; the others are new."""
    return rows(file, count, f"CASE WHEN x % 10 < 9 THEN x * {of // count} ELSE {of} + x END", 2)


def restored(kept: Path, root: Path, new: Path) -> None:
    """The project as it was before the new rows, which lie there now."""
    for name in MADE:
        shutil.rmtree(root / name, ignore_errors=True)
        shutil.copytree(kept / name, root / name)
    shutil.copy(new, root / "raw" / "new.parquet")


def emptied(folder: Path) -> None:
    """An empty folder."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()


def upsert(folder: Path, old: int, new: int) -> None:
    """Prints what pyiceberg takes."""
    before, after = rows(folder / "few.parquet", old, "x", 1), changed(folder / "few_new.parquet", new, old)
    emptied(folder / "pyiceberg")
    seconds = float(run(sys.executable, "-c", UPSERT, folder / "pyiceberg", before, after).split()[-1])
    root = project(folder / "few", before)
    shutil.copy(after, root / "raw" / "new.parquet")
    ours = costs({"ours": Work((sys.executable, "-m", "lakeorch", "run", root / "models"))}, 1)["ours"]
    print(f"pyiceberg upsert, {new:,} rows into {old:,}: {seconds:.1f} s, without its start")
    print(f"lakeorch run, the same:     {ours.wall:.1f} s, with its start: pyiceberg takes {seconds / ours.wall:.1f} ×")


def project(root: Path, first: Path) -> Path:
    """A project at `root` that has taken in a first file."""
    (root / "models" / "a").mkdir(parents=True)
    (root / "models" / "a" / "t.sql").write_text(MODEL)
    (root / "raw").mkdir()
    shutil.copy(first, root / "raw" / "first.parquet")
    lakeorch("run", root / "models")()
    return root


def main() -> int:
    """Measures and prints; returns 1 where the goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a tenth of the rows, without pyiceberg: under a minute")
    parser.add_argument("--turns", type=int, default=3)
    given = parser.parse_args()
    old, new = (1_000_000, 100_000) if given.quick else (10_000_000, 1_000_000)
    about()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        first, second = rows(folder / "first.parquet", old, "x", 1), changed(folder / "second.parquet", new, old)
        root, kept, out = project(folder / "ours", first), folder / "kept", folder / "bare"
        for made in MADE:
            shutil.copytree(root / made, kept / made)
        data = kept / "warehouse" / "a" / "t" / "data"
        acts = {
            "lakeorch": Work(
                (sys.executable, "-m", "lakeorch", "run", root / "models"), lambda: restored(kept, root, second)
            ),
            "bare": Work((sys.executable, "-c", BARE, data, second, out), lambda: emptied(out)),
        }
        took = costs(acts, given.turns)
        with duckdb.connect() as connection:
            [found, wanted] = (
                connection.execute(f"SELECT count(*), sum(hash(t)) FROM read_parquet({files}) t").fetchone()
                for files in (live(root), [str(path) for path in out.glob("*.parquet")])
            )
        assert found == wanted, (found, wanted)
        ours, bare = took["lakeorch"], took["bare"]
        print(f"{new:,} rows into {old:,}")
        for tool, cost in (("bare join and COPY", bare), ("lakeorch run", ours)):
            ratios = f"{cost.wall / bare.wall:.2f} × wall, {cost.cpu / bare.cpu:.2f} × processor"
            print(f"{tool:<24} {cost}   {ratios}")
        print(f"goal: {GOAL:g} × wall")
        if not given.quick:
            upsert(folder, old // 10, new // 10)
    return int(ours.wall > GOAL * bare.wall and not given.quick)


def live(root: Path) -> list[str]:
    """The data files of the table now."""
    from lakeorch import Project

    with Project(root / "models").wiring.lake(create=False) as lake:
        return list(lake.scan("a.t").paths)


if __name__ == "__main__":
    sys.exit(main())
