"""What an error looks like, and its exit code: a user's mistake never shows a traceback."""

from __future__ import annotations

import json
import re
import traceback
from collections.abc import Iterable
from pathlib import Path

import click

from lakeorch.cli.output import say
from lakeorch.errors import Finding, Interrupted, LakeorchError, ProjectError
from lakeorch.masking import redacted
from lakeorch.observers.findings import render_all
from lakeorch.observers.text import count, one_line

BUG_HINT = "this is a bug in lakeorch; --debug shows where it happened"


def report(error: BaseException, *, as_json: bool, debug: bool) -> int:
    """Tells the user about an error.

    Args:
        error: what ended the command.
        as_json: as one JSON document on standard output instead of text on standard error.
        debug: with the traceback.

    Returns:
        The exit code.
    """
    if debug:
        say(redacted("".join(traceback.format_exception(error))), err=True)
    known = _known(error)
    if as_json:
        status = "interrupted" if isinstance(known, Interrupted) else "error"
        told = document(status, known.findings if isinstance(known, ProjectError) else ())
        told["error"] = {"kind": type(error).__name__, "message": known.message, "hint": known.hint}
        say(json.dumps(told, indent=2))
    elif isinstance(error, click.ClickException):
        error.show()
        if remedy := _place_of_folder(error):
            say(f"{click.style('hint', fg='cyan')}: {remedy}", err=True)
    elif isinstance(known, ProjectError):
        tell(known.findings)
    else:
        title = click.style("interrupted" if isinstance(known, Interrupted) else "error", fg="red", bold=True)
        say(f"{title}: {known.message}", err=True)
        if known.hint:
            say(f"{click.style('hint', fg='cyan')}: {known.hint}", err=True)
    return known.exit_code


def tell(findings: Iterable[Finding]) -> None:
    """Prints findings and their number on standard error."""
    all_of_them = tuple(findings)
    say(render_all(all_of_them), err=True)
    number = click.style(count(len(all_of_them), "mistake"), fg="red", bold=True)
    say(f"\n{number}; nothing was written", err=True)


def document(status: str, findings: Iterable[Finding]) -> dict[str, object]:
    """The JSON document of a command that ran nothing; its keys are those of a run's."""
    return {"run_id": None, "status": status, "steps": [], "findings": [found.to_dict() for found in findings]}


def _place_of_folder(error: click.ClickException) -> str:
    """What to write where a command takes the folder of models in the other of the two ways; empty elsewhere."""
    context = error.ctx if isinstance(error, click.UsageError) else None
    folder = next((each for each in context.command.params if each.name == "folder"), None) if context else None
    if context is None or folder is None:
        return ""
    extra = re.match(r"Got unexpected extra argument \((.+)\)", error.message)
    if extra and isinstance(folder, click.Option) and Path(extra[1]).is_dir():
        return f"the folder of models is given by -p here: {context.command_path} -p {extra[1]}"
    if (
        isinstance(error, click.NoSuchOption)
        and error.option_name in {"-p", "--project"}
        and isinstance(folder, click.Argument)
    ):
        return f"the folder of models stands alone here: {context.command_path} FOLDER"
    return ""


def _known(error: BaseException) -> LakeorchError:
    """The error in the terms of lakeorch's own tree."""
    if isinstance(error, LakeorchError):
        return error
    if isinstance(error, KeyboardInterrupt | click.Abort):
        return Interrupted("stopped by the user")
    if isinstance(error, click.ClickException):
        wrong = LakeorchError(error.format_message())
        wrong.exit_code = error.exit_code
        return wrong
    if isinstance(error, OSError) and error.strerror:
        # a full disk, a missing permission: the machine's fault and not a bug, wherever it shows
        wrong = LakeorchError(": ".join(filter(None, [str(error.filename or ""), error.strerror])))
        wrong.exit_code = 2
        return wrong
    return LakeorchError(f"{type(error).__name__}: {one_line(str(error))}", hint=BUG_HINT)
