"""The files of a project → `Model`s: which files are models, what they are called, what each says.

What a file said before is found again by its content: a file is read only where its size or times have moved, and
parsed only where its text is another.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

from lakeorch.brief import Brief, Models, brief_of
from lakeorch.cache import Cache, Stamp, content_hash, digest, stamp_of
from lakeorch.errors import Finding, Place
from lakeorch.model import Model
from lakeorch.parse.apart import Apart, Text
from lakeorch.parse.files import decoded, parse_check, parse_model

_NAME = re.compile(r"[a-z_][a-z0-9_]*", re.IGNORECASE | re.ASCII)
_RESERVED = ("checks", "tests")
_CHECKS = "checks"
_LATER = {".csv": "seeds"}
_GONE: Stamp = (0, 0, 0, 0)

Defaults = Callable[[str], Mapping[str, object]]


@dataclass(frozen=True)
class Parsed:
    """What a folder holds.

    Attributes:
        found: the models, in the order of their names.
        singular: the queries of FOLDER/checks, called `checks.<name>`; each has one `Check` of kind `sql`.
        findings: everything that is wrong, in the order of the files.
    """

    found: Models
    singular: Models
    findings: tuple[Finding, ...]

    @property
    def models(self) -> tuple[Model, ...]:
        """Every model, read."""
        return tuple(self.found.values())

    @property
    def checks(self) -> tuple[Model, ...]:
        """Every query of FOLDER/checks, read."""
        return tuple(self.singular.values())


class _File(NamedTuple):
    """A file that may hold a model: its path, the folders and the name below the model folder, its stamp."""

    path: str
    inside: tuple[str, ...]
    seen: Stamp


@dataclass
class _Found:
    """Models or checks as they are found: in few words, and those that had to be parsed whole."""

    briefs: dict[str, Brief] = field(default_factory=dict)
    parsed: dict[str, Model] = field(default_factory=dict)

    def models(self, cache: Cache) -> Models:
        """All of them, in the order of their names."""
        briefs = {name: self.briefs[name] for name in sorted(self.briefs)}

        def read(name: str) -> Model:
            model = self.parsed.get(name) or cache.models.get(briefs[name].key)
            assert model is not None, f"{name} is neither parsed nor kept"
            return model

        return Models(briefs, read)


def parse_folder(folder: Path, root: Path, defaults: Defaults | None = None, cache: Cache | None = None) -> Parsed:
    """Reads every model and check of a folder.

    Args:
        folder: the model folder.
        root: the project root, which places are relative to.
        defaults: gives the default settings of a folder by its path relative to `folder` (POSIX, `.` for itself).
        cache: knows what files said before, and learns what they say now.
    """
    reader = _Reader(folder, root, defaults or (lambda _: {}), cache or Cache())
    for file in _files(str(folder)):
        reader.file(file)
    return reader.parsed()


class _Reader:
    def __init__(self, folder: Path, root: Path, defaults: Defaults, cache: Cache) -> None:
        self.shown = (folder.relative_to(root) if folder.is_relative_to(root) else folder).as_posix()
        self.root = root
        self.cache = cache
        self.defaults = defaults
        self.given: dict[tuple[str, ...], tuple[Mapping[str, object] | None, str]] = {}
        self.names: dict[str, str] = {}
        self.models, self.checks = _Found(), _Found()
        # what is to be parsed, its key, and that of the text it was before
        self.texts: dict[str, tuple[Text, str, str]] = {}
        self.findings: dict[str, tuple[Finding, ...]] = {}

    def file(self, file: _File) -> None:
        """Finds a model in the cache, or reads its file to be parsed."""
        inside = "/".join(file.inside)
        shown = inside if self.shown == "." else f"{self.shown}/{inside}"
        name = _name(file.inside, shown)
        if not isinstance(name, str):
            self.findings[shown] = name
            return
        self.findings[shown] = ()
        if name in self.names:
            message = f"{name} is already the name of {self.names[name]}: letter case does not count"
            self.findings[shown] = (Finding(Place(shown), message, "rename one of the two files", model=name),)
            return
        self.names[name] = shown
        given, told = self._given(file.inside[:-1])
        if content := self.cache.content_of(file.path, file.seen):
            key = digest(content, name, shown, told)
            if self._known(name, key, given):
                return
        try:
            raw = Path(file.path).read_bytes()
        except OSError as error:
            message = f"this file cannot be read: {error.strerror or error}"
            self.findings[shown] = (Finding(Place(shown), message, model=name),)
            return
        content, before = content_hash(raw), self.cache.content_before(file.path)
        self.cache.learn(file.path, file.seen, content)
        key = digest(content, name, shown, told)
        if not self._known(name, key, given):
            self.texts[name] = Text(name, shown, raw, given), key, digest(before, name, shown, told)

    def _known(self, name: str, key: str, given: Mapping[str, object] | None) -> bool:
        brief = self.cache.briefs.get(key)
        if brief is None or key not in self.cache.models:
            return False
        (self.checks if given is None else self.models).briefs[name] = brief
        return True

    def _given(self, folders: tuple[str, ...]) -> tuple[Mapping[str, object] | None, str]:
        """The default settings of a folder, and what names them; None for that of checks, which take none."""
        if folders not in self.given:
            settings = None if folders and folders[0].lower() == _CHECKS else self.defaults("/".join(folders) or ".")
            self.given[folders] = settings, _CHECKS if settings is None else repr(sorted(settings.items()))
        return self.given[folders]

    def parsed(self) -> Parsed:
        """Parses what has to be parsed."""
        with Apart([text for text, _, _ in self.texts.values()], self.root).working() as apart:
            away = apart.away()
            for text, key, before in self.texts.values():
                if text.name not in away:
                    self._parse(text, key, before)
            for name, made in apart.made():
                text, key, _ = self.texts[name]
                brief = made.brief._replace(key=key)
                self.cache.models.take(key, made.packed)
                self.cache.briefs.put(key, brief)
                (self.checks if text.given is None else self.models).briefs[name] = brief
                away -= {name}
        for name in sorted(away):
            self._parse(*self.texts[name])
        findings = tuple(finding for found in self.findings.values() for finding in found)
        return Parsed(self.models.models(self.cache), self.checks.models(self.cache), findings)

    def _parse(self, text: Text, key: str, before: str) -> None:
        model, self.findings[text.shown] = parse_text(text, self.root, self.cache.models.get(before))
        if model is None:
            return
        found = self.checks if text.given is None else self.models
        # a model with mistakes is read again until it has none; a function is more than its own file
        whole = not self.findings[text.shown] and not model.is_python
        kept = whole and self.cache.models.put(key, model)
        brief = brief_of(model, key if kept else "")
        if kept:
            self.cache.briefs.put(key, brief)
        found.briefs[text.name], found.parsed[text.name] = brief, model


def parse_text(text: Text, root: Path, before: Model | None = None) -> tuple[Model | None, tuple[Finding, ...]]:
    """One file → its model, and what is wrong with it; `given` None is that of a check, `before` as `parse_model`."""
    source, unreadable = decoded(text.raw, text.shown)
    if source is None:
        return None, tuple(replace(wrong, model=text.name) for wrong in unreadable)
    if text.given is None:
        return parse_check(source, text.name)
    return parse_model(source, text.name, text.given, root, before)


def _files(folder: str, inside: tuple[str, ...] = (), around: frozenset[str] = frozenset()) -> Iterator[_File]:
    """The files of the folders that may hold models, in an order that is the same everywhere.

    A folder may be a link, but not one to a folder that it stands in: that would have no end.
    """
    try:
        with os.scandir(folder) as found:
            entries = sorted(found, key=lambda entry: entry.name)
    except OSError:
        return
    around |= {os.path.realpath(folder)}
    folders = []
    for entry in entries:
        name = entry.name
        if entry.is_dir():
            if name[0] not in "_." and (inside or name.lower() != "tests"):
                folders.append(entry)
            continue
        suffix = name[name.rfind(".") :].lower()
        # `__init__.py` and the like are no models
        python = suffix == ".py" and name[0] != "_" and inside[:1] != (_CHECKS,)
        if name[0] != "." and (suffix == ".sql" or ((python or suffix in _LATER) and inside)):
            yield _File(entry.path, (*inside, name), _seen(entry))
    for entry in folders:
        if not entry.is_symlink() or os.path.realpath(entry.path) not in around:
            yield from _files(entry.path, (*inside, entry.name), around)


def _seen(entry: os.DirEntry[str]) -> Stamp:
    try:
        return stamp_of(entry.stat())
    except OSError:
        # a link that leads nowhere; that it cannot be read is told when it is read
        return _GONE


def _name(inside: tuple[str, ...], shown: str) -> str | tuple[Finding, ...]:
    """The model's name by the file's path in the folder, or what keeps it from being one."""
    stem, dot, suffix = inside[-1].rpartition(".")
    if f"{dot}{suffix.lower()}" in _LATER:
        if inside[0].lower() in _RESERVED:
            return ()
        message = (
            f"{_LATER[dot + suffix.lower()]} are not supported in this version, which takes .sql and .py models only"
        )
        return (Finding(Place(shown), message, "move it into a folder whose name begins with _"),)
    parts = [*inside[:-1], stem]
    if len(parts) == 1:
        message = "a model stands in a folder, which is its namespace"
        better = f"{Path(shown).parent.as_posix()}/staging/{inside[-1]}"
        return (Finding(Place(shown), message, f"move it to {better}, or name the folder above as the project"),)
    for part in parts:
        if not _is_name(part):
            message = f'"{part}" is not a name: expected letters, digits and _, a digit not in front'
            better = re.sub(r"\W+", "_", part, flags=re.ASCII).strip("_").lower()
            return (Finding(Place(shown), message, f'rename it to "{better}"' if _is_name(better) else ""),)
    return ".".join(parts).lower()


def _is_name(part: str) -> bool:
    return _NAME.fullmatch(part) is not None
