"""The graph of a project: a text tree, DOT, a picture, or one HTML page that needs nothing else."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from lakeorch.project.result import Listed

if TYPE_CHECKING:
    from lakeorch.model import Schema
    from lakeorch.project.survey import Found


@dataclass(frozen=True, slots=True)
class Node:
    """A model in a picture.

    Attributes:
        listed: its line in `lakeorch list`: state, size, when it was published.
        description: what it is.
        file: where it is written, relative to the project root.
        reads: what it is made of besides models of the picture: file patterns, other tables.
        columns: names, types, descriptions.
    """

    listed: Listed
    description: str
    file: str
    reads: tuple[str, ...]
    columns: Schema

    @property
    def name(self) -> str:
        """The model's name."""
        return self.listed.model


@dataclass(frozen=True)
class Chart:
    """Models and which of them read which.

    Attributes:
        project: its name.
        nodes: in an order in which every model stands behind those that it reads.
        parents: model → the models of the picture that it reads.
        drawn_at: seconds since 1970 UTC.
    """

    project: str
    nodes: tuple[Node, ...]
    parents: Mapping[str, tuple[str, ...]]
    drawn_at: float

    @staticmethod
    def of(found: Found, selection: Sequence[str], project: str) -> Chart:
        """The picture of the models in `selection`, out of a survey of the whole project."""
        survey, chosen = found.survey, set(selection)
        graph = survey.graph
        lines = {line.model: line for line in Listed.of(survey, survey.plan(found.selection))}
        nodes = []
        for name in selection:
            model = graph.models[name]
            others = [ref.name for ref in model.references if graph.resolve(model, ref.name) not in chosen]
            files = [pattern for read in model.files for pattern in read.patterns]
            docs = {column.name: column.description for column in model.settings.columns}
            columns = tuple(type(c)(c.name, c.type, docs.get(c.name.lower(), "")) for c in survey.columns[name])
            reads = tuple(dict.fromkeys((*files, *others)))
            nodes.append(Node(lines[name], model.settings.description, model.source.file, reads, columns))
        parents = {name: tuple(up for up in graph.parents(name) if up in chosen) for name in selection}
        return Chart(project, tuple(nodes), parents, time.time())

    def to_text(self) -> str:
        """A tree under every model that no other one reads: what it is made of."""
        from lakeorch.project.chart.text import tree

        return tree(self)

    def to_dot(self) -> str:
        """The DOT language, for Graphviz and what reads its format."""
        from lakeorch.project.chart.text import dot

        return dot(self)

    def to_svg(self) -> str:
        """A picture for a page or a document, the models from left to right."""
        from lakeorch.project.chart.page import svg

        return svg(self)

    def to_html(self) -> str:
        """One page that opens offline: to search, to pan and zoom, to follow what a model is made of."""
        from lakeorch.project.chart.page import page

        return page(self)

    def to_dict(self) -> dict[str, object]:
        """Nodes and edges, ready for JSON."""
        nodes = [
            {
                **node.listed.to_dict(),
                "status": node.listed.status,
                "description": node.description,
                "file": node.file,
                "reads": list(node.reads),
                "columns": [asdict(column) for column in node.columns],
            }
            for node in self.nodes
        ]
        edges = [[up, name] for name, inputs in self.parents.items() for up in inputs]
        return {"project": self.project, "models": nodes, "edges": edges}
