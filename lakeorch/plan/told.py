"""The column lineage that a table tells of itself: what stands there, where it still holds, and else read anew."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lakeorch.bind.columns import hash_of
from lakeorch.bind.text import full_name
from lakeorch.cache import digest
from lakeorch.graph.lineage import column_lineage, to_json
from lakeorch.plan.impact import LINEAGE, schemas_of

if TYPE_CHECKING:
    from lakeorch.model import Model
    from lakeorch.plan import Survey


def lineage_told(survey: Survey, model: Model) -> str:
    """The value of the table property `LINEAGE` for a model as it is now.

    The query is not read where what is published was made of the same.
    """
    made_of = _made_of(survey, model)
    table = survey.published.get(model.name)
    told = table.properties.get(LINEAGE, "") if table else ""
    if not (made_of and told and survey.cache.lineage.get(model.name) == digest(made_of, told)):
        told = to_json(column_lineage(model, survey.graph, schemas_of(survey)))
        if made_of:
            survey.cache.lineage.put(model.name, digest(made_of, told))
    return told


def _made_of(survey: Survey, model: Model) -> str:
    """Names all that the lineage follows from: texts, what names in them mean, columns; empty where one has no name."""
    graph, schemas = survey.graph, schemas_of(survey)
    identity = graph.identity(model.name)
    tables = [model.name, *(full_name(model, each.name, graph) for each in model.references)]
    columns = [hash_of(schemas[table]) if table in schemas else "" for table in tables]
    return digest(identity, *columns) if identity else ""
