"""Names of topics, schemas and fields."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from cdc.config.settings import NameAdjustment
from cdc.config.topics import TopicNaming
from cdc.model.table import TableId

log = logging.getLogger(__name__)

ILLEGAL = re.compile(r"[^a-zA-Z0-9._-]")
ILLEGAL_OR_ESCAPE = re.compile(r"[^a-zA-Z0-9.-]")
#: Kafka takes names of that many characters.
LONGEST_TOPIC = 249


PLAIN = TopicNaming()


def table_topic(prefix: str, table: TableId, delimiter: str = ".", naming: TopicNaming = PLAIN) -> str:
    """Return the topic of a table: `<prefix>.<schema>.<table>`, or what the naming's route makes of that.

    For a character that Kafka does not allow stands `_` or, with `unicode`, `_u` and its code; then for `_` too.
    """
    name = _full_name(prefix, table, delimiter, naming)
    fit = ILLEGAL_OR_ESCAPE.sub(lambda found: _escaped(found[0]), name) if naming.unicode else _underscored(name)
    routed = naming.route.apply(fit) if naming.route is not None else None
    return (routed or fit)[:LONGEST_TOPIC]


def table_identity(prefix: str, table: TableId, delimiter: str = ".", naming: TopicNaming = PLAIN) -> str:
    """Return what tells a table from others in its topic: the value of the naming's `key_field`."""
    name = _full_name(prefix, table, delimiter, naming)
    made = naming.key_value.apply(name) if naming.key_value is not None else None
    return name if made is None else made


def _full_name(prefix: str, table: TableId, delimiter: str, naming: TopicNaming) -> str:
    parts = (prefix, table.schema, table.table) if naming.schemas else (prefix, table.table)
    return delimiter.join(part for part in parts if part.strip())


class NamingSettings(Protocol):
    """What a connector's settings say of names."""

    @property
    def topic_prefix(self) -> str:
        """The first part of all names."""

    @property
    def topic_delimiter(self) -> str:
        """What stands between the parts of a topic."""

    @property
    def naming(self) -> TopicNaming:
        """The strategy."""


class TableTopics:
    """Names the topics of one connector's tables, and warns when two that are told apart nowhere share one."""

    def __init__(self, settings: NamingSettings) -> None:
        self._settings = settings
        self._topics: dict[str, TableId] = {}

    def topic(self, table: TableId) -> str:
        """Return the topic of a table."""
        settings = self._settings
        topic = table_topic(settings.topic_prefix, table, settings.topic_delimiter, settings.naming)
        if settings.naming.route is not None:
            return topic  # tables share it on purpose
        other = self._topics.setdefault(topic, table)
        if other != table:
            self._topics[topic] = table
            log.warning(
                "the tables %s and %s share the topic %s, as their names differ only in characters that Kafka does not allow."
                " io.debezium.schema.SchemaUnicodeTopicNamingStrategy as topic.naming.strategy tells them apart",
                other,
                table,
                topic,
            )
        return topic

    def mark(self, table: TableId) -> tuple[str, str] | None:
        """Return the field, name and value, by which keys tell tables apart that share a topic; None where there is none."""
        settings = self._settings
        if not settings.naming.key_field:
            return None
        found = table_identity(settings.topic_prefix, table, settings.topic_delimiter, settings.naming)
        return settings.naming.key_field, found


def beside_topic(*parts: str, delimiter: str = ".") -> str:
    """Return the topic of records beside the rows from its parts, with `_` for characters that Kafka does not allow."""
    return _underscored(delimiter.join(parts))


def _underscored(name: str) -> str:
    # Debezium counts in UTF-16: two for a character beyond the basic plane.
    return ILLEGAL.sub(lambda found: "_" * len(list(_units(found[0]))), name)


def _escaped(text: str) -> str:
    """Return `_u` and the code for each UTF-16 unit, in four digits; in three from 0x100 to 0xFFF, as Debezium writes them."""
    return "".join(f"_u{unit:03x}" if unit > 0xFF else f"_u00{unit:x}" for unit in _units(text))


def _units(text: str) -> Iterator[int]:
    data = text.encode("utf-16-be", "surrogatepass")
    return (data[at] << 8 | data[at + 1] for at in range(0, len(data), 2))


@dataclass(frozen=True, slots=True)
class NameAdjuster:
    """Makes names fit for Avro, as Debezium does; `dotted` names, those of schemas, may have dots.

    Source: the Avro specification, "Names".
    """

    mode: NameAdjustment = NameAdjustment.NONE
    dotted: bool = False

    def adjust(self, name: str) -> str:
        """Return the name with what stands for characters that Avro does not allow; two names may come out the same."""
        if self.mode is NameAdjustment.NONE or not name:
            return name
        unicode = self.mode is NameAdjustment.AVRO_UNICODE
        first = "a-zA-Z" if unicode else "a-zA-Z_"
        illegal = re.compile(rf"^[^{first}]|(?<!^)[^{first}0-9{'.' if self.dotted else ''}]")
        return illegal.sub(lambda found: _escaped(found[0]) if unicode else _replaced(found[0]), name)


def _replaced(character: str) -> str:
    # A digit is only refused as the first character, and stays behind the underscore.
    return f"_{character}" if character in "0123456789" else "_" * len(list(_units(character)))
