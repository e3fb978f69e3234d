"""Killed at any moment, the connector loses nothing and doubles nothing."""

from __future__ import annotations

from psycopg import sql

from tests.support.kills import assert_exactly_once_over_kills


def test_every_change_arrives_once_in_order_though_the_connector_is_killed(database, kafka, topic_prefix, tmp_path):
    assert_exactly_once_over_kills(5, database, kafka.url, topic_prefix, tmp_path)


def test_nor_is_anything_lost_or_doubled_of_transactions_that_the_server_streams(
    database, kafka, topic_prefix, tmp_path
):
    """It is told to stream every change by itself, those of subtransactions that are undone also."""
    immediate = "alter database {} set debug_logical_replication_streaming = 'immediate'"
    database.execute(sql.SQL(immediate).format(sql.Identifier(database.name)))
    assert_exactly_once_over_kills(3, database, kafka.url, topic_prefix, tmp_path, slot_stream_params="streaming=on")
