"""Publishers for tests, and the records they send."""

from __future__ import annotations

import asyncio
import gc
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from cdc.config.settings import KafkaSettings
from cdc.kafka.ownership import Claim
from cdc.kafka.publisher import TransactionalPublisher
from cdc.model.records import RecordBatch

SHOP = {"server": "shop"}


def kafka_settings(servers: str, name: str, **changes: Any) -> KafkaSettings:
    """Return settings with an offset topic, a transactional id and a client id of their own."""
    own = KafkaSettings(
        transactional_id=f"cdcstream-{name}",
        client_id=name,
        bootstrap_servers=tuple(servers.split(",")),
        offset_topic=f"{name}.offsets",
        request_timeout=20.0,
    )
    return replace(own, **changes)


@asynccontextmanager
async def publishing(settings: KafkaSettings, connector: str = "shop", *, claim: Claim | None = None):
    """Yield a publisher that has started, close it afterwards, and see to it that nothing of it is left."""
    publisher = TransactionalPublisher(settings, connector, claim=claim)
    others = _producer_tasks()
    try:
        await publisher.start()
        yield publisher
    finally:
        await publisher.close()
        await asyncio.sleep(0)
        assert _producer_tasks() <= others, "the publisher left tasks behind"
        del publisher
        gc.collect()  # what was not closed warns now, and a warning is an error


def records(topic: str, *content: tuple[bytes | None, bytes | None], timestamp: int = 1_700_000_000_000) -> RecordBatch:
    """Return a batch for one topic from (key, value) pairs."""
    batch = RecordBatch()
    batch.timestamp_ms = timestamp
    for key, value in content:
        batch.add(topic, key, value)
    return batch


def _producer_tasks() -> set[asyncio.Task[Any]]:
    """Return the long-lived tasks of aiokafka's producers."""
    codes = ((task, getattr(task.get_coro(), "cr_code", None)) for task in asyncio.all_tasks())
    return {task for task, code in codes if code is not None and "/aiokafka/producer/" in code.co_filename}
