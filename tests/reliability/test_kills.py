"""Thirty kills at random moments, on three different loads."""

from __future__ import annotations

import pytest

from tests.support.kills import assert_exactly_once_over_kills

pytestmark = [pytest.mark.reliability, pytest.mark.timeout(900)]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_every_change_arrives_once_in_order_over_thirty_kills(seed, database, kafka, topic_prefix, tmp_path):
    assert_exactly_once_over_kills(30, database, kafka.url, topic_prefix, tmp_path, seed=seed)
