"""Ten million rows in one source transaction."""

from __future__ import annotations

import pytest

from tests.support.large_transaction import assert_exactly_once_in_parts

pytestmark = [pytest.mark.reliability, pytest.mark.timeout(1800)]

MEMORY = 140_000_000


def test_ten_million_rows_arrive_once_in_bounded_memory(database, kafka, topic_prefix, tmp_path):
    assert_exactly_once_in_parts(
        database, kafka.url, topic_prefix, tmp_path, rows=10_000_000, width=3, timeout="20000", memory=MEMORY
    )
