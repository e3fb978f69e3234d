"""The pipeline: sessions one after another, as long as a new attempt can help."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Protocol

from cdc.config.settings import PipelineSettings
from cdc.errors import CdcError
from cdc.pipeline.retry import backoff, root_cause
from cdc.pipeline.status import PipelineStatus, State

log = logging.getLogger(__name__)


class Runnable(Protocol):
    """An attempt (see `cdc.pipeline.session.Session`)."""

    async def run(self) -> None:
        """Run until an error or cancellation."""


class Pipeline:
    """Runs one connector until it is cancelled or fails for good.

    `new_session` makes the source and publisher of an attempt; after an error both are thrown away. An outage after the source
    has begun to deliver is waited for; one before that is an error at once, since it is most often a mistake in the configuration, unless
    it is one of `outages`: errors that cannot be such a mistake. `retire` is called at the end when the pipeline is stopped on purpose.
    """

    def __init__(
        self,
        new_session: Callable[[PipelineStatus], Runnable],
        settings: PipelineSettings,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
        outages: tuple[type[CdcError], ...] = (),
        retire: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self.status = PipelineStatus()
        self._new_session = new_session
        self._settings = settings
        self._sleep = sleep
        self._clock = clock
        self._outages = outages
        self._retire = retire
        self._attempt = 0
        self._seen = 0

    async def run(self) -> None:
        """Run until cancelled; raises the CdcError that no new attempt can help."""
        try:
            while True:
                try:
                    await self._new_session(self.status).run()
                except Exception as error:  # noqa: BLE001 (decided in _recover, which raises what it cannot mend)
                    await self._recover(root_cause(error))
        except asyncio.CancelledError:
            if self._retire is not None:
                await self._retire()
            raise
        finally:
            self.status.state = State.STOPPED

    async def _recover(self, cause: BaseException) -> None:
        """Wait before the next attempt, or raise the cause when there is to be none."""
        if self._progressed():
            self._attempt = 0
        self._attempt += 1
        if not self._may_retry(cause):
            raise cause
        if not self.status.problem:
            log.warning("%s Waiting until it works again.", cause.sentence() if isinstance(cause, CdcError) else cause)
        self.status.wait(str(cause), self._clock())
        self.status.restarts += 1
        await self._sleep(backoff(self._attempt, self._settings.retry_delay))

    def _progressed(self) -> bool:
        """Tell whether the last session committed anything."""
        seen, self._seen = self._seen, self.status.commits
        return self.status.commits > seen

    def _may_retry(self, cause: BaseException) -> bool:
        if not isinstance(cause, CdcError) or not cause.retriable:
            return False
        if not self.status.begun and not isinstance(cause, self._outages):
            return False
        return self._settings.max_retries is None or self._attempt <= self._settings.max_retries
