"""A benchmark held against one that was saved before."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from lakeorch.errors import UsageError
from lakeorch.project.bench.machine import Machine
from lakeorch.project.bench.result import Baseline, Bench, Change, Measured, Spread, judged

# how far the calibrations of one machine may lie apart before that is said
BUSY = 1.25


def read_baseline(file: Path) -> Mapping[str, Any]:
    """What was saved. Raises UsageError where it is no benchmark's JSON."""
    try:
        saved = json.loads(file.read_text(encoding="utf-8"))
        if saved["format"] != 1:
            raise ValueError(f"format {saved['format']}")
        Machine(**saved["machine"])
    except OSError as error:
        raise UsageError(
            f"the baseline {file} cannot be read: {error.strerror}", hint="--save FILE makes one"
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        hint = "a baseline is what `lakeorch bench --save FILE` or `--json` wrote"
        raise UsageError(f"{file} is no baseline that this version can read: {error}", hint=hint) from error
    return dict(saved)


def held_against(bench: Bench, saved: Mapping[str, Any], file: Path) -> Bench:
    """The benchmark with what became of each time since the baseline."""
    then = Machine(**saved["machine"])
    scale = 1.0 if bench.machine.is_like(then) else bench.machine.calibration / then.calibration
    before = {(one["model"], one["engine"]): one for one in (*saved["runs"], *saved["models"]) if not one["side"]}
    now = {(one.model, one.contender.engine): one for one in bench.measured if not one.contender.side}
    changes = [
        _change(bench, saved, scale, before[key], one)
        for key, one in now.items()
        if not one.error and before.get(key, {}).get("seconds")
    ]
    warnings = tuple(_warnings(bench, saved, then))
    found = Baseline(str(file), saved["started_at"], scale, tuple(changes), warnings)
    return replace(bench, baseline=found)


def _change(bench: Bench, saved: Mapping[str, Any], scale: float, then: Mapping[str, Any], now: Measured) -> Change:
    before = Spread(tuple(then["seconds"]["all"])).times(scale)
    notes = []
    was, fingerprint = saved["fingerprints"].get(now.model), bench.fingerprints.get(now.model)
    if was and fingerprint and was != fingerprint:
        notes.append("its query changed")
    for word, old, new in (("writes", then["rows"], now.rows), ("reads", then["rows_read"], now.read)):
        if old and new and old != new:
            notes.append(f"it {word} {new:,} rows, not {old:,}")
    verdict = judged(before, now.seconds, bench.threshold)
    return Change(now.model, now.contender.engine, before, now.seconds, verdict, "; ".join(notes))


def _warnings(bench: Bench, saved: Mapping[str, Any], then: Machine) -> Iterator[str]:
    ratio = bench.machine.calibration / then.calibration
    if not bench.machine.is_like(then):
        yield (
            f"the baseline is of another machine ({then}); its times are taken {ratio:.2f} times as long, which is how "
            "long a fixed piece of work takes here in comparison: small differences mean nothing"
        )
    elif max(ratio, 1 / ratio) > BUSY:
        yield (
            f"a fixed piece of work took {ratio:.2f} times as long as when the baseline was saved: the machine is "
            f"{'busier' if ratio > 1 else 'less busy'} now"
        )
    if saved["threads"] != bench.threads:
        yield f"the baseline was taken with {saved['threads']} threads, this with {bench.threads}"
    for name, version in bench.versions.items():
        if saved["versions"].get(name, version) != version:
            yield f"the baseline was taken with {name} {saved['versions'][name]}, this with {version}"
