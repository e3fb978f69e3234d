"""Topic names as Kafka allows them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdc.model.table import TableId
from cdc.sources.naming import table_topic


@pytest.mark.parametrize(
    ("schema", "table", "topic"),
    [
        ("public", "accounts", "shop.public.accounts"),
        ("public", "Mixed-Case_1", "shop.public.Mixed-Case_1"),
        ("public", "odd name", "shop.public.odd_name"),
        ("public", 'quo"ted', "shop.public.quo_ted"),
        ("größe", "日本", "shop.gr__e.__"),
        ("a.b", "c", "shop.a.b.c"),
    ],
)
def test_the_topic_of_a_table(schema, table, topic):
    assert table_topic("shop", TableId(schema, table)) == topic


def test_another_delimiter():
    assert table_topic("shop", TableId("public", "a"), "-") == "shop-public-a"


@given(st.text(), st.text())
def test_only_letters_that_kafka_takes(schema, table):
    topic = table_topic("p", TableId(schema, table))
    assert len(topic) == len(schema) + len(table) + 3
    assert all(letter.isascii() and (letter.isalnum() or letter in "._-") for letter in topic)
