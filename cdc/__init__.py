"""cdc-stream: committed row changes of a database as Kafka records, exactly once."""

from importlib.metadata import version

__version__ = version("cdc-stream")
