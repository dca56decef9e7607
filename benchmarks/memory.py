"""The peak of memory of a model that copies a large table, beside DuckDB's COPY alone and pyiceberg's append.

TPC-H lineitem, made by tpchgen-cli. Whole processes, each with and without a limit of 1 GB for the engine (`memory:
1GB` in `lakeorch.yml`, DuckDB's `memory_limit`). pyiceberg has no such limit and holds the whole table (about 2 GB for
each unit of the scale factor), so it takes part up to scale factor 1. The peak is the operating system's own account of
the largest resident set.

    python benchmarks/memory.py            # scale factor 10: 60,000,000 rows
    python benchmarks/memory.py --quick    # scale factor 1
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from measure import Work, about, costs
from tpch import anew, generate

GOAL = 1.15
LIMIT = "1GB"
COPY = """
import sys, duckdb
raw, out, limit = sys.argv[1:]
config = {"threads": 2, "temp_directory": out, "preserve_insertion_order": "false"}
with duckdb.connect(config=config | ({"memory_limit": limit} if limit else {})) as connection:
    connection.execute(f"COPY (FROM read_parquet('{raw}')) TO '{out}/t.parquet' (FORMAT parquet, COMPRESSION zstd)")
"""
APPEND = """
import sys
import pyarrow.parquet as pq
from pyiceberg.catalog.sql import SqlCatalog
raw, out = sys.argv[1:]
catalog = SqlCatalog("c", uri=f"sqlite:///{out}/c.db", warehouse=out)
catalog.create_namespace("n")
rows = pq.read_table(raw)
catalog.create_table("n.t", schema=rows.schema).append(rows)
"""


def project(root: Path, raw: Path, limit: str) -> Path:
    """A project of one model; returns its folder of models."""
    model = root / "models" / "raw" / "lineitem.sql"
    model.parent.mkdir(parents=True)
    model.write_text(f"FROM read_parquet('{raw}')\n")
    (root / "lakeorch.yml").write_text(f"models: models\nmemory: {limit}\n" if limit else "models: models\n")
    return root / "models"


def main() -> int:
    """Measures and prints; returns 1 where the goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="scale factor 1: under a minute")
    parser.add_argument("--scale", type=float, default=10.0)
    parser.add_argument("--turns", type=int, default=3)
    given = parser.parse_args()
    scale, turns = (1.0, 1) if given.quick else (given.scale, given.turns)
    about()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        raw = generate(scale, folder / "data", ("lineitem",)) / "lineitem.parquet"
        works: dict[str, Work] = {}
        for limit in ("", LIMIT):
            told = f", at most {limit}" if limit else ""
            out, root = folder / f"copy{limit}", folder / f"ours{limit}"
            models = project(root, raw, limit)
            kept = ("models", "lakeorch.yml")
            works[f"DuckDB's COPY{told}"] = Work((sys.executable, "-c", COPY, raw, out, limit), anew(out))
            works[f"lakeorch run{told}"] = Work((sys.executable, "-m", "lakeorch", "run", models), anew(root, *kept))
        if scale <= 1:
            out = folder / "append"
            works["pyiceberg append"] = Work((sys.executable, "-c", APPEND, raw, out), anew(out))
        took = costs(works, turns)
    print(f"TPC-H lineitem, scale factor {scale:g}, {turns} turns")
    missed = False
    for what, cost in took.items():
        bare = took[f"DuckDB's COPY, at most {LIMIT}" if LIMIT in what else "DuckDB's COPY"]
        ratio = cost.memory / bare.memory
        missed |= what.startswith("lakeorch") and ratio > GOAL
        print(f"{what:<28} {cost}   {ratio:.2f} × the memory of COPY")
    print(f"goal: {GOAL:.2f} ×")
    return int(missed and scale >= 10)


if __name__ == "__main__":
    sys.exit(main())
