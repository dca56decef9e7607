"""What lakeorch adds to the engine's own work in the first build of many trivial models, for each model.

The engine's own work is the same SELECTs, in the same order, as bare DuckDB statements that write zstd Parquet, in one
process with as many threads. dbt and SQLMesh build the same models into a DuckDB file.

    python benchmarks/first_build.py            # 1,000 models
    python benchmarks/first_build.py --quick    # 300, without other tools
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import duckdb
from measure import about, arguments, beside, lakeorch, medians, told
from peers import PACKAGES, Peer, installed
from projects import Draft, drafts
from projects import lakeorch as written

WHAT = {
    "run": "lakeorch run, for each model",
    "read": "of it reading and binding the project (lakeorch validate)",
    "bare": "bare DuckDB, for each model",
}


def bare(made: Sequence[Draft], folder: Path) -> None:
    """The same models by DuckDB alone."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    with duckdb.connect(config={"threads": 2}) as connection:
        connection.execute("SET preserve_insertion_order = false")
        for draft in made:
            query = draft.text(lambda name: f"read_parquet('{folder / name}.parquet')")
            connection.execute(f"COPY ({query}) TO '{folder / draft.name}.parquet' (FORMAT parquet, COMPRESSION zstd)")


def main() -> None:
    """Measures and prints."""
    given = arguments(__doc__, models=1_000, quick=300)
    given.turns = min(given.turns, 3)
    about()
    made = drafts(given.models, trivial=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        models = written(made, folder / "ours")
        loaded = lakeorch("validate", models)

        def ours() -> None:
            for kept in ("warehouse", ".lakeorch"):
                shutil.rmtree(folder / "ours" / kept, ignore_errors=True)
            lakeorch("run", models)()

        acts: dict[str, Callable[[], object]] = {
            "run": ours,
            "read": loaded,
            "bare": lambda: bare(made, folder / "bare"),
        }
        for peer in () if given.quick else installed():

            def theirs(peer: Peer = peer) -> None:
                shutil.rmtree(folder / peer.name, ignore_errors=True)
                peer.do("build", peer.project(made, folder))

            acts[peer.name] = theirs
        took = medians(acts, given.turns)
    each = {what: time / given.models for what, time in took.items()}
    for what in ("run", "read", "bare"):
        print(f"{WHAT[what]:<60} {each[what].wall * 1e3:8.2f} ms ({each[what].cpu * 1e3:.2f} of processor)")
    told("lakeorch over the engine's own work, for each model", each["run"] - each["bare"], 0.012, "ms")
    beside("the whole build", {name: took[name] for name in PACKAGES if name in took}, took["run"])


if __name__ == "__main__":
    main()
