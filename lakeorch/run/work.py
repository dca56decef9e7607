"""What has become of the steps of a run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from lakeorch.lake import Staged
from lakeorch.model import Check, Step, Verdict


@dataclass
class Work:
    """What has become of one step so far."""

    step: Step
    key: str = ""
    staged: Staged | None = None
    verdict: Verdict = field(default_factory=Verdict)
    error: str = ""
    kept_at: str = ""
    seconds: float = 0.0
    reused: bool = False

    @property
    def writes(self) -> bool:
        """True when the step staged rows."""
        return self.staged is not None and self.staged.writes_data

    @property
    def failed(self) -> bool:
        """True when the step broke or its audit did not pass."""
        return bool(self.error) or not self.verdict.ok


def judged(verdict: Verdict, checks: Sequence[Check]) -> tuple[Verdict, list[Check]]:
    """What is still to be said for a step that was kept: what its checks found then, and those to be run again.

    Left out is what looks at other models, which is looked at again at the end. A check that could not be run, perhaps
    for want of memory or of a network, has said nothing about the rows.
    """
    names = {check.name for check in checks}
    broken = {result.name for result in verdict.results if result.message}
    kept = tuple(result for result in verdict.results if result.name in names - broken)
    return Verdict(kept), [check for check in checks if check.name in broken]
