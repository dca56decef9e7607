"""The time of `lakeorch plan` and `lakeorch run`, whole process, over a large project that is built and up to date.

Three questions: nothing has changed; a model that nothing reads was edited; a model that many read has a new column,
so that the schema of their input changed. dbt and SQLMesh answer the first over 1,000 models: dbt builds all again.

    python benchmarks/planning.py            # 10,000 models of 30 to 80 lines; builds them first, which takes minutes
    python benchmarks/planning.py --quick    # 400
"""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from measure import about, arguments, beside, lakeorch, medians, timed, told
from peers import installed
from projects import Draft, drafts
from projects import lakeorch as written


def editing(models: Path, draft: Draft, plan: Callable[[], str]) -> Callable[[], None]:
    """A plan after an edit, each time another, that adds a column to a model."""
    file = models / f"{draft.name.replace('.', '/')}.sql"
    before, numbers = file.read_text(), itertools.count(1)

    def edited() -> None:
        head, _, tail = before.rpartition("\nSELECT\n")
        file.write_text(f"{head}\nSELECT\n    {next(numbers)} AS edited,\n{tail}")
        assert draft.name in plan()
        file.write_text(before)

    return edited


def readers(made: Sequence[Draft], name: str) -> int:
    """How many models read a model."""
    return sum(name in draft.reads for draft in made)


def main() -> None:
    """Measures and prints."""
    given = arguments(__doc__, models=10_000, quick=400)
    about()
    made = drafts(given.models)
    with tempfile.TemporaryDirectory() as folder:
        models = written(made, Path(folder) / "ours")
        run, plan = lakeorch("run", models), lakeorch("plan", models)
        first = timed(run)
        print(f"{given.models:,} models, built in {first.wall:.0f} s, {first.wall / given.models * 1e3:.1f} ms each")
        assert "nothing to do" in run()
        read = {name: readers(made, name) for name in (draft.name for draft in made)}
        leaf = next(draft for draft in reversed(made) if not read[draft.name])
        hub = max(made, key=lambda draft: read[draft.name])
        # what was young when it was looked at is looked at again: a file system's clock has a grain
        medians({"settle": run}, 2)
        took = medians({"run": run, "plan": plan}, given.turns)
        took |= medians({"leaf": editing(models, leaf, plan), "hub": editing(models, hub, plan)}, given.turns)
        few = given.models <= 1_000
        told("run, nothing to do", took["run"], 0.35 if few else 0.8)
        told("plan, nothing to do", took["plan"], 0.35 if few else 0.8)
        told("plan, one leaf edited", took["leaf"], 1.0)
        each = (took["hub"] - took["leaf"]) / read[hub.name]
        told(f"plan, a column added to what {read[hub.name]} read: for each", each, 0.002, "ms")
        if not given.quick:
            compared(made[:1_000] if few else drafts(1_000), Path(folder))


def compared(made: Sequence[Draft], folder: Path) -> None:
    """The same question to the other tools: build, then build again with nothing changed."""
    models = written(made, folder / "beside")
    ours = lakeorch("run", models)
    medians({"settle": ours}, 4)
    theirs: dict[str, Callable[[], object]] = {"lakeorch": ours}
    for peer in installed():
        project = peer.project(made, folder)
        peer.do("build", project)
        theirs[peer.name] = partial(peer.do, "build", project)
    took = medians(theirs, 1)
    beside(
        f"nothing changed, {len(made):,} models", {k: v for k, v in took.items() if k != "lakeorch"}, took["lakeorch"]
    )


if __name__ == "__main__":
    main()
