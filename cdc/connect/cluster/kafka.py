"""The links of a worker to its cluster, in Kafka: two compacted topics and a group."""

from __future__ import annotations

from typing import Final

from cdc.config.worker import StorageTopic, WorkerSettings
from cdc.connect.cluster.links import OnRecords
from cdc.kafka.membership import Member, Membership, MembershipSettings
from cdc.kafka.topic_log import LogTopic, TopicLog
from cdc.kafka.topic_writer import PlainWriter, TopicWriter

PROTOCOL: Final = "cdc-stream"


class KafkaLinks:
    """`Links` to the cluster that a worker's settings name. The writer of configurations has the transactional id of Connect's leaders."""

    def __init__(self, settings: WorkerSettings) -> None:
        if settings.cluster is None:
            raise ValueError("the settings are those of a worker that stands alone")
        self._cluster = settings.cluster
        self._kafka = settings.kafka_settings("worker")

    def config_log(self, on_records: OnRecords) -> TopicLog:
        """See `Links.config_log`."""
        return TopicLog(self._kafka, _topic(self._cluster.config_topic), on_records, single_partition=True)

    def status_log(self, on_records: OnRecords) -> TopicLog:
        """See `Links.status_log`."""
        return TopicLog(self._kafka, _topic(self._cluster.status_topic), on_records)

    def config_writer(self) -> TopicWriter:
        """See `Links.config_writer`."""
        return TopicWriter(self._kafka, self._cluster.config_topic.name, f"connect-cluster-{self._cluster.group_id}")

    def status_writer(self) -> PlainWriter:
        """See `Links.status_writer`."""
        return PlainWriter(self._kafka, self._cluster.status_topic.name)

    def membership(self, member: Member) -> Membership:
        """See `Links.membership`."""
        cluster = self._cluster
        group = MembershipSettings(
            cluster.group_id, cluster.session_timeout, cluster.heartbeat_interval, cluster.rebalance_timeout
        )
        return Membership(self._kafka, group, member, protocol=PROTOCOL)


def _topic(topic: StorageTopic) -> LogTopic:
    return LogTopic(topic.name, topic.partitions, topic.replication_factor)
