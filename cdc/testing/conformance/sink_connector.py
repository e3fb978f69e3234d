"""What every `SinkConnector` must do.

Subclass `SinkConnectorConformance` as a test class and say what the connector is given:

    class TestMyConnector(SinkConnectorConformance):
        @pytest.fixture
        def world(self, tmp_path):
            return MyWorld(tmp_path)

`world` is a `SinkConnectorWorld`. The connector's task has a suite of its own, `SinkTaskConformance`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, Protocol, TypeAlias

from cdc.model.connect_record import TopicPartition
from cdc.sinks.base import Properties, SinkConnector
from cdc.testing.conformance.connector import ConnectorConformance

Request: TypeAlias = Mapping[TopicPartition, int | None]
"""By partition, the offset to be stored, None to remove it."""


class SinkConnectorWorld(Protocol):
    """A connector, and configurations and offsets for it."""

    @property
    def connector(self) -> type[SinkConnector]:
        """The class."""

    @property
    def properties(self) -> Properties:
        """A configuration that it can run with, `name` and `topics` included."""

    @property
    def offsets(self) -> Request:
        """Offsets that may be stored for it: at least one."""

    @property
    def unusable(self) -> Sequence[Request]:
        """Requests each of which holds an offset that may not be stored: at least one."""


class SinkConnectorConformance(ConnectorConformance):
    """The tests; see the module for how to use it."""

    task_members: ClassVar[Sequence[str]] = ("start", "open", "put", "flush", "pre_commit", "close", "stop")
    may_lack_task: ClassVar[bool] = False

    def removed(self, offsets: Request) -> Request:
        """Return the request to remove these offsets."""
        return dict.fromkeys(offsets)
