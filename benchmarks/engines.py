"""TPC-H as a project of lakeorch, its 22 questions and the tables above them: Polars beside DuckDB.

The eight raw tables are built once, by DuckDB, from what tpchgen-cli makes; then everything that is made of them is
built anew, by either engine in turns, each time in a process of its own: the models as they are shipped, the same text
for both. Prints for either engine the medians of wall time, processor time and peak memory of such a run, the ratios,
the models that differ most, and whether every row is the same (floating-point values to 1e-9).

    python benchmarks/engines.py            # SF 1
    python benchmarks/engines.py --quick    # SF 0.05, under a minute
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import measure

from lakeorch import Project

ENGINES = ("duckdb", "polars")
EXAMPLE = Path(__file__).parents[1] / "examples" / "tpch"
MADE = ("path:q", "path:core", "path:marts")
TOLERANCE = 1e-9


@dataclass(frozen=True)
class Run:
    """One run in a process of its own: seconds, seconds of processor time, bytes at the peak, seconds by model."""

    wall: float
    cpu: float
    memory: int
    models: dict[str, float]


def project(folder: Path, engine: str, raw: Path, scale: float) -> Path:
    """A copy of the example in which everything but the raw tables runs on an engine; the raw tables are built."""
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns("warehouse", "raw", ".lakeorch"))
    shutil.copytree(EXAMPLE / "models" / "raw", folder / "models" / "raw", dirs_exist_ok=True)
    (folder / "raw").symlink_to(raw)
    folders = "\n".join(f"  {name}: {{engine: {engine}}}" for name in ("q", "core", "marts"))
    settings = f"models: models\nvariables: {{scale_factor: {scale}}}\ndefaults:\n{folders}\n"
    (folder / "lakeorch.yml").write_text(settings)
    assert Project(folder / "models").run("path:raw").status == "published"
    return folder / "models"


def run(models: Path) -> Run:
    """Builds anew everything that is made of the raw tables."""
    words = [word for selector in MADE for word in ("-s", selector)]
    command = [sys.executable, "-m", "lakeorch", "run", str(models), "--full", "--json", *words]
    with tempfile.TemporaryFile("w+") as out:
        started = time.perf_counter()
        process = subprocess.Popen(command, stdout=out)
        _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - started
        out.seek(0)
        told = json.load(out)
    if status:
        sys.exit(f"{' '.join(command)} failed: {[each for each in told['steps'] if each.get('error')]}")
    seconds = {each["model"]: each["seconds"] for each in told["steps"]}
    return Run(wall, used.ru_utime + used.ru_stime, used.ru_maxrss * 1024, seconds)


def different(models: Path, names: list[str]) -> list[str]:
    """The tables whose rows are not those that DuckDB makes of the same inputs by the same query."""
    return [each.version.table for each in Project(models).verify(*names, tolerance=TOLERANCE) if each.status != "same"]


def main() -> None:
    """Prints the comparison; ends with 1 where an answer differs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="SF 0.05, fewer turns")
    parser.add_argument("--scale", type=float, help="the scale factor of TPC-H")
    parser.add_argument("--turns", type=int, help="how often each engine runs")
    given = parser.parse_args()
    scale, turns = given.scale or (0.05 if given.quick else 1), given.turns or (2 if given.quick else 3)
    measure.about()
    with tempfile.TemporaryDirectory() as folder:
        raw = Path(folder) / "raw"
        tool = shutil.which("tpchgen-cli", path=Path(sys.executable).parent) or "tpchgen-cli"
        measure.run(tool, "parquet", "-s", scale, f"--output-dir={raw}")
        at = {engine: project(Path(folder) / engine, engine, raw, scale) for engine in ENGINES}
        taken: dict[str, list[Run]] = {engine: [] for engine in ENGINES}
        for _ in range(turns):
            for engine in ENGINES:
                taken[engine].append(run(at[engine]))
        names = list(taken["duckdb"][0].models)
        print(f"\nTPC-H SF {scale:g}, {len(names)} models made of the raw tables, {turns} runs each")
        tell(taken)
        wrong = different(at["polars"], names)
        print(f"\n{len(names)} tables made again by DuckDB; rows that differ: {', '.join(wrong) or 'none'}")
    sys.exit(1 if wrong else 0)


def tell(taken: dict[str, list[Run]]) -> None:
    """Prints medians and ratios."""

    def middle(engine: str, what: str) -> float:
        return statistics.median(getattr(each, what) for each in taken[engine])

    for what, unit, by in (("wall", "s", 1.0), ("cpu", "s", 1.0), ("memory", "MB", 1e6)):
        one, other = (middle(engine, what) / by for engine in ENGINES)
        print(f"{what:<8} duckdb {one:8.1f} {unit}   polars {other:8.1f} {unit}   {other / one:5.2f} ×")
    by_model = {
        name: [statistics.median(each.models[name] for each in taken[engine]) for engine in ENGINES]
        for name in taken["duckdb"][0].models
    }
    ratios = sorted((other / one, name, one, other) for name, (one, other) in by_model.items() if one)
    for ratio, name, one, other in (*ratios[:3], *ratios[-3:]):
        print(f"  {name:<26} duckdb {one:6.2f} s   polars {other:6.2f} s   {ratio:5.2f} ×")


if __name__ == "__main__":
    main()
