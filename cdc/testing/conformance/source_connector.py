"""What every `SourceConnector` must do.

Subclass `SourceConnectorConformance` as a test class and say what the connector is given:

    class TestMyConnector(SourceConnectorConformance):
        @pytest.fixture
        def world(self, tmp_path):
            return MyWorld(tmp_path)

`world` is a `SourceConnectorWorld`. The connector's task has a suite of its own, `SourceTaskConformance`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, Protocol, TypeAlias

from cdc.model.position import Offset
from cdc.sources.connector import Properties, SourceConnector
from cdc.testing.conformance.connector import ConnectorConformance

Request: TypeAlias = Sequence[tuple[Mapping[str, str], Offset | None]]
"""By source partition, the offset to be stored, None to remove it."""


class SourceConnectorWorld(Protocol):
    """A connector, and configurations and offsets for it."""

    @property
    def connector(self) -> type[SourceConnector]:
        """The class."""

    @property
    def properties(self) -> Properties:
        """A configuration that it can run with, `name` included."""

    @property
    def offsets(self) -> Request:
        """Offsets that may be stored for it: at least one."""

    @property
    def unusable(self) -> Sequence[Request]:
        """Requests each of which holds an offset that may not be stored: at least one."""


class SourceConnectorConformance(ConnectorConformance):
    """The tests; see the module for how to use it."""

    task_members: ClassVar[Sequence[str]] = ("start", "poll", "commit", "stop")
    may_lack_task: ClassVar[bool] = True

    def removed(self, offsets: Request) -> Request:
        """Return the request to remove these offsets."""
        return [(partition, None) for partition, _ in offsets]
