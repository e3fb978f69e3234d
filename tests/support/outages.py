"""Servers go away and come back while there is a load, and the connector has to get over it."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from tests.support.connector import Script, until
from tests.support.database import Database
from tests.support.kills import drain
from tests.support.load import writing
from tests.support.proof import faults

ROWS = 1000
WAITING = "Waiting until it works again"
WORKING = "working again"

#: How a server is ended and how it is started again.
Outage = tuple[Callable[[], object], Callable[[], object]]


def assert_exactly_once_over_outages(
    script: Script, database: Database, servers: str, prefix: str, outages: Iterable[Outage]
) -> None:
    """Run the outages one after another, with some load between them; each is to be reported once, and its end too."""
    count = 0
    with writing(database, rows=ROWS, pause=0.02) as load:
        script.start()
        script.wait_for("streaming from")
        for count, (end, start) in enumerate(outages, 1):
            load.wait_for(load.committed + 100)
            end()
            _wait_for_count(script, WAITING, count)
            start()
            _wait_for_count(script, WORKING, count)
    drain(script, database, prefix)
    script.stop()
    assert (script.output.count(WAITING), script.output.count(WORKING)) == (count, count)
    assert "Traceback" not in script.output
    found = faults(database, servers, prefix, rows=ROWS)
    assert not found, "\n".join(found)


def _wait_for_count(script: Script, text: str, times: int) -> None:
    until(lambda: script.output.count(text) >= times, f"printing {text!r} {times} times", 60)
