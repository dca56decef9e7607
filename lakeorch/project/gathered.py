"""What a survey gathers beside the models: raw files, each looked at once, and the checks of every model."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from lakeorch.brief import Models
from lakeorch.errors import UsageError
from lakeorch.graph import Graph
from lakeorch.model import Check, FileSet
from lakeorch.project.site import Site
from lakeorch.sources.files import Hashes, find_files, list_files, stamp_of


class Raw:
    """The raw files of a project, each pattern looked at once."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._hashes = Hashes(site.root)
        self._found: dict[str, FileSet] = {}
        self.stamps: dict[str, dict[str, tuple[int, int, int]]] = {}

    def content(self, pattern: str) -> str:
        """Names what the files behind a pattern hold; empty where there are none, or the network has them."""
        try:
            return "" if "://" in pattern else self._set(pattern).digest
        except UsageError:
            return ""

    def files(self, patterns: Iterable[str]) -> dict[str, FileSet]:
        """The files behind patterns; raises UsageError where there are none."""
        found = {pattern: self._set(pattern) for pattern in sorted(set(patterns))}
        if self._site.remember:
            self._hashes.save()
        return found

    def _set(self, pattern: str) -> FileSet:
        if pattern not in self._found:
            root = self._site.root
            if "://" not in pattern:
                self.stamps[pattern] = {path: stamp_of(root / path) for path in find_files(pattern, root)}
            self._found[pattern] = list_files(pattern, root, self._hashes)
        return self._found[pattern]


class Checks(Mapping[str, tuple[Check, ...]]):
    """The checks of every model that has some.

    A file of FOLDER/checks belongs to the last model, in graph order, that it looks at; what belongs to a model besides
    its own settings is in `beside`.
    """

    def __init__(self, graph: Graph, singular: Models) -> None:
        self._models = graph.models
        position = {name: at for at, name in enumerate(graph.order)} if singular else {}
        beside: dict[str, list[Check]] = {}
        for name, check in singular.items():
            looked_at = [each for each in graph.meanings(name, singular.briefs[name]).values() if each in position]
            if looked_at:
                last = max(looked_at, key=lambda each: position[str(each)])
                [rule] = check.settings.checks
                hashed = replace(rule, options={**rule.options, "hash": check.query_hash})
                beside.setdefault(str(last), []).append(hashed)
        self.beside = {name: tuple(found) for name, found in beside.items()}

    def __getitem__(self, name: str) -> tuple[Check, ...]:
        if name not in self:
            raise KeyError(name)
        return self._models[name].settings.checks + self.beside.get(name, ())

    def __contains__(self, name: object) -> bool:
        return name in self.beside or (name in self._models.briefs and self._models.briefs[str(name)].checked)

    def __iter__(self) -> Iterator[str]:
        return (name for name in self._models if name in self)

    def __len__(self) -> int:
        return sum(1 for _ in self)
