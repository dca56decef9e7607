"""What libraries log, shown with `--debug`."""

from __future__ import annotations

import logging

from lakeorch.masking import redacted


def show() -> None:
    """Shows the log on standard error: warnings, and everything of lakeorch's own; without secrets."""
    logging.basicConfig(level=logging.WARNING)
    for each in logging.getLogger().handlers:
        each.setFormatter(_Masking())
    logging.getLogger("lakeorch").setLevel(logging.DEBUG)


class _Masking(logging.Formatter):
    """A log line without secrets, its traceback included."""

    def __init__(self) -> None:
        super().__init__(logging.BASIC_FORMAT)

    def format(self, record: logging.LogRecord) -> str:
        return redacted(super().format(record))
