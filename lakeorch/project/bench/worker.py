"""The child process that does one piece of work as often as it is asked to, and says what it took: both ends.

It reads a pickled job from its standard input, then an order for each time, and answers each on its standard output. A
process of its own makes the peak of memory that of this work alone.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from subprocess import PIPE
from typing import IO, TYPE_CHECKING

from lakeorch.errors import LakeorchError
from lakeorch.model import Scalar

if TYPE_CHECKING:
    from lakeorch.engines import Engine, Relation, Target
    from lakeorch.project.config import Config
    from lakeorch.python import Call


@dataclass(frozen=True, slots=True)
class Sample:
    """What doing it once took: seconds of the clock and of processors, the peak of memory so far, what was written."""

    seconds: float
    cpu: float
    memory: int | None
    paths: tuple[str, ...] = ()
    rows: int = 0


@dataclass(frozen=True, slots=True)
class Failure:
    """Why it could not be done."""

    message: str


Act = Callable[[], tuple[tuple[str, ...], int]]


@dataclass(frozen=True, slots=True)
class Transform:
    """A model's query over its inputs, or over what its function returns, into Parquet files.

    Attributes:
        call: of a Python model's function, which takes the relations; None for a query.
        engine: the plug-in's name.
        memory: as in `Config`.
        folder: the project root.
    """

    engine: str
    threads: int
    memory: int | None
    relations: tuple[Relation, ...]
    variables: Mapping[str, Scalar]
    folder: str
    sql: str
    target: Target
    call: Call | None = None

    def begin(self) -> Act:
        """Starts the engine, which is no part of what is timed."""
        from lakeorch import plugins

        make: Callable[[int, int | None], Engine] = vars(plugins.load("engines", self.engine))["engine"]
        engine = make(self.threads, self.memory)

        def act() -> tuple[tuple[str, ...], int]:
            with contextlib.ExitStack() as stack:
                relations: Sequence[Relation] = self.relations
                if self.call is not None:
                    relations = [stack.enter_context(self.call.rows(engine, relations)).relation]
                session = stack.enter_context(engine.session(relations, self.variables, self.folder))
                return session.write(self.sql, self.target), 0

        return act


@dataclass(frozen=True, slots=True)
class WholeRun:
    """A run of models from nothing, in the warehouse that the settings name."""

    config: Config
    threads: int
    models: tuple[str, ...]

    def begin(self) -> Act:
        """All that a run does is timed, from the start of the process on."""

        def act() -> tuple[tuple[str, ...], int]:
            from lakeorch.project.bench.ground import build

            result = build(self.config, self.threads, self.models)
            for outcome in result.outcomes:
                if outcome.error:
                    raise LakeorchError(f"{outcome.model}: {outcome.error}")
            return (), sum(outcome.rows for outcome in result.outcomes)

        return act


Take = Callable[[], Sample | Failure]


@contextlib.contextmanager
def working(job: Transform | WholeRun) -> Iterator[Take]:
    """A fresh process for a job, gone at the end of the block; each call has it done once more."""
    # plug-ins and models are to be found from wherever this process finds them
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    command = [sys.executable, "-c", f"from {__name__} import main; main()"]
    with (
        tempfile.TemporaryFile() as errors,
        subprocess.Popen(command, stdin=PIPE, stdout=PIPE, stderr=errors, env=environment) as process,
    ):
        assert process.stdin
        assert process.stdout
        orders, answers = process.stdin, process.stdout
        try:
            pickle.dump(job, orders)

            def take() -> Sample | Failure:
                try:
                    orders.write(b".")
                    orders.flush()
                    found: Sample | Failure = pickle.load(answers)
                except (EOFError, BrokenPipeError):
                    return Failure(_died(process.wait(), errors))
                return found

            yield take
        finally:
            with contextlib.suppress(BrokenPipeError):
                orders.close()
            process.kill()  # whatever it works on is in a scratch folder


def _died(code: int, errors: IO[bytes]) -> str:
    errors.seek(0)
    last = (errors.read().decode(errors="replace").strip().splitlines() or [""])[-1]
    how = f"was killed by signal {-code}" if code < 0 else f"ended with {code}"
    hint = ": is there enough memory?" if code == -9 else f": {last}" if last else ""
    return f"the process {how}{hint}"


def main() -> None:
    """Works until there are no more orders."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what an engine prints must not get between the answers
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to every process of a terminal; the parent says when
    orders = sys.stdin.buffer
    job: Transform | WholeRun = pickle.load(orders)
    act: Act | None = None
    while orders.read(1):
        answer: Sample | Failure
        try:
            act = act or job.begin()
            answer = _taken(act, whole=isinstance(job, WholeRun))
        except LakeorchError as error:
            answer = Failure(f"{error.message}\n{error.hint}".strip())
        except Exception as error:
            answer = Failure(f"{type(error).__name__}: {error}")
        pickle.dump(answer, answers)
        answers.flush()


def _taken(act: Act, *, whole: bool) -> Sample:
    """Does it once; of a `whole` process what it took before counts, too."""
    cpu, began = 0.0 if whole else _cpu(), time.perf_counter()
    paths, rows = act()
    return Sample(time.perf_counter() - began, _cpu() - cpu, _peak(), paths, rows)


def _cpu() -> float:
    times = os.times()  # too coarse for what this process itself takes
    return time.process_time() + times.children_user + times.children_system


def _peak() -> int | None:
    """The largest resident set of this process; where the kernel tells, not that of the process it was forked from."""
    try:
        for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    try:
        import resource
    except ImportError:
        return None
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
