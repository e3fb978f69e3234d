"""Thirty kills at random moments, with one partition and with several, with large and with small Kafka transactions."""

from __future__ import annotations

import pytest

from tests.support.kills import assert_exactly_once_over_kills

pytestmark = [pytest.mark.reliability, pytest.mark.timeout(900)]


VARIANTS = [{}, {"topic_creation_default_partitions": "4"}, {"transaction_max_rows": "100", "compression_type": "lz4"}]


@pytest.mark.parametrize("seed", range(len(VARIANTS)))
def test_every_change_arrives_once_in_order_over_thirty_kills(seed, database, kafka, topic_prefix, tmp_path):
    more = VARIANTS[seed]
    assert_exactly_once_over_kills(30, database, kafka.url, topic_prefix, tmp_path, seed=seed, **more)
