"""Source transactions of ten million rows and of five gigabytes."""

from __future__ import annotations

import pytest

from cdc.testing.servers import KafkaServer, PostgresServer
from tests.support.database import created
from tests.support.large_transaction import assert_exactly_once_in_parts
from tests.support.scale import scaled

pytestmark = [pytest.mark.reliability, pytest.mark.timeout(3600)]

MEMORY = 140_000_000
#: What the issue of memory is measured against for rows of two kilobytes.
LARGE_MEMORY = 300_000_000
#: Rows are just too short to be moved out of their table and compressed: what is written is what is read.
WIDTH = 60
ROWS = 5_000_000_000 // (32 * WIDTH)


def test_ten_million_rows_arrive_once_in_bounded_memory(database, kafka, topic_prefix, tmp_path):
    assert_exactly_once_in_parts(
        database, kafka.url, topic_prefix, tmp_path, rows=10_000_000, width=3, timeout="20000", memory=MEMORY
    )


@pytest.mark.parametrize("streaming", ["off", "on"])
def test_five_gigabytes_arrive_once_in_bounded_memory(streaming, topic_prefix, tmp_path):
    # Servers of its own: what they keep of it on disk goes with them.
    with PostgresServer() as postgres, KafkaServer() as kafka:
        assert_exactly_once_in_parts(
            created(postgres.address),
            kafka.address.url,
            topic_prefix,
            tmp_path,
            rows=scaled(ROWS),
            width=WIDTH,
            timeout=str(max(scaled(20_000), 2_000)),
            memory=LARGE_MEMORY,
            slot_stream_params=f"streaming={streaming}",
        )
