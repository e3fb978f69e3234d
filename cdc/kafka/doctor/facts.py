"""What is known of a Kafka cluster: its brokers, and the topics and the transactional id of one connector."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

#: Bits of KIP-430, by the words of kafka-acls.
OPERATIONS: Final = {"Read": 1 << 3, "Write": 1 << 4, "Create": 1 << 5, "Describe": 1 << 8}
ALL: Final = sum(OPERATIONS.values())


@dataclass(frozen=True, slots=True)
class TopicFacts:
    """A topic, whether it exists or not. `rights` are bits of OPERATIONS; `refusal` says why it could not be created, if it is missing."""

    name: str
    exists: bool = True
    rights: int = ALL
    partitions: int = 1
    replicas: int = 1
    settings: Mapping[str, str] = field(default_factory=dict)
    refusal: str = ""

    def lacks(self, *operations: str) -> list[str]:
        """Return which of the operations this user may not do."""
        return [each for each in operations if not self.rights & OPERATIONS[each]]

    def number(self, setting: str) -> int | None:
        """Return a setting that is a number, None where the broker does not tell it."""
        text = self.settings.get(setting)
        return int(text) if text is not None else None


@dataclass(frozen=True, slots=True)
class KafkaFacts:
    """What the brokers tell. `broker` holds their settings, where this user may see them; `id_allowed` is about the transactional id.

    `history` is the topic of the schema history, None where there is to be none.
    """

    brokers: int
    tables: Sequence[TopicFacts]
    offsets: TopicFacts
    id_allowed: bool = True
    transactions: bool = True
    broker: Mapping[str, str] = field(default_factory=dict)
    history: TopicFacts | None = None

    @property
    def own(self) -> Sequence[TopicFacts]:
        """The connector's own topics: they are created whatever topic.creation.enable says."""
        return [self.offsets] if self.history is None else [self.offsets, self.history]
