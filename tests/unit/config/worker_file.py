"""Settings of a worker from properties, and what is wrong with them."""

import pytest

from cdc.config.definition import InvalidConfig
from cdc.config.worker import WorkerSettings

# Kafka's own config/connect-distributed.properties, version 4.3, without its comments.
KAFKAS_DISTRIBUTED = """\
bootstrap.servers=localhost:9092
group.id=connect-cluster
key.converter=org.apache.kafka.connect.json.JsonConverter
value.converter=org.apache.kafka.connect.json.JsonConverter
key.converter.schemas.enable=true
value.converter.schemas.enable=true
offset.storage.topic=connect-offsets
offset.storage.replication.factor=1
config.storage.topic=connect-configs
config.storage.replication.factor=1
status.storage.topic=connect-status
status.storage.replication.factor=1
offset.flush.interval.ms=10000
"""


def settings(**properties):
    """The settings of properties whose dots are written as underscores."""
    return WorkerSettings.from_raw({k.replace("_", "."): v for k, v in properties.items()})


def problems(raw, *, distributed=False):
    """What is wrong with properties, by the name that it is shown at."""
    with pytest.raises(InvalidConfig) as caught:
        WorkerSettings.from_raw(raw, distributed=distributed)
    assert all(problem.remedy for problem in caught.value.problems)
    return {problem.name: problem.sentence() for problem in caught.value.problems}
