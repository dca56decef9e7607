"""The language in which models are chosen: `+orders`, `staging.*`, `tag:daily`."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Mapping, Sequence

from lakeorch.errors import UsageError, suggestion
from lakeorch.graph.walks import Edges, spread
from lakeorch.model import Model

_SELECTOR = re.compile(r"(?:(?P<up>\d*)\+)?(?P<what>[^+]+)(?:\+(?P<down>\d*))?")


class Selectors:
    """Reads selectors over one set of models.

    Args:
        models: by name.
        called: the models of each bare table name.
        parents, children: the edges between them.
        changed: tells whether a model is changed, for `state:changed`.
    """

    def __init__(
        self,
        models: Mapping[str, Model],
        called: Mapping[str, Sequence[str]],
        parents: Edges,
        children: Edges,
        changed: Callable[[str], bool] | None = None,
    ) -> None:
        self._models = models
        self._called = called
        self._parents = parents
        self._children = children
        self._changed = changed

    def read(self, selector: str) -> set[str]:
        """The models that a selector means.

        Raises:
            UsageError: it means none, or could mean several where one is asked for.
        """
        parts = _SELECTOR.fullmatch(selector.strip())
        if not parts:
            hint = "write a name, ns.*, tag:x, owner:x or path:x, with + before or behind it"
            raise UsageError(f'"{selector}" is not a selector', hint=hint)
        found = self._meant(parts["what"].strip())
        chosen = set(found)
        for limit, edges in ((parts["up"], self._parents), (parts["down"], self._children)):
            if limit is not None:
                chosen |= spread(found, edges, int(limit) if limit else None).keys()
        return chosen

    def _meant(self, what: str) -> set[str]:
        method, colon, value = what.partition(":")
        if what == "state:changed" and self._changed is not None:
            return {name for name in self._models if self._changed(name)}
        if not colon:
            return self._named(what.lower())
        if method == "path":
            return self._at_path(value)
        if method == "tag":
            marks = {name: model.settings.tags for name, model in self._models.items()}
        elif method == "owner":
            marks = {name: (model.settings.owner,) for name, model in self._models.items()}
        else:
            near = suggestion(method, ("tag", "path", "owner")) or "there are tag:, path: and owner:"
            raise UsageError(f'"{method}:" is not a kind of selector', hint=near)
        found = {name for name, own in marks.items() if any(fnmatch.fnmatchcase(mark, value) for mark in own if mark)}
        if not found:
            known = {mark for own in marks.values() for mark in own if mark}
            raise UsageError(f"no model has {method} {value!r}", hint=suggestion(value, known))
        return found

    def _named(self, name: str) -> set[str]:
        if name in self._models:
            return {name}
        if any(sign in name for sign in "*?["):
            found = {at for at in self._models if fnmatch.fnmatchcase(at, name)}
        else:
            found = set(self._called.get(name, ()))
            if len(found) > 1:
                message = f'"{name}" could mean {listing(sorted(found))}'
                raise UsageError(message, hint="write the namespace before it")
        if not found:
            near = suggestion(name, self._models) or suggestion(name, self._called)
            raise UsageError(f'no model is called "{name}"', hint=near)
        return found

    def _at_path(self, path: str) -> set[str]:
        wanted = path.removeprefix("./").rstrip("/")
        paths = {name: _paths(model) for name, model in self._models.items()}
        found = {
            name
            for name, own in paths.items()
            if any(at == wanted or at.startswith(f"{wanted}/") or fnmatch.fnmatchcase(at, wanted) for at in own)
        }
        if wanted in ("", "."):
            return set(self._models)
        if not found:
            files = [at for own in paths.values() for at in own]
            known = {*files, *(at.rpartition("/")[0] for at in files)}
            raise UsageError(f"no model stands at {path!r}", hint=suggestion(wanted, known))
        return found


def listing(names: Sequence[str]) -> str:
    """`a, b or c`, of two or more."""
    return f"{', '.join(names[:-1])} or {names[-1]}"


def _paths(model: Model) -> tuple[str, str]:
    """A model's file, relative to the project root and to the model folder."""
    file = model.source.file
    return file, "/".join(file.split("/")[-len(model.name.split(".")) :])


def several(selectors: Sequence[str]) -> tuple[str, ...]:
    """Selectors as they may be given: one as it is, or some in a list."""
    return (selectors,) if isinstance(selectors, str) else tuple(selectors)
