"""Counts how tasks come up."""

from __future__ import annotations

from collections.abc import Callable

from cdc.connect.task_run import Work
from cdc.metrics.counters import Attempts
from cdc.pipeline.status import PipelineStatus


class CountedWork:
    """Work whose start is counted: it has succeeded once it has come up, and failed when it ends by an error before that.

    Making it is part of the start. One that is cancelled before it has come up counts as an attempt alone.
    """

    def __init__(self, new_work: Callable[[], Work], attempts: Attempts) -> None:
        self._attempts = attempts
        attempts.total += 1
        try:
            self._work = new_work()
        except Exception:
            attempts.failed += 1
            raise
        self._work.status.on_up = self._succeed

    @property
    def topics(self) -> set[str]:
        """See `Work.topics`."""
        return self._work.topics

    @property
    def status(self) -> PipelineStatus:
        """See `Work.status`."""
        return self._work.status

    async def run(self) -> None:
        """See `Work.run`."""
        try:
            await self._work.run()
        except Exception:
            if not self.status.up:
                self._attempts.failed += 1
            raise

    def _succeed(self) -> None:
        self._attempts.succeeded += 1
