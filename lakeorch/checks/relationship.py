"""`relationship`: every value stands in a column of another table."""

from __future__ import annotations

from lakeorch.model import Check
from lakeorch.types import identifier


def query(relation: str, check: Check) -> str:
    """Rows whose value is not in `column` of the table `to`. NULL passes."""
    schema, _, table = str(check.options["to"]).rpartition(".")
    to = f"{identifier(schema)}.{identifier(table)}"
    column, other = identifier(check.columns[0]), identifier(str(check.options["column"]))
    known = f"(SELECT {other} AS known FROM {to})"
    return (
        f"SELECT audited.* FROM {relation} AS audited ANTI JOIN {known} AS others "
        f"ON audited.{column} = others.known WHERE audited.{column} IS NOT NULL"
    )
