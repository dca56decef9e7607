"""How the benchmarks take times: medians of turns that alternate, so that what else the machine does hits all alike."""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

PACKAGES = ("lakeorch", "duckdb", "pyiceberg", "sqlglot")
UNITS = {"s": 1.0, "ms": 1e3}

# an installed package brings its bytecode: its sources are compiled when it is installed, and not on every start
SURROUNDINGS = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}


@dataclass(frozen=True)
class Time:
    """Seconds: by the clock, and of processor time in this process and those that it waited for.

    On a machine that does other work too the second is the more faithful one.
    """

    wall: float
    cpu: float

    def __truediv__(self, parts: float) -> Time:
        return Time(self.wall / parts, self.cpu / parts)

    def __sub__(self, other: Time) -> Time:
        return Time(self.wall - other.wall, self.cpu - other.cpu)


def medians(of: Mapping[str, Callable[[], object]], turns: int = 5) -> dict[str, Time]:
    """The median times of each act, taken in turns."""
    times: dict[str, list[Time]] = {name: [] for name in of}
    for _ in range(turns):
        for name, act in of.items():
            times[name].append(timed(act))
    middle = statistics.median
    return {name: Time(middle(t.wall for t in took), middle(t.cpu for t in took)) for name, took in times.items()}


def timed(act: Callable[[], object]) -> Time:
    """The time of one act."""
    before, used = time.perf_counter(), sum(os.times()[:4])
    act()
    return Time(time.perf_counter() - before, sum(os.times()[:4]) - used)


def run(*words: object, cwd: Path | None = None, env: Mapping[str, str] | None = None) -> str:
    """Runs a program to its end and returns what it printed; ends the benchmark where it fails."""
    command = [str(word) for word in words]
    surroundings = {**SURROUNDINGS, **(env or {})}
    done = subprocess.run(command, cwd=cwd, env=surroundings, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)} ended with {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
    return done.stdout


def lakeorch(*words: object) -> Callable[[], str]:
    """A command of lakeorch as a process of its own."""
    return lambda: run(sys.executable, "-m", "lakeorch", *words)


def arguments(doc: str | None, *, models: int, quick: int) -> argparse.Namespace:
    """What every benchmark over a generated project is told: `quick`, `models` and `turns`.

    Args:
        doc: of the benchmark, for --help.
        models: how many it takes by default.
        quick: how many with --quick.
    """
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a smaller project, and no other tools: under a minute")
    parser.add_argument("--models", type=int, help="how many models; other tools get at most 1,000")
    parser.add_argument("--turns", type=int, help="how often each is taken")
    given = parser.parse_args()
    given.models = given.models or (quick if given.quick else models)
    given.turns = given.turns or (3 if given.quick else 5)
    return given


@dataclass(frozen=True)
class Work:
    """A program to be run: its words, what is done before each time, where and with what it runs."""

    words: tuple[object, ...]
    before: Callable[[], object] = lambda: None
    cwd: Path | None = None
    env: Mapping[str, str] | None = None
    stdin: str = ""


@dataclass(frozen=True)
class Cost:
    """What a whole process took: seconds by the clock and of processors, and its peak of memory in bytes."""

    wall: float
    cpu: float
    memory: int

    def __str__(self) -> str:
        return f"{self.wall:7.2f} s {self.cpu:8.2f} s {self.memory / 1e6:6.0f} MB"


def costs(of: Mapping[str, Work], turns: int) -> dict[str, Cost]:
    """What each takes: the medians of times, taken in turns, and the largest peak."""
    took: dict[str, list[Cost]] = {name: [] for name in of}
    for _ in range(turns):
        for name, work in of.items():
            work.before()
            took[name].append(cost(work))
    middle = statistics.median
    return {
        name: Cost(middle(c.wall for c in each), middle(c.cpu for c in each), max(c.memory for c in each))
        for name, each in took.items()
    }


def cost(work: Work) -> Cost:
    """What a program takes once; the operating system's own account of it and of the processes that it waited for."""
    command = [str(word) for word in work.words]
    with tempfile.TemporaryFile("w+") as given, tempfile.TemporaryFile("w+") as out:
        given.write(work.stdin)
        given.seek(0)
        began = time.perf_counter()
        process = subprocess.Popen(
            command, cwd=work.cwd, env={**SURROUNDINGS, **(work.env or {})}, stdin=given, stdout=out, stderr=out
        )
        _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            out.seek(0)
            sys.exit(f"{' '.join(command)} ended with {process.returncode}\n{out.read()[-3000:]}")
    return Cost(wall, used.ru_utime + used.ru_stime, used.ru_maxrss * (1 if sys.platform == "darwin" else 1024))


def about() -> None:
    """Prints on what it was measured, and how busy the machine is."""
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    print(
        f"{os.cpu_count()} processors (load {os.getloadavg()[0]:.1f}), Python {platform.python_version()}, {packages}"
    )


def told(what: str, took: Time, limit: float, unit: str = "s") -> None:
    """Prints a time beside what it should be at most, in seconds."""
    by = UNITS[unit]
    figures = f"{took.wall * by:8.2f} {unit} ({took.cpu * by:.2f} of processor)"
    print(f"{what:<60} {figures}   goal {limit * by:g} {unit}, {took.wall / limit:.2f} of it")


def beside(what: str, theirs: Mapping[str, Time], ours: Time) -> None:
    """Prints what other tools took for the same, and how many times as long that is."""
    for name, took in theirs.items():
        figures = f"{took.wall:8.2f} s ({took.cpu:.2f} of processor)"
        print(f"{what + ': ' + name:<60} {figures}   {took.wall / ours.wall:.1f} × as long")
