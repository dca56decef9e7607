"""Findings with the exact place: what an engine refused, and words of a settings block."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from lakeorch.bind.text import Statement
from lakeorch.errors import EngineError, Finding, Place, Span, suggestion
from lakeorch.model import Model

_WORD = re.compile(r'"?\w+|.', re.DOTALL)


def refused(error: EngineError, model: Model, text: Statement, known: Iterable[str], folder: Path) -> Finding:
    """What the engine refused in a model's query.

    Args:
        error: the engine's; its position is one in `text`.
        model: whose query it is.
        text: what the engine was sent.
        known: the columns of the model's inputs, for "did you mean".
        folder: the project root.
    """
    span = _span(error, model, text)
    hint = error.hint
    if error.name and not hint:
        others = known if "column" in error.message.lower() else ()
        hint = suggestion(error.name, (*error.candidates, *others))
        if not hint and error.candidates:
            hint = f"known here: {_few(error.candidates)}"
    # the engine was sent absolute paths, the author wrote relative ones
    message = error.message.replace(f"{folder}/", "")
    return model.source.finding(span, message, hint=hint, model=model.name)


def in_settings(model: Model, place: Place, message: str, *, word: str = "", hint: str = "") -> Finding:
    """A finding about a setting: at `word` where that stands on the line of `place` or below, else at `place`."""
    source = model.source
    if place.file != source.file:
        # settings that came with the project's defaults
        place = place if place.file else Place(source.file)
        return Finding(place, message, hint, model=model.name)
    lines = source.text.splitlines(keepends=True)
    offset = sum(len(line) for line in lines[: place.line - 1]) + place.column - 1
    pattern = re.compile(rf"(?<!\w){re.escape(word)}(?!\w)", re.IGNORECASE)
    match = pattern.search(source.text, offset, model.body.start) if word else None
    return source.finding(Span(*match.span()) if match else _word(model, offset), message, hint=hint, model=model.name)


def of_key(model: Model, key: str, message: str, *, word: str = "", hint: str = "") -> Finding:
    """A finding about a word in the value of a settings key."""
    return in_settings(model, model.settings.places.get(key, Place("")), message, word=word, hint=hint)


def _span(error: EngineError, model: Model, text: Statement) -> Span:
    if error.position is None:
        return _blamed_file(error, model) or _word(model, model.body.start)
    offset = text.offset(error.position)
    for read in model.files:
        if read.call.start <= offset < read.call.end and not error.name:
            return read.argument
    if error.name and model.source.text[offset : offset + len(error.name)].lower() == error.name.lower():
        return Span(offset, offset + len(error.name))
    return _word(model, offset)


def _blamed_file(error: EngineError, model: Model) -> Span | None:
    """A reader that cannot make sense of a file names it, but not where the query reads it."""
    for read in model.files:
        # the part of a pattern before any glob sign stands in the path of every file that it matches
        stems = (re.split(r"[*?\[]", pattern, maxsplit=1)[0] for pattern in read.patterns)
        if any(stem and stem in error.message for stem in stems):
            return read.argument
    return None


def _word(model: Model, offset: int) -> Span:
    match = _WORD.match(model.source.text, offset)
    return Span(offset, match.end() if match else offset + 1)


def _few(names: tuple[str, ...]) -> str:
    return ", ".join(names[:8]) + (", …" if len(names) > 8 else "")
