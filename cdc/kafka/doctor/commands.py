"""The commands of Kafka that the remedies tell to run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from cdc.config.settings import KafkaSettings


def least_rights(settings: KafkaSettings, topics: Iterable[str], history: str = "") -> Sequence[str]:
    """Return the commands that give the user what the connector needs, and no more; they may be repeated.

    `history` is the topic of the schema history, if there is to be one.
    """
    own = [settings.offset_topic, *([history] if history else [])]
    grants = [acl(settings, "--transactional-id", settings.transactional_id, "Write", "Describe")]
    grants += [
        acl(settings, "--topic", topic, "Write", "Describe", "DescribeConfigs", "Create", "Read") for topic in own
    ]
    return grants + [
        acl(settings, "--topic", topic, "Write", "Describe", "DescribeConfigs", "Create") for topic in topics
    ]


def acl(settings: KafkaSettings, kind: str, name: str, *operations: str) -> str:
    """Return the command that allows this user the operations on a topic or a transactional id; `kind` is the option that names it."""
    words = " ".join(f"--operation {each}" for each in operations)
    user = settings.security.username or "…"
    return f"{command('kafka-acls', settings)} --add --allow-principal User:{user} {words} {kind} {name}"


def alter(settings: KafkaSettings, topic: str, setting: str) -> str:
    """Return the command that gives a topic a setting, `name=value`."""
    return f"{command('kafka-configs', settings)} --alter --topic {topic} --add-config {setting}"


def command(tool: str, settings: KafkaSettings) -> str:
    """Return how a tool of Kafka is called for this cluster."""
    return f"{tool} --bootstrap-server {settings.bootstrap_servers[0]}"
