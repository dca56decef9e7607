"""What keeps append, merge and history models from going on: the rows that they hold cannot be made again."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace

from lakeorch.brief import Tables
from lakeorch.errors import Finding
from lakeorch.model import Inputs, Model
from lakeorch.plan import Survey
from lakeorch.types import parse_type, widens


def findings(survey: Survey, selection: Sequence[str]) -> tuple[Finding, ...]:
    """Versions that would be lost, files that were read and then edited, a new key or type, a lost list of files."""
    found: list[Finding] = []
    heads, briefs = Tables.of(survey.published).heads, survey.graph.briefs
    for name in selection:
        if name not in heads or "table" == briefs[name].materialized == heads[name].materialized:
            continue
        model, recorded = survey.graph.models[name], survey.recorded(name)
        if recorded is not None and not survey.full:
            found += _lost_versions(survey, model)
        if recorded is None or not (survey.adds(name) or survey.revises(name)):
            continue
        if survey.adds(name):
            found += _changed_files(survey, model)
            found += _lost_listings(survey, model, recorded)
        found += _new_key(survey, model)
        found += _new_types(survey, model)
    return tuple(found)


def _changed_files(survey: Survey, model: Model) -> Iterator[Finding]:
    hint = f"put the new rows into a new file, or rebuild: lakeorch run --full -s {model.name}"
    for read in model.files:
        driving = [pattern for pattern in read.patterns if survey.remembers(model.name, pattern)]
        changed = [path for pattern in driving for path in survey.changed_files(model.name, pattern)]
        if changed:
            message = f"changed since {model.name} read it: {', '.join(changed)}"
            yield model.source.finding(read.argument, message, hint=hint, model=model.name)


def _new_key(survey: Survey, model: Model) -> Iterator[Finding]:
    then = json.loads(survey.published[model.name].properties.get("lakeorch.settings", "{}"))
    keyed = {"materialized": model.settings.materialized, "unique_key": list(model.settings.unique_key)}
    if model.settings.unique_key and any(then.get(key) != value for key, value in keyed.items()):
        message = f"{model.name} has a new unique_key: the rows that are there may not be unique"
        yield _of_query(model, message, f"rebuild: lakeorch run --full -s {model.name}")


def _lost_versions(survey: Survey, model: Model) -> Iterator[Finding]:
    """A history that is to be something else: what its rows were before cannot be made again."""
    then = json.loads(survey.published[model.name].properties.get("lakeorch.settings", "{}")).get("materialized")
    now = model.settings.materialized
    if then == "history" and now not in {"history", "view"}:
        message = f"{model.name} holds the versions of its rows; materialized: {now} would drop those that are past"
        place = model.settings.places.get("materialized")
        wrong = _of_query(model, message, f"if that is meant: lakeorch run --full -s {model.name}")
        yield replace(wrong, place=place, line=model.source.line(place.line)) if place else wrong


def _new_types(survey: Survey, model: Model) -> Iterator[Finding]:
    types = {column.name.lower(): column.type for column in survey.columns[model.name]}
    for column in survey.published[model.name].columns:
        new = types.get(column.name.lower(), column.type)
        if not widens(parse_type(column.type), parse_type(new)):
            message = f"{column.name} is {column.type} in the table and {new} in the query"
            yield _of_query(
                model, message, f"cast it to {column.type}, or rebuild: lakeorch run --full -s {model.name}"
            )


def _lost_listings(survey: Survey, model: Model, recorded: Inputs) -> Iterator[Finding]:
    if lost := [pattern for pattern, digest in recorded.files.items() if digest not in survey.listings]:
        message = f"the list of files that {model.name} has read is gone from the warehouse: {', '.join(lost)}"
        hint = f"put _lakeorch/files back from a backup, or rebuild: lakeorch run --full -s {model.name}"
        yield _of_query(model, message, hint)


def _of_query(model: Model, message: str, hint: str) -> Finding:
    return replace(model.source.finding(model.body, message, hint=hint, model=model.name), width=1)
