"""A source transaction larger than a Kafka transaction may last: in parts, exactly once, in bounded memory."""

from __future__ import annotations

from tests.support.large_transaction import assert_exactly_once_in_parts

#: Bytes of resident memory; 60 MB of them are the program. The transaction has 380 MB, more than two parts on a quick machine.
MEMORY = 140_000_000


def test_large_transaction_arrives_once_though_the_connector_is_killed_inside_it(
    database, kafka, topic_prefix, tmp_path
):
    assert_exactly_once_in_parts(
        database, kafka.url, topic_prefix, tmp_path, rows=600_000, width=20, timeout="1000", memory=MEMORY
    )
