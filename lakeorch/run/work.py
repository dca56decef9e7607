"""What has become of the steps of a run."""

from __future__ import annotations

from dataclasses import dataclass, field

from lakeorch.lake import Staged
from lakeorch.model import Step, Verdict


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
