"""Step 2: Models → what needs what, in which order, and which of them a selector means.

Nothing here recurses, so that a chain of any length works; everything is linear in the size of the graph.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date

from lakeorch.brief import Brief, Models
from lakeorch.cache import digest
from lakeorch.errors import Finding, Place
from lakeorch.graph.selectors import Selectors, listing, several
from lakeorch.graph.walks import Edges, cycles, order, ring, spread, turned
from lakeorch.masking import is_secret, stand_in
from lakeorch.model import Model, Reference, Scalar

__all__ = ["Graph"]

_DATA_SETTINGS = ("unique_key", "updated_at", "partition_by", "sort_by", "engine", "append_from")


class Graph:
    """The models of a project and their edges.

    Attributes:
        models: by name; of two with one name the first.
        order: names, every model behind what it reads; the same for the same models. Models of a cycle are in it too.
        findings: cycles, ambiguous references, duplicate names.
    """

    def __init__(self, models: Sequence[Model] | Models) -> None:
        self.models, duplicates = (models, []) if isinstance(models, Models) else _by_name(models)
        self.briefs = self.models.briefs
        self._called: dict[str, list[str]] = {}
        for name in self.models:
            self._called.setdefault(name.rpartition(".")[2], []).append(name)
        self._meanings = {name: self._read(name, brief) for name, brief in self.briefs.items()}
        self._parents = {name: _others(name, meant.values()) for name, meant in self._meanings.items()}
        self._children = turned(self._parents)
        groups = cycles(self._parents)
        self.order = order(self._parents, groups)
        self._position = {name: number for number, name in enumerate(self.order)}
        self._fingerprints: dict[tuple[str, str], str] = {}
        self._behind: dict[str, tuple[str, ...]] = {}
        self._views: dict[str, tuple[str, ...]] = {}
        self._identities: dict[str, str] = {}
        shared = {called for called, names in self._called.items() if len(names) > 1}
        doubtful = (name for name, brief in self.briefs.items() if shared and not shared.isdisjoint(brief.references))
        unclear = (finding for name in doubtful for finding in self.ambiguities(self.models[name]))
        self.findings: tuple[Finding, ...] = (
            *duplicates,
            *unclear,
            *(self._explain(members) for members in groups),
        )

    # ---- names -------------------------------------------------------------------------------------------------

    def resolve(self, model: Model, reference: str) -> str | None:
        """The model that a table name in a model's query means.

        Args:
            model: whose query it is; it need not be in the graph.
            reference: the name as `Reference.name` has it; letter case does not count.

        Returns:
            A model's name; None where no model is called so, or several are and none in the model's own namespace.
        """
        return self._meant(model.namespace, reference.lower())

    def _meant(self, namespace: str, reference: str) -> str | None:
        if "." in reference:
            return reference if reference in self.briefs else None
        own = f"{namespace}.{reference}"
        if own in self.briefs:
            return own
        called = self._called.get(reference, ())
        return called[0] if len(called) == 1 else None

    def meanings(self, name: str, brief: Brief | None = None) -> dict[str, str | None]:
        """What each table name in the query of a model means, as `resolve` has it; with `brief` also of a check."""
        return self._meanings[name] if brief is None else self._read(name, brief)

    def _read(self, name: str, brief: Brief) -> dict[str, str | None]:
        namespace = name.rpartition(".")[0]
        return {reference: self._meant(namespace, reference) for reference in brief.references}

    def ambiguities(self, model: Model) -> tuple[Finding, ...]:
        """The references of a model (in the graph or not) that could mean several models."""
        found = []
        for reference in model.references:
            called = self._called.get(reference.name, ())
            if len(called) > 1 and self.resolve(model, reference.name) is None:
                message = f'"{reference.name}" could mean {listing(sorted(called))}'
                hint = "write the namespace before it"
                found.append(model.source.finding(reference.span, message, hint=hint, model=model.name))
        return tuple(found)

    # ---- edges -------------------------------------------------------------------------------------------------

    def parents(self, name: str) -> tuple[str, ...]:
        """The models that a model reads, in the order of its text."""
        return self._parents[name]

    def children(self, name: str) -> tuple[str, ...]:
        """The models that read a model."""
        return self._children[name]

    def ancestors(self, name: str, depth: int | None = None) -> tuple[str, ...]:
        """All that a model is made of, in order; at most `depth` steps away."""
        return self._reach(name, self._parents, depth)

    def behind(self, names: Iterable[str]) -> tuple[str, ...]:
        """All that some models are made of, besides themselves, in order."""
        given = frozenset(names)
        return self._sorted(spread(given, self._parents, None).keys() - given)

    def descendants(self, name: str, depth: int | None = None) -> tuple[str, ...]:
        """All that is made of a model, in order; at most `depth` steps away."""
        return self._reach(name, self._children, depth)

    def _reach(self, name: str, edges: Edges, depth: int | None) -> tuple[str, ...]:
        away = spread((name,), edges, depth)
        del away[name]
        return self._sorted(away)

    def _sorted(self, names: Iterable[str]) -> tuple[str, ...]:
        return tuple(sorted(names, key=self._position.__getitem__))

    # ---- through views -----------------------------------------------------------------------------------------

    def views_behind(self, name: str) -> tuple[str, ...]:
        """The views that a model inlines, directly or through other views, in an order in which they can be made."""
        if name not in self._views:
            found: dict[str, None] = {}
            waiting = [name]
            while waiting:
                for parent in self._parents[waiting.pop()]:
                    if parent not in found and parent != name and self._is_view(parent):
                        found[parent] = None
                        waiting.append(parent)
            self._views[name] = self._sorted(found)
        return self._views[name]

    def tables_behind(self, name: str) -> tuple[str, ...]:
        """The tables a model reads, through the views it inlines.

        Returns:
            Names of models that are tables, and qualified names that no model has: tables of the catalog, if anything.
        """
        if name not in self._behind:
            found: dict[str, None] = {}
            for at in (name, *reversed(self.views_behind(name))):
                for reference, meant in self.meanings(at).items():
                    if meant is None and "." in reference:
                        found[reference] = None
                    elif meant is not None and meant != at and not self._is_view(meant):
                        found[meant] = None
            self._behind[name] = tuple(found)
        return self._behind[name]

    def files_behind(self, name: str) -> tuple[str, ...]:
        """The file patterns a model reads, itself or through the views it inlines."""
        parts = (name, *reversed(self.views_behind(name)))
        return tuple(dict.fromkeys(pattern for at in parts for pattern in self.briefs[at].patterns))

    def driving(self, name: str) -> frozenset[str]:
        """The inputs whose new rows an append or merge model is made of: tables and file patterns.

        They are what `append_from` names, or else all its files, or else its tables.
        """
        tables, files = self.tables_behind(name), self.files_behind(name)
        chosen = self.models[name].settings.append_from
        if not chosen:
            return frozenset(files or tables)
        meant = (self.resolve(self.models[name], each) or each for each in chosen)
        return frozenset(each for each in meant if each in {*tables, *files})

    def adds_up(self, name: str) -> bool:
        """Whether an append or merge model's new rows are its query over the new rows of its driving inputs alone.

        They are where one driving input is read, once, and each of its rows brings rows of its own; and where a UNION
        ALL puts driving files together and nothing else. Otherwise a new row could need one that was there before, or
        rows that nothing new brought would come again.
        """
        drives = self.driving(name)
        parts = [self.models[at] for at in (*self.views_behind(name), name)]
        counts: dict[str, int] = {}
        for part in parts:
            used = [self.resolve(part, reference.name) or reference.name for reference in part.references]
            counts[part.name] = sum(counts.get(each, int(each in drives)) for each in used)
            counts[part.name] += sum(bool(drives & set(read.patterns)) for read in part.files)
        growths = [part.growth for part in parts]
        if not any(growth.joins for growth in growths) and all(growth.branches > 1 for growth in growths):
            reads = [read for part in parts for read in part.files]
            return len(parts) == 1 and not parts[0].references and len(reads) == growths[0].branches == counts[name]
        loose = {word for growth in growths for word in growth.loose}
        meant = {self.resolve(part, word) or word for part in parts for word in loose}
        return counts[name] <= 1 and not drives & meant and all(growth.branches == 1 for growth in growths)

    def reads_clock(self, name: str) -> bool:
        """Whether a model, or a view it inlines, reads the clock."""
        return any(self.briefs[at].clock for at in (name, *self.views_behind(name)))

    def _is_view(self, name: str) -> bool:
        return self.briefs[name].materialized == "view"

    # ---- identity ----------------------------------------------------------------------------------------------

    def identity(self, name: str) -> str:
        """Names the texts of a model and of the views that it inlines, and what the names in them mean.

        It moves with every edit of a file, a comment too: what was found out of a model holds while this stays.

        Returns:
            Empty where the key of a text is not known.
        """
        if name not in self._identities:
            for at in (*self.views_behind(name), name):
                if at not in self._identities:
                    self._identities[at] = self.identity_of(at, self.briefs[at])
        return self._identities[name]

    def identity_of(self, name: str, brief: Brief) -> str:
        """As `identity`, of a check that is not in the graph."""
        parts = [name, brief.key]
        whole = bool(brief.key)
        meanings = self.meanings(name) if name in self.briefs else self._read(name, brief)
        for reference, meant in meanings.items():
            parts += (reference, meant or "")
            if meant is not None and self._is_view(meant):
                # absent only for a model in a cycle, which cannot run
                view = self._identities.get(meant, "") if name in self.briefs else self.identity(meant)
                whole = whole and bool(view)
                parts.append(view)
        return digest(*parts) if whole else ""

    # ---- fingerprints ------------------------------------------------------------------------------------------

    def data_settings(self, name: str, variables: Mapping[str, Scalar]) -> dict[str, object]:
        """What of a model besides its query decides its rows: settings, and the values of the variables it uses.

        Returns:
            JSON-able; a setting that is not set is not in it.
        """
        model = self.models[name]
        settings = model.settings
        facts: dict[str, object] = {"materialized": settings.materialized}
        for key in _DATA_SETTINGS:
            if value := getattr(settings, key):
                facts[key] = list(value) if isinstance(value, tuple) else value
        if settings.materialized == "history":
            facts["deleted"] = settings.deleted
        if types := {column.name: column.type for column in settings.columns if column.type}:
            facts["types"] = types
        if used := sorted({use.name for use in model.variables}):
            facts["variables"] = {variable: _kept(variable, variables.get(variable)) for variable in used}
        return facts

    def fingerprint(self, name: str, variables: Mapping[str, Scalar]) -> str:
        """Identifies what a model computes: it moves with its query, data settings, variables and inlined views.

        New data never moves it, nor does the model's own name, a description, an owner, a tag or a check.
        """
        values = json.dumps({key: _plain(value) for key, value in sorted(variables.items())})
        for at in (*self.views_behind(name), name):
            if (at, values) not in self._fingerprints:
                self._fingerprints[at, values] = self._fingerprint(at, variables, values)
        return self._fingerprints[name, values]

    def _fingerprint(self, name: str, variables: Mapping[str, Scalar], values: str) -> str:
        model = self.models[name]
        meant = {}
        views = {}
        for reference in model.references:
            target = self.resolve(model, reference.name)
            if "." not in reference.name:
                meant[reference.name] = target
            if target is not None and self._is_view(target):
                # absent only for a model in a cycle, which cannot run
                views[target] = self._fingerprints.get((target, values))
        settings = self.data_settings(name, variables)
        text = json.dumps([model.query_hash, settings, meant, views], sort_keys=True, separators=(",", ":"))
        return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()

    # ---- selectors ---------------------------------------------------------------------------------------------

    def select(
        self,
        selectors: Sequence[str] = (),
        exclude: Sequence[str] = (),
        changed: Callable[[str], bool] | None = None,
    ) -> tuple[str, ...]:
        """The models that selectors mean, in order.

        A selector is a name (`staging.sales`; `sales` where one model is called so), a glob (`staging.*`), `tag:daily`,
        `owner:ann`, `path:staging` (a file or folder) or `state:changed`; `+` before it adds all it is made of, `+`
        behind it all that is made of it; a number limits the steps: `2+sales`, `sales+3`.

        Args:
            selectors: one, or several whose union is taken; all models where there are none.
            exclude: a selector of what is left out, or several.
            changed: tells whether a model is changed, for `state:changed`.

        Raises:
            UsageError: a selector means nothing, or could mean several models.
        """
        reader = Selectors(self.models, self._called, self._parents, self._children, changed)
        chosen: set[str] = set() if selectors else set(self.models)
        for selector in several(selectors):
            chosen |= reader.read(selector)
        for selector in several(exclude):
            chosen -= reader.read(selector)
        return self._sorted(chosen)

    # ---- cycles ------------------------------------------------------------------------------------------------

    def _explain(self, members: Sequence[str]) -> Finding:
        """One finding for models that need each other: a shortest way round, with the reference of each file."""
        way = ring(min(members), set(members), self._parents)
        steps = zip(way, [*way[1:], way[0]], strict=True)
        told = [(self.models[name].source, self._reference(name, to), name, to) for name, to in steps]
        where = "; ".join(
            f"{source.place(reference.span.start)} {name} reads {to}" for source, reference, name, to in told
        )
        source, reference, name, _ = told[0]
        return source.finding(reference.span, f"models need each other in a cycle: {where}", model=name)

    def _reference(self, name: str, to: str) -> Reference:
        model = self.models[name]
        return next(each for each in model.references if self.resolve(model, each.name) == to)


def _others(name: str, meant: Iterable[str | None]) -> tuple[str, ...]:
    """Each model that is meant, once; parse tells of one that names itself."""
    return tuple(dict.fromkeys(each for each in meant if each is not None and each != name))


def _by_name(models: Sequence[Model]) -> tuple[Models, list[Finding]]:
    found: dict[str, Model] = {}
    findings = []
    for model in models:
        first = found.setdefault(model.name, model)
        if first is not model:
            message = f"{model.name} is already the name of {first.source.file}"
            findings.append(Finding(Place(model.source.file), message, "rename one of the two files", model=model.name))
    return Models.of(found.values()), findings


def _kept(variable: str, value: Scalar) -> object:
    """A variable's value as snapshots keep it: never that of a secret one."""
    plain = _plain(value)
    return stand_in(variable, plain) if is_secret(variable) else plain


def _plain(value: Scalar) -> object:
    """A variable's value for JSON: equal text only for equal values of one type."""
    return [type(value).__name__, value.isoformat()] if isinstance(value, date) else value
