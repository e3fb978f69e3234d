"""Access control lists of a Kafka with an authorizer: `KafkaServer(security=Security(authorizer=True, …))`."""

from __future__ import annotations

from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._acl import AclBinding, AclOperation, AclPermissionType
from confluent_kafka.admin._resource import ResourcePatternType, ResourceType

TOPICS, TRANSACTIONS, GROUPS = ResourceType.TOPIC, ResourceType.TRANSACTIONAL_ID, ResourceType.GROUP


def allow(servers: str, who: str, prefix: str, *kinds: ResourceType) -> None:
    """Give a user all rights on what starts with the prefix: topics and transactional ids, or the kinds that are named.

    `servers` is `KafkaServer.inner`; `who` is the user's plain name.
    """
    rights = [
        AclBinding(
            kind, prefix, ResourcePatternType.PREFIXED, f"User:{who}", "*", AclOperation.ALL, AclPermissionType.ALLOW
        )
        for kind in kinds or (TOPICS, TRANSACTIONS)
    ]
    admin = AdminClient({"bootstrap.servers": servers})
    for done in admin.create_acls(rights).values():
        done.result(timeout=10)
