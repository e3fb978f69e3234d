"""The runtime: connectors and their tasks on a worker, with Kafka Connect's REST API and words.

The contracts that plugins fulfil, and the values that they exchange, can be imported from here; each stands in the room that it is about.
"""

from cdc.config.config_provider import ConfigProvider
from cdc.converters.base import Converter, HeaderConverter
from cdc.model.connect_record import Header, SchemaAndValue, SinkRecord, SourceRecord, TopicPartition
from cdc.sinks.base import RetryLater, SinkConnector, SinkTask, SinkTaskContext
from cdc.sources.connector import SourceConnector, SourceTask, SourceTaskContext
from cdc.transforms.base import Predicate, Transformation

__all__ = [
    "ConfigProvider",
    "Converter",
    "Header",
    "HeaderConverter",
    "Predicate",
    "RetryLater",
    "SchemaAndValue",
    "SinkConnector",
    "SinkRecord",
    "SinkTask",
    "SinkTaskContext",
    "SourceConnector",
    "SourceRecord",
    "SourceTask",
    "SourceTaskContext",
    "TopicPartition",
    "Transformation",
]
