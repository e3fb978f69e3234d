"""Runs a golden case against real servers and returns what a reader of Kafka finds, normalised.

A run has a database and a topic prefix of its own, so that runs beside each other do not meet; in the text of what
goes in and what comes out they stand for the case's own names.
"""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from cdc.testing.servers import Address
from tests.support.connector import Connector, InThread
from tests.support.golden.case import Case, Step
from tests.support.golden.normaliser import HEARTBEATS, normalised
from tests.support.golden.sides import CASE_DATABASE, Refused, Session, Side, in_run, side_of
from tests.support.kafka_reader import Read, read_committed, topics, watermarks

QUIET_SECONDS = 0.6
PATIENCE_SECONDS = 10.0
NO_STREAM_SECONDS = 3.0
HISTORY = "hist."
JSON_HEADERS = "org.apache.kafka.connect.json.JsonConverter"

Start = Callable[[Mapping[str, str]], Connector]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a case led to: the records, normalised, and the failure of the connector, or ""."""

    records: list[dict[str, Any]]
    failure: str
    refused: tuple[str, ...]


def replay(case: Case, server: Address, kafka: Address, start: Start = InThread) -> Outcome:
    """Run a case on a server of its kind; `start` makes the connector of a configuration."""
    with side_of(server) as side:
        return _Run(case, side, kafka.url).outcome(start)


@dataclass(slots=True)
class _Run:
    """One run of a case."""

    case: Case
    side: Side
    servers: str
    prefix: str = field(default_factory=lambda: f"g{uuid4().hex[:12]}")
    refused: list[str] = field(default_factory=list)

    def outcome(self, start: Start) -> Outcome:
        self._create_topics()
        with contextmanager(self.side.session)() as setup:
            for step in self.case.setup:
                self._execute(setup, step)
        connector = start(self._properties())
        connector.start()
        try:
            self._await_stream(connector)
            self._steps(connector)
            self._settle(connector)
            self._await_expected(connector)
            failure = connector.failure
        finally:
            connector.stop()
        return Outcome(normalised(self._read(), self.case.options), failure, tuple(self.refused))

    def _properties(self) -> dict[str, str]:
        return {
            "errors.max.retries": "0",
            **json.loads(self._of_run(json.dumps(self.case.properties))),
            "name": self.prefix,
            "bootstrap.servers": self.servers,
            # That of all connectors grows with every test, and each start reads it to its end.
            "offset.storage.topic": f"offsets-{uuid4().hex[:12]}",
            "offset.storage.partitions": "1",
            **self.side.properties(self.prefix),
        }

    def _of_run(self, text: str) -> str:
        return in_run(text.replace(self.case.prefix, self.prefix), self.side.name)

    def _of_case(self, text: str) -> str:
        return text.replace(self.prefix, self.case.prefix).replace(self.side.name, CASE_DATABASE)

    def _create_topics(self) -> None:
        wanted = self.case.options.get("topics", {})
        if wanted:
            admin = AdminClient({"bootstrap.servers": self.servers})
            made = admin.create_topics([NewTopic(self._of_run(name), count, 1) for name, count in wanted.items()])
            for each in made.values():
                each.result()

    def _await_stream(self, connector: Connector) -> None:
        if self.case.options.get("nostream"):
            self._settle(connector, quiet=NO_STREAM_SECONDS)
        else:
            self.side.wait_until_streaming(connector, self.prefix)

    def _settle(self, connector: Connector, quiet: float = QUIET_SECONDS) -> None:
        """Wait until everything committed was sent to the connector, and nothing more arrives in Kafka."""
        self.side.wait_until_sent(connector, self.prefix)
        with closing(Consumer({"bootstrap.servers": self.servers, "group.id": self.prefix})) as consumer:
            seen, since = -1, time.monotonic()
            while time.monotonic() - since < quiet:
                written = self._written(consumer)
                if written != seen:
                    seen, since = written, time.monotonic()
                time.sleep(0.02)

    def _await_expected(self, connector: Connector) -> None:
        """Give a busy machine time for as many records as are expected; whether they are the right ones is seen later."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while len(self._raw()) < len(self.case.expected) and not connector.failure and time.monotonic() < deadline:
            self._settle(connector)

    def _written(self, consumer: Consumer) -> int:
        """Return how much is in the topics of this run, transaction markers included."""
        known = consumer.list_topics().topics
        mine = [
            TopicPartition(name, number)
            for name in known
            if self.prefix in name and not name.startswith(HEARTBEATS)  # they never end
            for number in known[name].partitions
        ]
        return sum(watermarks(consumer, partition, timeout=10)[1] for partition in mine)

    def _steps(self, connector: Connector) -> None:
        with ExitStack() as stack:
            sessions: dict[str, Session] = {}
            name = "1"
            for step in self.case.steps:
                if step.directive == "session":
                    name = step.text
                elif step.directive:
                    self._direct(step, connector)
                else:
                    if name not in sessions:
                        sessions[name] = stack.enter_context(contextmanager(self.side.session)())
                    self._execute(sessions[name], step)

    def _direct(self, step: Step, connector: Connector) -> None:
        match step.directive:
            case "sleep":
                time.sleep(float(step.text))
                # What comes next may be DDL, which a busy connector would see too early.
                self._settle(connector, quiet=0.2)
            case "quiet":
                self._settle(connector)
            case "stop":
                self._settle(connector)
                connector.stop()
            case "resume":
                connector.start()
                self._await_stream(connector)
            case other:
                raise ValueError(f"unknown directive {other!r}")

    def _execute(self, session: Session, step: Step) -> None:
        """Run a statement; some are there to be refused by the database."""
        try:
            session.execute(self._of_run(step.text))
        except Refused as error:
            self.refused.append(f"{step.text}: {error}")

    def _raw(self) -> list[Read]:
        return read_committed(self.servers, *filter(self._counts, topics(self.servers)))

    def _counts(self, topic: str) -> bool:
        """Whether a topic is compared: the schema history only where the case is about it."""
        return self.prefix in topic and (not topic.startswith(HISTORY) or bool(self.case.options.get("history")))

    def _read(self) -> Iterable[dict[str, Any]]:
        for record in self._raw():
            plain = dataclasses.asdict(record)
            yield {
                "topic": self._of_case(record.topic),
                "partition": plain["partition"],
                "key": self._parsed(record.key),
                "value": self._parsed(record.value),
                "headers": [[name, self._header(value)] for name, value in record.headers],
            }

    def _parsed(self, raw: bytes | None) -> Any:
        if raw is None:
            return None
        text = self._of_case(raw.decode(errors="replace"))
        try:
            return json.loads(text)
        except ValueError:
            return text

    def _header(self, raw: bytes | None) -> Any:
        if self.case.properties.get("header.converter") == JSON_HEADERS:
            return self._parsed(raw)
        return None if raw is None else self._of_case(raw.decode(errors="replace"))
