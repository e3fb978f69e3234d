"""Names of topics."""

from __future__ import annotations

import re

from cdc.model.table import TableId

ILLEGAL = re.compile(r"[^a-zA-Z0-9._-]")


def table_topic(prefix: str, table: TableId, delimiter: str = ".") -> str:
    """Return the topic of a table: `<prefix>.<schema>.<table>`, with `_` for characters that Kafka does not allow."""
    return ILLEGAL.sub("_", delimiter.join((prefix, table.schema, table.table)))


def beside_topic(*parts: str, delimiter: str = ".") -> str:
    """Return the topic of records beside the rows from its parts, with `_` for characters that Kafka does not allow."""
    return ILLEGAL.sub("_", delimiter.join(parts))
