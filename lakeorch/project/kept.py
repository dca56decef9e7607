"""Answers of before, each in a file of its own below `<root>/.lakeorch/`, under a digest of all that it follows from.

Disposable: what is missing, torn or spoilt counts as never kept. Plain JSON, so that reading one loads no library.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from pathlib import Path
from typing import Any

# so many answers of a kind are kept, the newest
MOST = 8


def digest(value: object) -> str:
    """The digest of plain values."""
    return _hash(json.dumps(value, sort_keys=True, default=str, separators=(",", ":")).encode())


def read(folder: Path, question: str) -> Any:
    """The answer to a question; None where none is kept.

    Args:
        folder: of the answers of one kind.
        question: a `digest`.
    """
    try:
        told, _, text = (folder / question).read_bytes().partition(b"\n")
        return json.loads(text) if told.decode() == _hash(text) else None
    except (OSError, ValueError):
        return None


def write(folder: Path, question: str, answer: object) -> None:
    """Keeps an answer; a folder that cannot be written to is no error.

    Raises:
        TypeError: it has values that JSON does not.
    """
    text = json.dumps(answer, separators=(",", ":")).encode()
    new = folder / f"{question}.{os.getpid()}.tmp"
    with contextlib.suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        new.write_bytes(_hash(text).encode() + b"\n" + text)
        new.replace(folder / question)
        for old in sorted(folder.iterdir(), key=lambda file: file.stat().st_mtime_ns)[:-MOST]:
            old.unlink(missing_ok=True)


def _hash(text: bytes) -> str:
    return hashlib.blake2b(text, digest_size=16).hexdigest()
