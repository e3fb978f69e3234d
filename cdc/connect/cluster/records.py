"""Records of the topics for configurations and statuses: text keys, JSON objects without schema as values, as Kafka Connect writes them."""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping
from typing import Any, Final, Protocol, TypeAlias, TypeVar

import orjson

from cdc.connect.herder import TaskId
from cdc.model.position import Json

Record: TypeAlias = tuple[str, bytes | None]
"""Key and value of a record to be written; None is a tombstone."""

Kind = TypeVar("Kind", bound=enum.StrEnum)

_TASK: Final = re.compile(r"(?P<connector>.+)-(?P<task>0|[1-9][0-9]{0,9})", re.DOTALL | re.ASCII)


class LogRecordLike(Protocol):
    """A record as it was read; `value` is None for a tombstone, `offset` is its place in the partition."""

    @property
    def key(self) -> str:
        """What the record is about."""

    @property
    def value(self) -> bytes | None:
        """What it says."""

    @property
    def offset(self) -> int:
        """Its place in its partition."""


def encode(value: Mapping[str, Json]) -> bytes:
    """Return the value of a record."""
    return orjson.dumps(value)


def decode(value: bytes) -> dict[str, Any]:
    """Return what a value says; raises ValueError if it is no JSON object, without its content, which may be secret."""
    found = orjson.loads(value)
    if not isinstance(found, dict):
        raise ValueError(f"its value is not an object but {type(found).__name__}")  # noqa: TRY004 (wrong content)
    return found


def split(key: str, kinds: type[Kind]) -> tuple[Kind, str]:
    """Return the kind of a key, which is what it begins with, and what follows; raises ValueError when it is none of these."""
    kind = next((kind for kind in kinds if key.startswith(kind)), None)
    if kind is None or kind == key:
        raise ValueError("cdc-stream knows no such key")
    return kind, key.removeprefix(kind)


def task_id(text: str) -> TaskId:
    """Return the task that `connector-number` names, whatever dashes the connector's name has; raises ValueError."""
    found = _TASK.fullmatch(text)
    if found is None:
        raise ValueError("its key names no task")
    return TaskId(found["connector"], int(found["task"]))


def whole(value: object, *, least: int = 0) -> int:
    """Return a number that is not below `least`; raises ValueError for anything else."""
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ValueError(f"a whole number from {least} on is expected, and there is {value!r}"[:200])
    return value
