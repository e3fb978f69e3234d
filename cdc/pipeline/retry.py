"""When to try again, and how long to wait."""

from __future__ import annotations

from cdc.errors import CdcError

FIRST_DELAY = 0.25


def backoff(attempt: int, longest: float) -> float:
    """Return the pause before the given attempt (from 1), in seconds: doubling from a quarter of a second up to `longest`."""
    return float(min(FIRST_DELAY * 2 ** min(attempt - 1, 16), longest))


def root_cause(error: BaseException) -> BaseException:
    """Return the error that a group of concurrent tasks failed with: one that no new attempt can help, before all others."""
    if not isinstance(error, BaseExceptionGroup):
        return error
    causes = [root_cause(inner) for inner in error.exceptions]
    return min(causes, key=_weight)


def _weight(error: BaseException) -> int:
    if isinstance(error, CdcError):
        return 1 if error.retriable else 0
    return -1
