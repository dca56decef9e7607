"""What an order of rows within partitions costs: a model with `partition_by` and `sort_by` beside one without order.

TPC-H lineitem, made by tpchgen-cli, in partitions by year (7), by day of the year (366) and by day (2,526). COPY by
partitions gives the order up in some files, and those are written again: the larger the partitions, the more of them.
Whole processes; processor time is what to compare.

    python benchmarks/sorted.py            # scale factor 2: 12,000,000 rows
    python benchmarks/sorted.py --quick    # scale factor 0.2, once: under a minute
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from measure import Work, about, costs
from tpch import anew, generate

PARTITIONS = {"7 years": "year(l_shipdate)", "366 days of a year": "day_of_year", "2,526 days": "day(l_shipdate)"}
ORDERS = {"no order": "", "in order": "sort_by: [l_extendedprice, l_orderkey]\n"}
QUERY = "SELECT *, dayofyear(l_shipdate)::INTEGER AS day_of_year FROM read_parquet('{raw}')\n"


def project(root: Path, raw: Path, partition: str, order: str) -> Path:
    """A project of one model; returns its folder of models."""
    model = root / "models" / "raw" / "lineitem.sql"
    model.parent.mkdir(parents=True)
    model.write_text(f"/* ---\npartition_by: [{partition}]\n{order}--- */\n" + QUERY.format(raw=raw))
    (root / "lakeorch.yml").write_text("models: models\n")
    return root / "models"


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="scale factor 0.2, once")
    parser.add_argument("--scale", type=float, default=2.0)
    parser.add_argument("--turns", type=int, default=3)
    given = parser.parse_args()
    scale, turns = (0.2, 1) if given.quick else (given.scale, given.turns)
    about()
    with tempfile.TemporaryDirectory() as name:
        raw = generate(scale, Path(name) / "data", ("lineitem",)) / "lineitem.parquet"
        works: dict[str, Work] = {}
        for number, (what, partition) in enumerate(PARTITIONS.items()):
            for word, order in ORDERS.items():
                root = Path(name) / f"{number} {word}"
                models = project(root, raw, partition, order)
                clear = anew(root, "models", "lakeorch.yml")
                works[f"{what}, {word}"] = Work((sys.executable, "-m", "lakeorch", "run", models), clear)
        took = costs(works, turns)
    print(f"TPC-H lineitem, scale factor {scale:g}, {turns} turns: wall, processors, memory")
    for what, cost in took.items():
        bare = took[f"{what.rpartition(', ')[0]}, no order"]
        print(f"{what:<30} {cost}   {cost.cpu / bare.cpu:.2f} × the processor time")


if __name__ == "__main__":
    main()
