"""What one SELECT, or one Python model, says, as values: the result of reading it."""

from __future__ import annotations

from dataclasses import dataclass

from lakeorch.errors import Finding, Span
from lakeorch.model import ClockUse, FileRead, Growth, Parameter, Reference, VariableUse


@dataclass(frozen=True, slots=True)
class Facts:
    """The facts of a query; with findings the rest may be incomplete.

    Attributes:
        body: span of the statement, without comments around it and without the semicolon behind it.
        references: the tables it names, in the order of the text; names of its own CTEs are not among them.
        files: its reads of files.
        variables: its uses of `$name`.
        clock: its reads of the clock.
        query_hash: hash of the normalised query; empty where there are findings.
        growth: how its rows follow from its inputs' rows.
        parameters, modules: of a Python model; see `model.Model`.
        findings: what is wrong with it.
    """

    body: Span
    references: tuple[Reference, ...] = ()
    files: tuple[FileRead, ...] = ()
    variables: tuple[VariableUse, ...] = ()
    clock: tuple[ClockUse, ...] = ()
    query_hash: str = ""
    growth: Growth = Growth()
    parameters: tuple[Parameter, ...] = ()
    modules: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
