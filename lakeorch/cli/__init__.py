"""The command line: one file per command, each over `lakeorch.project.Project` only.

A command's module has a click command named `command`, which returns the exit code; it imports what is heavy when it
runs. What commands share: `options` (flags), `failures` (an error → text or JSON, and the exit code), `logs`, `report`
(how a run ended), `rows` (query results), `output` (streams whose reader may leave).
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from importlib import import_module
from types import FrameType

import click

from lakeorch import __version__
from lakeorch.cli import options

# name → what the help says of it: of these only the command that is called is imported
COMMANDS = {
    "bench": "Time models and whole runs; your lake is only read.",
    "connect": "Print a snippet that reads the tables with ENGINE.",
    "diff": "Show how two versions of a table differ: columns and rows.",
    "drop": "Take tables out of the catalog.",
    "env": "Show the environments, or drop one.",
    "format": "Lay out the queries of models and checks.",
    "graph": "Show which model reads which.",
    "history": "Show the versions of a table, newest first.",
    "init": "Start a project in DIR: a small one that runs at once.",
    "lineage": "Show what a column is made of, and what is made of it.",
    "lint": "Find what is risky or untidy in models that work.",
    "list": "Show the models and what is published of them.",
    "maintain": "Expire old snapshots, rewrite small files, delete waste.",
    "plan": "Show what a run of FOLDER would do and why.",
    "promote": "Make what environment ENV shows production's, in one commit.",
    "query": "Run a SELECT over the published tables.",
    "rollback": "Take back RUN: its tables become what they were before it.",
    "run": "Build what is stale, check it, publish it at once.",
    "runs": "Show the runs that changed rows, newest first.",
    "show": "Show all that is known of a model.",
    "tag": "Call the state of all tables NAME, now or as of RUN.",
    "test": "Run the cases of FOLDER/tests: given rows in, expected rows out.",
    "validate": "Find every mistake before any data is touched.",
    "verify": "Make published rows again, and compare every row.",
}

# how the help parts the commands; one that is named nowhere here stands at its end
SECTIONS = {
    "Build": ("init", "run", "plan", "validate", "promote", "bench"),
    "Look": ("list", "show", "graph", "lineage", "query", "connect"),
    "Go back in time": ("history", "runs", "diff", "verify", "rollback", "tag"),
    "Write models": ("test", "format", "lint"),
}


class _Program(click.Group):
    """The commands, each imported when it is called; the help lists them by what they are for."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  click's
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context | None, cmd_name: str) -> click.Command | None:  # noqa: ARG002  click's
        if cmd_name in COMMANDS and cmd_name not in self.commands:
            self.add_command(import_module(f"lakeorch.cli.{cmd_name}").command, cmd_name)
        return self.commands.get(cmd_name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        placed = {name for names in SECTIONS.values() for name in names}
        rest = tuple(name for name in self.list_commands(ctx) if name not in placed)
        width = max(map(len, COMMANDS))
        room = formatter.width - 6 - width
        for title, names in {**SECTIONS, "Keep house": rest}.items():
            known = {name: click.Command(name, help=COMMANDS[name]) for name in names if name in COMMANDS}
            if known:
                with formatter.section(title):
                    formatter.write_dl([(f"{n:<{width}}", each.get_short_help_str(room)) for n, each in known.items()])


@click.group(cls=_Program, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="lakeorch", message="%(prog)s %(version)s")
@options.debug
def program() -> None:
    """A folder of SQL models becomes versioned, checked Apache Iceberg tables.

    One command, no server: lakeorch run sql_models
    """


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line and returns its exit code: 0 done, 1 failed or held, 2 wrong, 130 interrupted.

    Args:
        arguments: what follows the program's name; those of the process when None.
    """
    # what is known of thousands of models lives to the end: looking through it for garbage again and again finds none
    gc.set_threshold(50_000, 20, 100)
    # nor is there use in freeing all of it piece by piece at the end of the process, a tenth of a short run's time
    atexit.register(gc.freeze)
    given = [*(sys.argv[1:] if arguments is None else arguments)]
    color = False if os.environ.get("NO_COLOR") else None
    if options.debugging(given):
        from lakeorch.cli import logs

        logs.show()
    stopped: list[int] = []
    with _noticing(stopped):
        try:
            code = program.main(given, prog_name="lakeorch", standalone_mode=False, color=color)
        except (Exception, KeyboardInterrupt) as error:
            from lakeorch.cli import failures
            from lakeorch.errors import LakeorchError

            # Ctrl-C can surface as almost anything, in the middle of an import for example
            known = isinstance(error, LakeorchError) or not stopped
            told = error if known else KeyboardInterrupt()
            return failures.report(told, as_json="--json" in given, debug=options.debugging(given))
        return code if isinstance(code, int) else 0


@contextlib.contextmanager
def _noticing(stopped: list[int]) -> Iterator[None]:
    """Notes every Ctrl-C inside the block; after one, a further one no longer disturbs the way out.

    SIGTERM is taken for one: a job that a scheduler ends leaves nothing behind that maintenance would wait for.
    """
    # a job in the background of a script is told by its shell not to mind
    minded = [sign for sign in (signal.SIGINT, signal.SIGTERM) if signal.getsignal(sign) is not signal.SIG_IGN]
    if threading.current_thread() is not threading.main_thread():
        minded = []

    def stop(number: int, frame: FrameType | None) -> None:
        stopped.append(number)
        signal.default_int_handler(number, frame)

    before = {sign: signal.signal(sign, stop) for sign in minded}
    try:
        yield
    finally:
        for sign, handler in before.items():
            signal.signal(sign, signal.SIG_IGN if stopped else handler)
