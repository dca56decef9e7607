"""The time of `lakeorch diff` beside a full outer join of the same two versions in bare DuckDB.

TPC-H orders, made by tpchgen-cli; in the second version every hundredth row has another price. Both are published by
lakeorch as tables, the join reads their very files. Prints the ratio of the best times; the limit, at SF 1, is 2.

    python benchmarks/diff.py            # SF 1: 1,500,000 rows
    python benchmarks/diff.py --quick    # SF 0.1, where what a command costs at all counts for more
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import duckdb

from lakeorch import Project

LIMIT = 2.0
TURNS = 5
MODEL = "/* ---\nchecks: [{unique: [o_orderkey]}]\n--- */\nFROM read_parquet('raw/orders.parquet')\n"
CHANGED = "o_orderkey % 100 = 1"


def versions(root: Path, scale: float, threads: int) -> Project:
    """A project whose table `marts.orders` has two versions."""
    tool = shutil.which("tpchgen-cli", path=Path(sys.executable).parent) or shutil.which("tpchgen-cli")
    if tool is None:
        sys.exit("tpchgen-cli is missing: pip install 'lakeorch[dev]'")
    command = [tool, "parquet", "-s", str(scale), "--tables=orders", f"--output-dir={root / 'raw'}"]
    subprocess.run(command, check=True, capture_output=True)
    model = root / "models/marts/orders.sql"
    model.parent.mkdir(parents=True)
    model.write_text(MODEL)
    project = Project(root / "models", threads=threads)
    assert project.run().status == "published"
    raw, new = root / "raw/orders.parquet", root / "raw/new.parquet"
    price = f"CASE WHEN {CHANGED} THEN o_totalprice + 1 ELSE o_totalprice END"
    with duckdb.connect() as connection:
        connection.execute(f"COPY (SELECT * REPLACE ({price} AS o_totalprice) FROM '{raw}') TO '{new}'")
    new.replace(raw)
    assert project.run().status == "published"
    return project


def files(project: Project) -> list[list[str]]:
    """The data files of the two versions, the older first."""
    with project.wiring.lake(create=False) as lake:
        history = project.history("marts.orders")
        return [list(lake.scan("marts.orders", version.snapshot_id).paths) for version in reversed(history)]


def best(of: dict[str, Callable[[], object]]) -> dict[str, float]:
    """The best time of each, taken in turns: what else the machine does then hits all alike."""
    times: dict[str, list[float]] = {name: [] for name in of}
    for _ in range(TURNS):
        for name, act in of.items():
            started = time.perf_counter()
            act()
            times[name].append(time.perf_counter() - started)
    return {name: min(taken) for name, taken in times.items()}


def main() -> int:
    """Runs the benchmark; returns 1 where the ratio at SF 1 is over the limit."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="SF 0.1 in place of SF 1")
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        project = versions(Path(folder), 0.1 if given.quick else 1, given.threads)
        before, after = files(project)
        found = project.diff("marts.orders")
        connection = duckdb.connect(config={"threads": str(given.threads)})
        [(rows, changed)] = connection.execute(
            f"SELECT count(*), count(*) FILTER ({CHANGED}) FROM read_parquet({before})"
        ).fetchall()
        assert (found.rows.changed, found.rows.added, found.rows.removed) == (changed, 0, 0)
        assert dict(found.rows.columns) == {"o_totalprice": changed}
        source = f"read_parquet({before}) a FULL OUTER JOIN read_parquet({after}) b ON a.o_orderkey = b.o_orderkey"
        names = [row[0] for row in connection.execute(f"DESCRIBE FROM read_parquet({before})").fetchall()]
        every = ", ".join(f"count({side}.{name})" for side in "ab" for name in names)
        times = best(
            {
                "join": lambda: connection.execute(f"SELECT {every} FROM {source}").fetchall(),
                "join of the keys alone": lambda: connection.execute(f"SELECT count(*) FROM {source}").fetchall(),
                "diff": lambda: project.diff("marts.orders"),
            }
        )
    print(f"{rows:,} rows, {changed:,} changed, {given.threads} threads, best of {TURNS}")
    print(f"full outer join in bare DuckDB, every column read  {times['join']:.3f} s")
    print(f"the same, keys alone                               {times['join of the keys alone']:.3f} s")
    print(f"lakeorch diff, samples and counts per column       {times['diff']:.3f} s")
    ratio = times["diff"] / times["join"]
    print(f"ratio {ratio:.2f}" + ("" if given.quick else f" (limit {LIMIT:g})"))
    return int(ratio > LIMIT and not given.quick)


if __name__ == "__main__":
    sys.exit(main())
