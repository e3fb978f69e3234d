"""What a reader of the stream has seen, in numbers for the eye."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable

from cdc.testing.shop.events import Event

#: How far back the latencies and the rate look, in seconds.
WINDOW_SECONDS = 5
#: How many seconds the history of the rate keeps, and how many events are remembered.
HISTORY_SECONDS = 120
RECENT_EVENTS = 100


class Figures:
    """Counts events as they are read; `clock` tells seconds, `now_us` microseconds since the epoch.

    Events of the snapshot are counted only: they have no commit that a latency could begin with.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        now_us: Callable[[], int] = lambda: time.time_ns() // 1000,
    ) -> None:
        self.counts: Counter[tuple[str, str]] = Counter()
        self.recent: deque[Event] = deque(maxlen=RECENT_EVENTS)
        self._clock = clock
        self._now_us = now_us
        self._began: int | None = None
        self._latencies: deque[tuple[float, float]] = deque()
        self._seconds: Counter[int] = Counter()

    def add(self, event: Event) -> None:
        """Count an event that is read now."""
        change = event.change
        self.counts[change.table, change.op] += 1
        if change.op != "r":
            now = self._clock()
            self._began = int(now) if self._began is None else self._began
            self.recent.append(event)
            self._seconds[int(now)] += 1
            self._latencies.append((now, (self._now_us() - event.commit_us) / 1e6))

    @property
    def streamed(self) -> int:
        """How many events came from the log."""
        return sum(count for (_, op), count in self.counts.items() if op != "r")

    def rate(self) -> float:
        """Return the events per second over the last whole seconds."""
        counts = self.history()[-WINDOW_SECONDS:]
        return sum(counts) / len(counts) if counts else 0.0

    def history(self) -> list[int]:
        """Return the events of each whole second since the first one, the newest last."""
        if self._began is None:
            return []
        now = int(self._clock())
        oldest = max(self._began, now - HISTORY_SECONDS)
        for second in [second for second in self._seconds if second < oldest]:
            del self._seconds[second]
        return [self._seconds[second] for second in range(oldest, now)]

    def latency(self, share: float) -> float | None:
        """Return the time from commit to reader that `share` of the last seconds' events stayed below, in seconds."""
        while self._latencies and self._latencies[0][0] < self._clock() - WINDOW_SECONDS:
            self._latencies.popleft()
        if not self._latencies:
            return None
        ordered = sorted(latency for _, latency in self._latencies)
        return ordered[min(int(share * len(ordered)), len(ordered) - 1)]
