"""The time to publish one row more of a table with a long history: draft, write, stage, record, publish.

The history is made by lakeorch, one row and one snapshot at a time; pyiceberg then appends a row of its own to the same
table, in turns with lakeorch.

    python benchmarks/one_row.py            # tables with 10 and with 1,000 snapshots
    python benchmarks/one_row.py --quick    # 10 and 200
"""

from __future__ import annotations

import argparse
import itertools
import tempfile
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
from measure import about, beside, medians, told
from pyiceberg.catalog.sql import SqlCatalog

from lakeorch import plugins
from lakeorch.engines import Engine, Target
from lakeorch.lake import Lake, Record
from lakeorch.model import Column, Verdict

NAME = "marts.orders"
COLUMNS = (Column("id", "long"), Column("day", "date"), Column("price", "decimal(18,2)"), Column("note", "string"))
ROW = "SELECT {n}::BIGINT AS id, DATE '2026-01-01' AS day, 1.5::DECIMAL(18,2) AS price, 'a note' AS note"
LIMITS = {10: 0.025, 1_000: 0.08}
TURNS = 5


def ours(lake: Lake, engine: Engine, folder: Path) -> Callable[[], None]:
    """Publishes another row, as a run's step does."""
    numbers = itertools.count(1)

    def publish() -> None:
        number = next(numbers)
        draft = lake.draft(NAME, COLUMNS, full=False)
        with engine.session((), {}, str(folder)) as session:
            paths = session.write(ROW.format(n=number), Target(draft.directory, f"run{number}", draft.fields))
        staged = lake.stage(draft, paths, mode="append", summary={}, properties={}, key=f"key{number}")
        lake.record(Record(staged.key, NAME, staged, Verdict()))
        lake.publish([staged], f"run{number}")

    return publish


def stock(folder: Path) -> Callable[[], None]:
    """Appends a row to the same table by pyiceberg alone."""
    catalog = SqlCatalog("lakeorch", uri=f"sqlite:///{folder}/catalog.db", warehouse=str(folder))
    types = {"id": pa.int64(), "day": pa.date32(), "price": pa.decimal128(18, 2), "note": pa.string()}
    values = {"id": 1, "day": date(2026, 1, 1), "price": Decimal("1.50"), "note": "a note"}
    row = pa.table({name: pa.array([values[name]], type) for name, type in types.items()})
    return lambda: catalog.load_table(NAME).append(row)


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a shorter history")
    parser.add_argument("--snapshots", type=int, nargs="*", help="lengths of history")
    given = parser.parse_args()
    about()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        lake = Lake.open(f"sqlite:///{folder}/catalog.db", str(folder), create=True)
        engine: Engine = vars(plugins.load("engines", "duckdb"))["engine"](2)
        publish, append, made = ours(lake, engine, folder), stock(folder), 0
        for length in given.snapshots or ((10, 200) if given.quick else (10, 1_000)):
            for _ in range(length - made):
                publish()
            took = medians({"ours": publish, "pyiceberg": append}, TURNS)
            made = length + 2 * TURNS
            told(f"one row more, {length:,} snapshots", took["ours"], LIMITS.get(length, 0.08), "ms")
            beside("the same", {"pyiceberg": took["pyiceberg"]}, took["ours"])
        lake.close()
        engine.close()


if __name__ == "__main__":
    main()
