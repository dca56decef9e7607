"""What an environment costs, and what promoting it does: the sample project, and TPC-H with a changed core model.

Production is built; a model is changed and run in an environment; the environment is promoted. Printed are the bytes
that the environment wrote beside those of production, what a plain pyiceberg client saw of production before and after,
how many models the promotion computed, and its time as a process of its own beside that of the run in the environment.

    python benchmarks/promote.py            # TPC-H at scale factor 1
    python benchmarks/promote.py --quick    # at 0.05
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from measure import Time, about, lakeorch, run, timed, told
from pyiceberg.catalog.sql import SqlCatalog

ROOT = Path(__file__).parent.parent
GOAL_S = 2.0


@dataclass(frozen=True)
class Change:
    """An edit of one model's file."""

    file: str
    old: str
    new: str

    def make(self, models: Path) -> None:
        """Edits the file."""
        path = models / self.file
        text = path.read_text(encoding="utf-8")
        assert self.old in text, self.file
        path.write_text(text.replace(self.old, self.new), encoding="utf-8")


SAMPLE = Change("marts/daily_sales.sql", "count(DISTINCT receipt_no) AS receipts", "count(*) AS receipts")
TPCH = Change(
    "core/sales.sql",
    "l_receiptdate > l_commitdate AS is_late,",
    "l_receiptdate > l_commitdate + INTERVAL 1 DAY AS is_late,\n    l_shipdate AS shipped_on,",
)


def written(warehouse: Path) -> Mapping[str, int]:
    """Table → bytes of its data files, those of all versions together."""
    found: Counter[str] = Counter()
    for path in warehouse.rglob("*.parquet"):
        found[".".join(path.relative_to(warehouse).parts[:2])] += path.stat().st_size
    return found


def seen(warehouse: Path) -> Mapping[str, tuple[int, tuple[str, ...], int]]:
    """What another program sees of production: table → rows, columns, when `main` moved last."""
    catalog = SqlCatalog("lakeorch", uri=f"sqlite:///{warehouse / 'catalog.db'}", warehouse=str(warehouse))
    tables = [catalog.load_table(name) for space in catalog.list_namespaces() for name in catalog.list_tables(space)]
    found = {
        ".".join(table.name()): (
            sum(task.file.record_count for task in table.scan().plan_files()),
            tuple(table.schema().column_names),
            table.metadata.snapshot_log[-1].timestamp_ms,
        )
        for table in tables
    }
    catalog.engine.dispose()
    return found


def measured(what: str, models: Path, change: Change, options: tuple[str, ...] = ()) -> None:
    """Builds, changes, promotes, and prints."""
    warehouse = models.parent / "warehouse"
    lakeorch("run", models, *options)()
    size, before = written(warehouse), seen(warehouse)
    change.make(models)
    built: Time = timed(lakeorch("run", models, "--env", "dev", *options))
    more, meanwhile = Counter(written(warehouse)) - Counter(size), seen(warehouse)
    answers: list[str] = []
    promote = lakeorch("promote", "dev", "-p", models, "--json", *options)
    took: Time = timed(lambda: answers.append(promote()))
    after, found = seen(warehouse), json.loads(answers[0])
    moved = {name for name in after if after[name] != before.get(name)}
    assert before == meanwhile, "production was seen to move"
    promoted = {table["model"] for table in found["promoted"]}
    assert moved <= promoted, "what was not promoted moved"  # where the rows stayed the same, only metadata does
    assert "nothing to do" in lakeorch("run", models, *options)()
    times = len({after[name][2] for name in moved})
    print(f"\n{what}")
    held, wrote = sum(size.values()) / 1e6, sum(more.values()) / 1e6
    print(f"  data of production {held:,.1f} MB; the environment wrote {wrote:,.2f} MB more: {', '.join(sorted(more))}")
    print(f"  promoted {len(promoted)} tables: {found['recomputed']} models computed; readers saw {len(moved)} move")
    print(f"  moments at which they did: {times}")
    print(f"  the promotion itself {found['seconds']:.2f} s, the rest is the start of the process")
    told("  promote, whole process", took, GOAL_S)
    print(f"  that is {took.wall / built.wall:.2f} of the run in the environment ({built.wall:.2f} s)")


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="TPC-H at scale factor 0.05")
    scale = "0.05" if parser.parse_args().quick else "1"
    tool = shutil.which("tpchgen-cli", path=Path(sys.executable).parent) or shutil.which("tpchgen-cli")
    if tool is None:
        sys.exit("tpchgen-cli is missing: pip install 'lakeorch[dev]'")
    about()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copytree(ROOT / "sql_models", folder / "sample" / "sql_models")
        measured("sample project", folder / "sample" / "sql_models", SAMPLE)
        shutil.copytree(ROOT / "examples" / "tpch", folder / "tpch", ignore=shutil.ignore_patterns("raw", "warehouse"))
        shutil.copytree(ROOT / "examples" / "tpch" / "models", folder / "tpch" / "models", dirs_exist_ok=True)
        run(tool, "parquet", "-s", scale, "--output-dir", folder / "tpch" / "raw")
        options = ("--var", f"scale_factor={scale}")
        measured(f"TPC-H at scale factor {scale}", folder / "tpch" / "models", TPCH, options)


if __name__ == "__main__":
    main()
