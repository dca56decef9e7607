"""Parses many files in processes of their own, as many as there are processors to spare.

A worker is a fresh interpreter that is handed texts and hands back packed models: nothing of the caller's program runs
in it, so that it works from any script, notebook or thread. What one cannot do, for whatever reason, is done here.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import msgspec

import lakeorch
from lakeorch.brief import Brief, brief_of
from lakeorch.cache import Pack
from lakeorch.model import Model

# under so many texts for each, starting a process takes longer than it saves
WORTH = 250
MOST = 8
_WORK = "from lakeorch.parse.apart import work; work()"


class Text(NamedTuple):
    """A file to parse: the model's name, its path in messages, its content, and its folder's default settings."""

    name: str
    shown: str
    raw: bytes
    given: Mapping[str, object] | None


class Made(NamedTuple):
    """A model without mistakes, packed and in few words."""

    packed: bytes
    brief: Brief


class Apart:
    """Workers that parse a part of some texts.

    Args:
        texts: all of them.
        root: the project root.
    """

    def __init__(self, texts: Sequence[Text], root: Path) -> None:
        self._texts = [text for text in texts if _travels(text)]
        self._root = root
        workers = min(MOST, _processors() - 1, len(self._texts) // WORTH - 1)
        size = len(self._texts) // (workers + 1) + 1 if workers > 0 else 0
        self._shares = [self._texts[at * size : (at + 1) * size] for at in range(workers)]

    @contextlib.contextmanager
    def working(self) -> Iterator[Apart]:
        """Starts the workers; the block does the other part."""
        with ThreadPoolExecutor(max(1, len(self._shares))) as pool:
            self._running: list[Future[list[Made | None]]] = [pool.submit(_ask, s, self._root) for s in self._shares]
            yield self

    def away(self) -> frozenset[str]:
        """The names of the models that workers parse."""
        return frozenset(text.name for share in self._shares for text in share)

    def made(self) -> Iterator[tuple[str, Made]]:
        """What the workers made of their models, once they are done; without those that are to be parsed here."""
        for share, running in zip(self._shares, self._running, strict=True):
            for text, made in zip(share, running.result(), strict=False):
                if made is not None:
                    yield text.name, made


def work() -> None:
    """The program of a worker: texts from standard input, models to standard output."""
    from lakeorch.parse.folder import parse_text

    root, texts = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=tuple[str, list[Text]])
    found: list[Made | None] = []
    packs: Pack[Model] = Pack(Model, {})
    for text in texts:
        model, findings = parse_text(text, Path(root))
        kept = model is not None and not findings and not model.is_python and packs.put(text.name, model)
        found.append(Made(packs.only((text.name,))[text.name], brief_of(model)) if kept and model else None)
    sys.stdout.buffer.write(msgspec.msgpack.encode(found))


def _ask(texts: Sequence[Text], root: Path) -> list[Made | None]:
    home = str(Path(lakeorch.__file__).parents[1])
    surroundings = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, (home, os.environ.get("PYTHONPATH"))))}
    try:
        done = subprocess.run(
            # -P: a file of the current folder that is called like a module of the library must not take its place
            [sys.executable, "-P", "-c", _WORK],
            input=msgspec.msgpack.encode((str(root), texts)),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=surroundings,
            check=True,
        )
        return msgspec.msgpack.decode(done.stdout, type=list[Made | None])
    except (OSError, ValueError, subprocess.SubprocessError):
        return []


def _travels(text: Text) -> bool:
    """Whether the default settings arrive as they are: a date would come as text."""
    try:
        return bool(msgspec.msgpack.decode(msgspec.msgpack.encode(text.given)) == text.given)
    except (TypeError, ValueError, OverflowError):
        return False


def _processors() -> int:
    with contextlib.suppress(AttributeError):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
