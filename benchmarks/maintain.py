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
import contextlib
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


def commit_ms(*roots: Path) -> list[float]:
    """Milliseconds of a one-row commit, the median for each lake; taken in turns, since other work hits all alike.

    The catalogs' files are put back afterwards, and with them the lakes.
    """
    kept = {root: (root / "warehouse/catalog.db").read_bytes() for root in roots}
    times: dict[Path, list[float]] = {root: [] for root in roots}
    with contextlib.ExitStack() as stack:
        lakes = {root: stack.enter_context(Project(root / "models").wiring.lake(create=False)) for root in roots}
        for turn in range(TURNS):
            for root, lake in lakes.items():
                times[root].append(_commit(lake, next((root / "warehouse/a/log/data").glob("*")), turn))
    for root, content in kept.items():
        for end in ("-wal", "-shm"):
            (root / f"warehouse/catalog.db{end}").unlink(missing_ok=True)
        (root / "warehouse/catalog.db").write_bytes(content)
        for path in (root / "warehouse/a/log/data").glob("bench-*"):
            path.unlink()
    return [1000 * statistics.median(found) for found in times.values()]


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
        small, root = made(Path(folder) / "small"), made(Path(folder) / "large")
        for number in range(10):
            run(small, number)
        for number in range(runs):
            project = run(root, number)
            if number == runs // 2:
                project.tag("half")
        return _maintained(small, root, project, runs)


def made(root: Path) -> Path:
    """A project without tables yet."""
    (root / "raw").mkdir(parents=True)
    (root / "lakeorch.yml").write_text(SETTINGS)
    for name, text in MODELS.items():
        (root / f"models/a/{name}.sql").parent.mkdir(parents=True, exist_ok=True)
        (root / f"models/a/{name}.sql").write_text(text)
    return root


def _maintained(small: Path, root: Path, project: Project, runs: int) -> int:
    few, many = commit_ms(small, root)
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
    again, after = commit_ms(small, root)
    print(f"one-row commit at 10 snapshots            {few:8.1f} ms, and {again:.1f} ms in turns with the last")
    print(f"               after {runs:3} runs             {many:8.1f} ms   {many / few:.2f} ×")
    print(f"               after maintenance          {after:8.1f} ms   {after / again:.2f} × (limit {LIMIT})")
    print(f"maintenance, twice                        {seconds:8.1f} s")
    print(f"freed {freed / 1e6:.1f} of {held / 1e6:.1f} MB; files not needed: {len(stray)}, missing: {len(missing)}")
    print(f"{len(before)} kept versions, a tag among them, read the same: {kept}; a plan says: {', '.join(plan)}")
    return int(after > LIMIT * again or bool(stray | missing) or not kept or plan != {"skip"})


if __name__ == "__main__":
    sys.exit(main())
