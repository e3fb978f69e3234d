"""How long something has been in which state."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(slots=True)
class StateTimes:
    """Adds up the seconds in each state, from the first one on; `clock` never goes back."""

    clock: Callable[[], float] = time.monotonic
    _seconds: dict[str, float] = field(default_factory=dict)
    _state: str = ""
    _since: float = 0.0

    def enter(self, state: str) -> None:
        """Note that another state begins now."""
        now = self.clock()
        if self._state:
            self._seconds[self._state] = self._seconds.get(self._state, 0.0) + now - self._since
        self._state, self._since = state, now

    def share(self, state: str) -> float | None:
        """Return which part of the time so far was spent in a state, from 0 to 1; None before the first."""
        if not self._state:
            return None
        now = self.clock() - self._since
        spent = self._seconds.get(state, 0.0) + (now if state == self._state else 0.0)
        total = sum(self._seconds.values()) + now
        return spent / total if total else float(state == self._state)
