"""Column-level lineage: which columns of its inputs have a say in each column of a model.

`column_lineage` reads one model's query; `trace` follows the edges through the graph. Nothing here asks an engine.

Exact are joins of all kinds, USING, WITH and recursion, sub-queries (also correlated and LATERAL), set operations by
position and by name, windows, aggregates, `*` with EXCLUDE, REPLACE, RENAME and LIKE, COLUMNS(…), PIVOT and UNPIVOT,
unnest, aliases used in the select list, and fields of structs.

Where the text alone cannot tell, more edges are given rather than fewer:

- a struct that went through a function, a CASE, a cast, a list or a map is made of all its columns in every field;
- a name is looked for among the columns of files (and tables without a schema) if no known column has it;
- columns that meet columns of a file by position, in a set operation, are made of all of them (`*`);
- the columns that a PIVOT without an IN list finds in the data are each made of all its aggregates;
- HAVING looks at both an alias and a column of the same name;
- every column of a Python model is made of all columns of the tables that its function takes;
- SUMMARIZE, and whatever else this reader does not know, makes every column of all columns of the tables in it.

Which rows a table has is no column's doing: `SELECT count(*) FROM t` has no edge. `trace` follows the graph there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from lakeorch.graph.lineage.edges import ALL, FILE, Edge, Kind, from_json, join_path, split_path, to_json
from lakeorch.graph.lineage.trace import Link, trace
from lakeorch.model import Model, Schema

if TYPE_CHECKING:
    from lakeorch.graph import Graph

__all__ = [
    "ALL",
    "FILE",
    "Edge",
    "Kind",
    "Link",
    "column_lineage",
    "from_json",
    "join_path",
    "split_path",
    "to_json",
    "trace",
]


def column_lineage(model: Model, graph: Graph, schemas: Mapping[str, Schema]) -> tuple[Edge, ...]:
    """The edges from a model's direct inputs (tables, views, files) to its columns, sorted.

    Args:
        model: whose query is read; it need not be in the graph.
        graph: resolves its table names.
        schemas: columns by full table name. Those of its inputs make `*` and bare names exact; its own give the
            columns of the result their names, and are what counts where a file's columns are not known.
    """
    # sqlglot takes long to load
    from lakeorch.graph.lineage.models import edges_of

    return edges_of(model, graph, schemas)
