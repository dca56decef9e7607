"""Finished steps, kept as small JSON files so that the next run can use them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, cast

from pyiceberg.table import CommitTableRequest
from pyiceberg.table.update import SetPropertiesUpdate, TableUpdate

from lakeorch.errors import Place
from lakeorch.lake.published import SAME_AS
from lakeorch.lake.staged import Kind, Staged, Stand, stamped
from lakeorch.model import CheckResult, Severity, Verdict

_FORMAT = 1
AUDIT = "lakeorch.audit"


@dataclass(frozen=True, slots=True)
class Record:
    """A finished step as kept in `<warehouse>/_lakeorch/staged/<key>.json`.

    Attributes:
        staged: None for a view, whose verdict alone is kept.
        kept_at: where rejected rows can be read; empty when nothing was rejected.
    """

    key: str
    model: str
    staged: Staged | None
    verdict: Verdict
    kept_at: str = ""


def stamp_verdict(record: Record) -> None:
    """Writes the verdict's counts into the summary of the snapshot that the record's change adds.

    A change of metadata alone adds none: the counts join the facts that then hold for the rows that are there.
    """
    if record.staged is not None:
        request = record.staged.request
        counts = record.verdict.to_json()
        updates = stamped(request.updates, summary={AUDIT: counts})
        updates = tuple(_audited(update, counts) for update in updates)
        record.staged.request = request.model_copy(update={"updates": updates})


def _audited(update: TableUpdate, counts: str) -> TableUpdate:
    if not isinstance(update, SetPropertiesUpdate) or SAME_AS not in update.updates:
        return update
    facts = {**json.loads(update.updates[SAME_AS]), AUDIT: counts}
    return SetPropertiesUpdate(updates={**update.updates, SAME_AS: json.dumps(facts, sort_keys=True)})


def to_json(record: Record) -> str:
    """The record as one JSON object; `from_json` gives back an equal one."""
    staged = record.staged
    # on one line: indented JSON is written by Python code, letter by letter
    return json.dumps(
        {
            "format": _FORMAT,
            "key": record.key,
            "model": record.model,
            "kept_at": record.kept_at,
            "verdict": [asdict(result) for result in record.verdict.results],
            "staged": None if staged is None else _staged_to(staged),
        }
    )


def _staged_to(staged: Staged) -> dict[str, Any]:
    return {
        "name": staged.name,
        "kind": staged.kind,
        "snapshot_id": staged.snapshot_id,
        "rows": staged.rows,
        "bytes": staged.bytes,
        "stand": asdict(staged.stand),
        "request": staged.request.model_dump(mode="json", by_alias=True, exclude_none=True),
    }


# What is needed beyond the record to make a staged change usable again: name, stand and request in, Staged out,
# or None where the table no longer stands there.
Revive = Callable[["Kept"], Staged | None]


@dataclass(frozen=True, slots=True)
class Kept:
    """A staged change as its record holds it."""

    name: str
    key: str
    kind: Kind
    snapshot_id: int | None
    rows: int
    bytes: int
    stand: Stand
    request: CommitTableRequest


def from_json(text: str, revive: Revive) -> Record | None:
    """Reads what `to_json` wrote.

    Returns:
        None for a torn or foreign text, and where `revive` finds that the change fits no more.
    """
    try:
        document = json.loads(text)
        if document["format"] != _FORMAT:
            return None
        verdict = Verdict(tuple(_result(entry) for entry in document["verdict"]))
        kept = document["staged"] and _kept(document["key"], document["staged"])
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    staged = revive(kept) if kept else None
    if kept and staged is None:
        return None
    return Record(document["key"], document["model"], staged, verdict, document["kept_at"])


def _kept(key: str, entry: Mapping[str, Any]) -> Kept:
    return Kept(
        name=entry["name"],
        key=key,
        kind=cast("Kind", entry["kind"]),
        snapshot_id=entry["snapshot_id"],
        rows=entry["rows"],
        bytes=entry["bytes"],
        stand=Stand(**entry["stand"]),
        request=CommitTableRequest.model_validate(entry["request"]),
    )


def _result(entry: Mapping[str, Any]) -> CheckResult:
    return CheckResult(
        name=entry["name"],
        severity=cast("Severity", entry["severity"]),
        passed=entry["passed"],
        failed_rows=entry["failed_rows"],
        columns=tuple(entry["columns"]),
        sample=tuple(tuple(row) for row in entry["sample"]),
        message=entry["message"],
        place=Place(**entry["place"]),
    )
