"""A process that has imported everything and does nothing but fork: each piece of work in a fresh child, cheaply.

No DuckDB connection is opened before a fork, and no thread is started: either would not survive it. The tests talk to
this process by lines of JSON; `Forks` is their end.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import pkgutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import Any
from unittest.mock import patch

import lakeorch

ROOT = Path(__file__).parents[2]
_time_ns = time.time_ns
_WARM = ("pyiceberg.io.pyarrow", "pyiceberg.table", "sqlite3")


class Forks:
    """The parent's end: starts the forking process and gives it work."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.forks"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def work(self, *jobs: Mapping[str, Any]) -> Work:
        """Does jobs one after the other in one fresh child; see `run` and `look`."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(jobs) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, f"the forking process has ended with {self._process.wait()}"
        return Work(**json.loads(line))

    def __enter__(self) -> Forks:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._process.communicate()


class Work:
    """What became of one child.

    Attributes:
        killed: by SIGKILL.
        hit: the call that the fault struck; empty where it struck none.
        done: what each job reports.
    """

    def __init__(self, status: int, lines: Sequence[Mapping[str, Any]]) -> None:
        self.killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
        self.hit = "".join(line["hit"] for line in lines if "hit" in line)
        self.done = [line["done"] for line in lines if "done" in line]
        broken = [line["broken"] for line in lines if "broken" in line]
        assert not broken, broken[0]
        assert self.killed or os.waitstatus_to_exitcode(status) == 0, status


def _run(job: Mapping[str, Any], say: Callable[..., None]) -> dict[str, Any]:
    """Does a command of a project (by default a run), with a fault where one is given."""
    from lakeorch.errors import LakeorchError

    from .calls import Calls, Fault, watched
    from .commands import command

    folder = Path(job["folder"])
    fault = Fault(job["kind"], job["at"]) if "kind" in job else None

    def hit(label: str) -> None:
        say(hit=label)
        if "pause" in job:
            _paused(Path(job["pause"]))

    calls = Calls(folder.parent, fault, reads=job.get("reads", False), hit=hit)
    report: dict[str, Any] = {"status": "raised", "error": "", "escaped": "", "reasons": {}, "actions": {}}
    with watched(calls), patch("time.time_ns", _later):
        try:
            result = command(folder, *job.get("command", ("run",)))
        except LakeorchError as error:
            report["error"] = f"{type(error).__name__}: {error.message} ({error.hint})"
        except BaseException:
            report["escaped"] = traceback.format_exc()
        else:
            report["status"] = result.status
            outcomes = getattr(result, "outcomes", ())
            report["actions"] = {outcome.model: str(outcome.action) for outcome in outcomes}
            report["reasons"] = {outcome.model: outcome.reason for outcome in outcomes}
            report["error"] = "; ".join(f"{o.model}: {o.error}" for o in outcomes if o.error)
    return report | {"calls": calls.seen}


def _paused(flag: Path) -> None:
    """Says that it waits, by making the flag, and waits until somebody takes it away."""
    flag.touch()
    deadline = time.monotonic() + 60
    while flag.exists():
        assert time.monotonic() < deadline, "nobody lets it go on"
        time.sleep(0.005)


def _later() -> int:
    """Ten seconds from now: files just written are old enough to be trusted by their times, so every run is alike."""
    return _time_ns() + 10_000_000_000


def _look(job: Mapping[str, Any], say: Callable[..., None]) -> dict[str, Any]:
    from .reader import look

    return look(job["uri"], job["warehouse"])


_JOBS = {"run": _run, "look": _look}


def _child(jobs: Sequence[Mapping[str, Any]], out: int) -> None:
    def say(**facts: Any) -> None:
        os.write(out, (json.dumps(facts) + "\n").encode())

    try:
        for job in jobs:
            say(done=_JOBS[job["do"]](job, say))
    except BaseException:
        say(broken=traceback.format_exc())
    os._exit(0)


def _parse_something() -> None:
    """Loads what is loaded only when a model is read."""
    from lakeorch.parse import parse_folder

    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        (root / "a").mkdir()
        (root / "a/t.sql").write_text("/* ---\ntags: [x]\n--- */\nSELECT 1 AS x")
        parse_folder(root, root, lambda _: {})


def main() -> None:
    """Forks a child for every line of standard input."""
    for found in pkgutil.walk_packages(lakeorch.__path__, "lakeorch."):
        if not found.name.endswith("__main__"):
            import_module(found.name)
    for name in _WARM:
        import_module(name)
    with contextlib.suppress(ModuleNotFoundError):
        import_module("psycopg")
    _parse_something()
    gc.collect()
    gc.freeze()  # a collection in a child would touch, and so copy, every page that it shares with this process
    for line in sys.stdin:
        reading, writing = os.pipe()
        child = os.fork()
        if not child:
            os.close(reading)
            _child(json.loads(line), writing)
        os.close(writing)
        with os.fdopen(reading) as stream:
            lines = [json.loads(text) for text in stream]
        _, status = os.waitpid(child, 0)
        print(json.dumps({"status": status, "lines": lines}), flush=True)


if __name__ == "__main__":
    main()
