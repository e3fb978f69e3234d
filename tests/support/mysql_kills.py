"""A connector of the shop on MySQL that is killed, or whose server lets it down, again and again."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

from cdc.testing.servers import Address
from tests.support.connector import Script, until
from tests.support.kills import kill_repeatedly
from tests.support.shop_proof import Shop

#: How soon a connection is tried again.
QUICKLY = {"retriable_restart_connector_wait_ms": "200"}
#: The shop is small, and so is its snapshot.
SNAPSHOT_SECONDS = 0.1


def assert_exactly_once(
    server: Address, servers: str, folder: Path, trouble: Callable[[Script, Shop], None], **more: str
) -> None:
    """Let the shop work while `trouble` happens to its connector; then every change must be in Kafka once, in order for its key.

    `trouble` leaves the connector running. `more` are properties, with `_` for `.`.
    """
    shop = Shop(server)
    overrides = {name.replace("_", "."): value for name, value in {**QUICKLY, **more}.items()}
    script = Script(folder, {**shop.premises.connector(servers), **overrides})

    def delivered() -> bool:
        assert script.running, f"it ended by itself:\n{script.output}"
        return shop.delivered(servers)

    shop.open()
    try:
        with shop.writing():
            trouble(script, shop)
        until(delivered, f"the last change; {script.output}", 120)
        script.stop()
        found = shop.faults(servers)
    finally:
        script.kill()
        shop.close()
    assert not found, "\n".join(found)


def kills(times: int, *, seed: int = 1) -> Callable[[Script, Shop], None]:
    """Kill the connector so many times, in its snapshot and while it streams, and start it again."""

    def trouble(script: Script, shop: Shop) -> None:
        counted = kill_repeatedly(script, times, seed=seed, snapshot_seconds=SNAPSHOT_SECONDS)
        script.start()
        script.wait_for("streaming from", 60)
        print(f"{counted}, {len(shop.journal.changes)} changes committed")
        # Of a few kills all may come behind a snapshot that is as small as the shop's.
        assert times < 10 or counted.in_snapshot + counted.starting
        assert counted.streaming

    return trouble


def again_and_again(times: int, deed: Callable[[], None], *, changes: int = 50) -> Callable[[Script, Shop], None]:
    """Do something so many times while the connector streams, with some changes of the shop's between."""
    chosen = random.Random(times)

    def trouble(script: Script, shop: Shop) -> None:
        script.start()
        script.wait_for("streaming from", 60)
        for _ in range(times):
            shop.wait_for(chosen.randrange(1, changes))
            deed()
        shop.wait_for(changes)

    return trouble
