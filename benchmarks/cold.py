"""The time to read a project from nothing: parse, graph, names and types of every model; whole process.

`lakeorch validate` over models of 30 to 80 lines, with no cache. dbt parses (it knows no types); SQLMesh loads.

    python benchmarks/cold.py            # 1,000 models and 10,000
    python benchmarks/cold.py --quick    # 1,000 models
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from measure import about, arguments, beside, lakeorch, medians, timed, told
from peers import installed
from projects import drafts
from projects import lakeorch as written


def main() -> None:
    """Measures and prints."""
    given = arguments(__doc__, models=10_000, quick=1_000)
    about()
    with tempfile.TemporaryDirectory() as folder:
        few = drafts(min(given.models, 1_000))
        ours = lakeorch("validate", written(few, Path(folder) / "few"))
        acts: dict[str, Callable[[], object]] = {"lakeorch": ours}
        for peer in () if given.quick else installed():
            project = peer.project(few, Path(folder))
            acts[peer.name] = partial(peer.do, "load", project)
        took = medians(acts, given.turns)
        goal = 4.0 * len(few) / 1_000
        told(f"validate, {len(few):,} models, no cache", took["lakeorch"], goal)
        beside("read", {name: taken for name, taken in took.items() if name != "lakeorch"}, took["lakeorch"])
        if given.models > len(few):
            many = written(drafts(given.models), Path(folder) / "many")
            told(f"validate, {given.models:,} models, no cache", timed(lakeorch("validate", many)), 4e-3 * given.models)


if __name__ == "__main__":
    main()
