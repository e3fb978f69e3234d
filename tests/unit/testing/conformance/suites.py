"""Suites put to the proof: whether one of their checks fails for a plugin."""

from __future__ import annotations

import inspect
from typing import Any

import pytest


def checks(suite: type) -> list[str]:
    """Return the names of a suite's tests, without the word before them."""
    return sorted(name.removeprefix("test_") for name in dir(suite) if name.startswith("test_"))


async def catches(suite: type, check: str, **fixtures: Any) -> bool:
    """Whether a test of a suite fails with these fixtures."""
    test = getattr(suite(), f"test_{check}")
    try:
        found = test(**{each: fixtures[each] for each in inspect.signature(test).parameters})
        if inspect.isawaitable(found):
            await found
    except (Exception, pytest.fail.Exception):  # noqa: BLE001 (any of them fails a test)
        return True
    return False
