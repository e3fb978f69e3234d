"""Killed at any moment, the connector loses and doubles nothing of what it publishes beside the rows."""

from __future__ import annotations

from tests.support.beside import assert_marks_and_messages_over_kills


def test_marks_numbers_and_messages_come_once_though_the_connector_is_killed(database, kafka, topic_prefix, tmp_path):
    assert_marks_and_messages_over_kills(4, database, kafka.url, topic_prefix, tmp_path)
