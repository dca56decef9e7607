"""Shell sessions in Markdown, run again: `$ command` lines and what they print. For README, docs and examples."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests import warm

ROOT = Path(__file__).parent.parent
BLOCK = re.compile(r"^```(\w+)([^\n]*)\n(.*?)^```$", re.S | re.M)
RUN_ID = re.compile(r"\b\d{8}t\d{6}-[0-9a-f]{6}\b")
# where the pages say that they are
PLACE = "/srv/shop"
_TITLE = re.compile(r'title="([^"]+)"')
# what differs from run to run
CHANGING = (
    (re.compile(r"^\d+ × .* after a warm-up$", re.M), "<machine>"),
    (re.compile(r"\b[\d.]+( [mµ]?s)?\.\.[\d.]+ [mµ]?s\b"), "<spread>"),
    (re.compile(r"\b[\d.]+ [mµ]?s\b(?! ago)"), "<time>"),
    (re.compile(r"≈?\b[\d.]+×"), "<ratio>"),
    (re.compile(r"\b[\d.,]+[MBT]?/s"), "<rate>"),
    (re.compile(r"\b\d+(\.\d+)?s\b|\b\d+m\d\ds\b"), "<time>"),
    (re.compile(r"\b[\d.]+ [kMGT]?B\b"), "<size>"),
    (RUN_ID, "<run>"),
    (re.compile(r"\b\d{17,19}\b"), "<snapshot>"),
    (re.compile(r"just now|\d+ (s|min|hours?|days?) ago"), "<ago>"),
    (re.compile(r"\b20(2[6-9]|[3-9]\d)-\d\d-\d\d[ T]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|\+00:00)?"), "<moment>"),
    (re.compile(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"), "<uuid>"),
    (re.compile(r"\b[0-9a-f]{12,64}\b"), "<hash>"),
    (re.compile(r"[─ ]+"), " "),
)


def blocks(language: str, text: str) -> list[str]:
    """The code blocks of a language."""
    return [code for found, _, code in BLOCK.findall(text) if found == language]


def commands(block: str) -> Iterator[tuple[str, str]]:
    """Each `$ command` of a console block with the output below it; `> ` begins a further line of the command."""
    for part in re.split(r"^\$ ", block, flags=re.M)[1:]:
        first, *rest = part.split("\n")
        while rest and rest[0].startswith("> "):
            first += "\n" + rest.pop(0)[2:]
        yield first, "\n".join(rest)


def settled(output: str) -> list[str]:
    """An output without what changes from run to run. Sorted: models that run side by side end in any order."""
    for pattern, word in CHANGING:
        output = pattern.sub(word, output)
    return sorted(line.strip() for line in output.splitlines() if line.strip())


def environment(folder: Path, *, cold: bool = False) -> dict[str, str]:
    """An environment in which `lakeorch` and `python` are those of this tree; its programs lie in the folder.

    With `cold`, `lakeorch` is started as a user starts it; otherwise its libraries are loaded already.
    """
    programs = folder / ".bin"
    programs.mkdir()
    python = f'"{sys.executable}"'
    for name, words in {"lakeorch": f"{python} -m lakeorch" if cold else warm.command(), "python": python}.items():
        command = programs / name
        command.write_text(f'#!/bin/sh\nexec {words} "$@"\n')
        command.chmod(0o755)
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"
    return os.environ | {"PATH": path, "PYTHONPATH": str(ROOT), "NO_COLOR": "1", "COLUMNS": "120"}


def project(folder: Path, source: str = "sql_models", *, cold: bool = False) -> dict[str, str]:
    """Copies a project of this tree into a folder under its own name; returns an environment for its commands."""
    ignored = shutil.ignore_patterns(".*", "__pycache__", "warehouse")
    shutil.copytree(ROOT / source, folder / Path(source).name, ignore=ignored)
    return environment(folder, cold=cold)


def run(command: str, folder: Path, variables: dict[str, str]) -> str:
    """The output of a shell command, standard error included."""
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env=variables,
        check=False,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    return done.stdout


@dataclass
class Session:
    """Runs the blocks of a page in order, in one folder.

    A command may name a run id that an earlier output of the page shows: it gets the id which that run has now.

    Attributes:
        folder: where the commands run.
        variables: their environment.
    """

    folder: Path
    variables: dict[str, str]
    known: dict[str, str] = field(default_factory=dict)

    def told(self, text: str) -> Iterator[tuple[str, str, str]]:
        """Each command of a text, its output as written and as seen; writes files, runs Python on the way."""
        for language, label, code in BLOCK.findall(text):
            title = _TITLE.search(label)
            if title:
                path = self.folder / title[1]
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(code, encoding="utf-8")
            elif language == "console":
                for command, written in commands(code):
                    yield command, written, self.run(command, written)
            elif language == "python":
                yield code, "", self._python(code)

    def run(self, command: str, written: str) -> str:
        """The output of a command; remembers which run of the page is which run of now."""
        seen = run(self.now(command), self.folder, self.variables).replace(str(self.folder), PLACE)
        then, now = RUN_ID.findall(written), RUN_ID.findall(seen)
        if len(then) == len(now):
            self.known.update(zip(then, now, strict=True))
        return seen

    def now(self, command: str) -> str:
        """A command with the ids of now in place of those that the page shows."""
        for then, now in self.known.items():
            command = command.replace(then, now)
        return command

    def _python(self, code: str) -> str:
        command = [sys.executable, "-c", code]
        done = subprocess.run(command, cwd=self.folder, env=self.variables, check=False, capture_output=True, text=True)
        return f"exit code {done.returncode}\n{done.stderr}" if done.returncode else ""


def rewritten(text: str, session: Session) -> str:
    """A text with the output that its commands print now; ids that were written before go into the commands too."""

    def again(match: re.Match[str]) -> str:
        language, label, code = match.groups()
        if language != "console" or _TITLE.search(label):
            assert [seen for _, _, seen in session.told(match[0]) if seen] == []
            return match[0]
        parts = []
        for command, written in commands(code):
            output = session.run(command, written).rstrip()
            shown = "$ " + session.now(command).replace("\n", "\n> ")
            parts.append(f"{shown}\n{output}\n" if output else shown)
        return f"```{language}{label}\n" + "\n".join(parts).rstrip("\n") + "\n```"

    return BLOCK.sub(again, text)
