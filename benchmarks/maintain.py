"""What maintenance gives back after many runs: the time of a commit, files, bytes; and that nothing kept has changed.

A project with an append model and an aggregate over it, one more raw file before each run. Prints how long a one-row
commit (stage and publish, without the engine's part) takes at 10 snapshots, after all runs, and after maintenance: the
limit for the last is 2 × the first. Then every file of the warehouse is accounted for, the kept versions are read
again, and a plan is made.

    python benchmarks/maintain.py            # 300 runs
    python benchmarks/maintain.py --quick    # 40 runs
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from pyiceberg.catalog.sql import SqlCatalog

from lakeorch import Project
from lakeorch.errors import UsageError
from lakeorch.lake import Lake
from lakeorch.model import Column

LIMIT = 2.0
TURNS = 15
MODELS = {
    "log": "/* ---\nmaterialized: append\n--- */\nSELECT id FROM read_csv('raw/*.csv')",
    "total": "SELECT count(*) AS id FROM a.log",
}
SETTINGS = "models: models\nkeep_for: 1s\nkeep_snapshots: 10\n"
QUERY = "SELECT 'log' AS t, id FROM a.log UNION ALL SELECT 'total', id FROM a.total ORDER BY ALL"


def run(root: Path, number: int) -> Project:
    """One more raw file, and a run."""
    (root / f"raw/{number}.csv").write_text(f"id\n{number}\n")
    project = Project(root / "models", threads=1)
    assert project.run().status == "published"
    return project


def commit_ms(root: Path) -> float:
    """Milliseconds of a one-row commit on a copy of the catalog's pointer: the lake itself is put back afterwards."""
    catalog = root / "warehouse/catalog.db"
    kept = catalog.read_bytes()
    project = Project(root / "models", threads=1)
    times = []
    [file] = list((root / "warehouse/a/log/data").glob("*"))[:1]
    with project.wiring.lake(create=False) as lake:
        for turn in range(TURNS):
            times.append(_commit(lake, file, turn))
    for end in ("-wal", "-shm"):
        Path(f"{catalog}{end}").unlink(missing_ok=True)
    catalog.write_bytes(kept)
    return 1000 * statistics.median(times)


def _commit(lake: Lake, file: Path, turn: int) -> float:
    copy = file.with_name(f"bench-{time.time_ns()}.parquet")
    shutil.copy(file, copy)
    begun = time.perf_counter()
    draft = lake.draft("a.log", (Column("id", "long"),), full=False)
    facts = {"lakeorch.model": "a.log", "lakeorch.inputs": "{}"}
    staged = lake.stage(draft, [str(copy)], mode="append", summary=facts, properties={}, key=f"bench-{turn}")
    lake.publish([staged], f"bench-{turn}")
    return time.perf_counter() - begun


def needed(root: Path) -> set[str]:
    """Every file that a table of the catalog names, by pyiceberg alone."""
    catalog = SqlCatalog("lakeorch", uri=f"sqlite:///{root}/warehouse/catalog.db")
    found: set[str] = set()
    for identifier in catalog.list_tables("a"):
        table = catalog.load_table(identifier)
        found |= {table.metadata_location, *(entry.metadata_file for entry in table.metadata.metadata_log)}
        for snapshot in table.metadata.snapshots:
            found.add(snapshot.manifest_list)
            for manifest in snapshot.manifests(table.io):
                found.add(manifest.manifest_path)
                entries = manifest.fetch_manifest_entry(table.io, discard_deleted=True)
                found |= {entry.data_file.file_path for entry in entries}
    catalog.engine.dispose()
    return {path.removeprefix("file://") for path in found}


def on_disk(root: Path) -> set[str]:
    """Every file of a table."""
    return {str(path) for path in (root / "warehouse/a").rglob("*") if path.is_file()}


def rows(project: Project, runs: list[str]) -> Mapping[str, list[object]]:
    """What each run that is kept shows."""
    found = {}
    for at in runs:
        try:
            found[at] = project.query(QUERY, at=at).read_all().to_pylist()
        except UsageError:
            continue
    return found


def main() -> int:
    """Prints the figures; 1 where a promise is not kept."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="40 runs instead of 300")
    runs = 40 if parser.parse_args().quick else 300
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "raw").mkdir()
        (root / "lakeorch.yml").write_text(SETTINGS)
        for name, text in MODELS.items():
            (root / f"models/a/{name}.sql").parent.mkdir(parents=True, exist_ok=True)
            (root / f"models/a/{name}.sql").write_text(text)
        for number in range(10):
            project = run(root, number)
        few = commit_ms(root)
        for number in range(10, runs):
            project = run(root, number)
            if number == runs // 2:
                project.tag("half")
        many = commit_ms(root)
        return _maintained(root, project, few, many, runs)


def _maintained(root: Path, project: Project, few: float, many: float, runs: int) -> int:
    names = [past.run_id for past in project.runs()]
    before = rows(project, [*names[:10], "half"])
    held = sum(path.stat().st_size for path in (root / "warehouse").rglob("*") if path.is_file())
    freed = 0
    begun = time.perf_counter()
    for _ in range(2):
        # what was current a moment ago is kept for whoever reads it: the small files go with the second
        time.sleep(1.1)
        freed += project.maintain(grace="0").bytes
    seconds = time.perf_counter() - begun - 2.2
    stray, missing = on_disk(root) - needed(root), needed(root) - on_disk(root)
    plan = {str(step.action) for step in project.plan().steps}
    kept = rows(project, [*names[:10], "half"]) == before
    after = commit_ms(root)
    print(f"one-row commit at 10 snapshots            {few:8.1f} ms")
    print(f"               after {runs:3} runs             {many:8.1f} ms   {many / few:.2f} ×")
    print(f"               after maintenance          {after:8.1f} ms   {after / few:.2f} × (limit {LIMIT})")
    print(f"maintenance, twice                        {seconds:8.1f} s")
    print(f"freed {freed / 1e6:.1f} of {held / 1e6:.1f} MB; files not needed: {len(stray)}, missing: {len(missing)}")
    print(f"{len(before)} kept versions, a tag among them, read the same: {kept}; a plan says: {', '.join(plan)}")
    return int(after > LIMIT * few or bool(stray | missing) or not kept or plan != {"skip"})


if __name__ == "__main__":
    sys.exit(main())
