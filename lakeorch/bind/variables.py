"""The variables that a model uses, held against the values that the project has for them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from lakeorch.errors import Finding, suggestion
from lakeorch.model import Model, Scalar


def wrong_variables(model: Model, variables: Mapping[str, Scalar]) -> Iterator[Finding]:
    """Variables without a value, and those whose value is not what a Python model's parameter says it is given.

    Args:
        model: a query, or a function.
        variables: all that are declared, with their values.
    """
    annotated = {each.reads: each for each in model.parameters if each.kind == "variable"}
    for use in model.variables:
        if use.name not in variables:
            hint = suggestion(use.name, variables) or f"--var {use.name}=… or variables in lakeorch.yml"
            message = f"the variable ${use.name} has no value"
            yield model.source.finding(use.span, message, hint=hint, model=model.name)
        elif use.name in annotated:
            given, wanted = _kind(variables[use.name]), annotated[use.name].annotation
            # a whole number is a float in Python's own rules; every other value is of one type
            if given != wanted and (given, wanted) != ("int", "float"):
                message = f"the variable ${use.name} is of type {given}, the parameter says {wanted}"
                hint = f"annotate it {use.name}: {given}, or give it another value"
                yield model.source.finding(use.span, message, hint=hint, model=model.name)


def _kind(value: Scalar) -> str:
    """A value's type as an annotation names it."""
    name = type(value).__name__
    return f"datetime.{name}" if type(value).__module__ == "datetime" else name.removesuffix("Type")
