"""A random history of MySQL through the connector, which is killed and stopped on the way: what a reader finds wrong then."""

from __future__ import annotations

from pathlib import Path

from cdc.testing.servers import Address
from tests.support.connector import Script, until
from tests.support.kafka_reader import read_committed
from tests.support.mysql_connector import mysql_properties
from tests.support.mysql_database import created, dropped
from tests.support.mysql_histories import END, History, differences

PROPERTIES = {
    "decimal_handling_mode": "string",
    "value_converter_replace_null_with_default": "false",
    "skipped_operations": "none",
}
#: At what parts of the history something is done to the connector.
KILLED, STARTED, KILLED_AGAIN, STOPPED, STARTED_AGAIN = 0.25, 0.35, 0.5, 0.75, 0.8


class Disturbance:
    """Kills, stops and starts the connector while a history of so many transactions is written; for some of them it is down."""

    def __init__(self, script: Script, transactions: int) -> None:
        self._script = script
        self._deeds = {
            int(transactions * KILLED): script.kill,
            int(transactions * STARTED): script.start,
            int(transactions * KILLED_AGAIN): self._kill_and_start,
            int(transactions * STOPPED): script.stop,
            int(transactions * STARTED_AGAIN): script.start,
        }

    def __call__(self, ended: int) -> None:
        """Do what is due when so many transactions have ended."""
        deed = self._deeds.get(ended)
        if deed is not None:
            deed()

    def _kill_and_start(self) -> None:
        self._script.kill()
        self._script.start()


def proven(
    server: Address, servers: str, prefix: str, folder: Path, *, seed: int, transactions: int
) -> tuple[History, list[str]]:
    """Write a history on rows that were there already, and return it with what a reader finds different."""
    database = created(server)
    history = History(database, seed)
    script = Script(folder, mysql_properties(database, servers, prefix, **PROPERTIES))
    end = f"{prefix}.{database.name}.{END}"

    def arrived() -> object:
        assert script.running, f"it ended by itself:\n{script.output}"
        return read_committed(servers, end)

    try:
        history.prepare()
        script.start()
        script.wait_for("streaming from", 60)
        # A connector that is killed before its snapshot is committed takes another one, of a later moment.
        filled = next(table.name for table in history.tables if history.expected[table.name])
        until(lambda: read_committed(servers, f"{prefix}.{database.name}.{filled}"), "the snapshot", 60)
        history.run(transactions, Disturbance(script, transactions))
        until(arrived, "the last row", 120)
        return history, differences(history, servers, prefix, database.name)
    finally:
        script.kill()
        dropped(database)
