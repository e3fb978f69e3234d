"""Names of topics as Kafka allows them, names of schemas and fields as Avro does."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdc.config.replacement import Replacement
from cdc.config.settings import NameAdjustment
from cdc.config.topics import TopicNaming
from cdc.model.table import TableId
from cdc.sources.naming import LONGEST_TOPIC, NameAdjuster, table_identity, table_topic

NAMES = st.text(st.characters(codec="utf-8"))


@pytest.mark.parametrize(
    ("schema", "table", "topic", "unicode_topic"),
    [
        ("public", "accounts", "shop.public.accounts", "shop.public.accounts"),
        ("public", "Mixed-Case_1", "shop.public.Mixed-Case_1", "shop.public.Mixed-Case_u005f1"),
        ("public", "odd name", "shop.public.odd_name", "shop.public.odd_u0020name"),
        ("public", 'quo"ted', "shop.public.quo_ted", "shop.public.quo_u0022ted"),
        ("größe", "日本", "shop.gr__e.__", "shop.gr_u00f6_u00dfe._u65e5_u672c"),
        ("public", "a😀", "shop.public.a__", "shop.public.a_ud83d_ude00"),
        ("public", "ž", "shop.public._", "shop.public._u17e"),
        ("a.b", "c", "shop.a.b.c", "shop.a.b.c"),
        (" ", "c", "shop.c", "shop.c"),
    ],
)
def test_the_topic_of_a_table(schema, table, topic, unicode_topic):
    assert table_topic("shop", TableId(schema, table)) == topic
    assert table_topic("shop", TableId(schema, table), naming=TopicNaming(unicode=True)) == unicode_topic


def test_another_delimiter():
    assert table_topic("shop", TableId("public", "a"), "-") == "shop-public-a"


SHARDS = Replacement.parse("(.*)(dbz_4180)(.*)", "$1$2_all_shards")


@pytest.mark.parametrize(
    ("table", "topic"), [("dbz_4180_1", "p.public.dbz_4180_all_shards"), ("other", "p.public.other")]
)
def test_a_route_names_the_topics_that_it_matches(table, topic):
    assert table_topic("p", TableId("public", table), naming=TopicNaming(route=SHARDS)) == topic


def test_a_route_that_leaves_nothing_of_a_name_leaves_the_name():
    assert table_topic("p", TableId("s", "t"), naming=TopicNaming(route=Replacement.parse("(x?).*", "$1"))) == "p.s.t"


def test_what_tells_a_table_from_others_in_its_topic_is_its_own_name_or_what_is_made_of_it():
    table = TableId("my db", "t_7")
    assert table_identity("p", table) == "p.my db.t_7"
    assert (
        table_identity("p", table, naming=TopicNaming(key_value=Replacement.parse(".*_([0-9]+)", "shard $1")))
        == "shard 7"
    )
    assert table_identity("p", table, naming=TopicNaming(key_value=Replacement.parse("x", "y"))) == "p.my db.t_7"


def test_names_without_the_schema():
    assert table_topic("p", TableId("public", "t"), naming=TopicNaming(schemas=False)) == "p.t"


@given(NAMES, NAMES, st.booleans())
def test_only_letters_that_kafka_takes_and_no_more_of_them(schema, table, unicode):
    topic = table_topic("p", TableId(schema, table), naming=TopicNaming(unicode=unicode))
    assert 0 < len(topic) <= LONGEST_TOPIC
    assert all(letter.isascii() and (letter.isalnum() or letter in "._-") for letter in topic)


@pytest.mark.parametrize(
    ("name", "avro", "unicode"),
    [
        ("id", "id", "id"),
        ("_a1", "_a1", "_u005fa1"),
        ("Col Space", "Col_Space", "Col_u0020Space"),
        ("dot.ted", "dot_ted", "dot_u002eted"),
        ("ünï😀", "_n___", "_u00fcn_u00ef_ud83d_ude00"),
        ("1digit", "_1digit", "_u0031digit"),
        ("a-b", "a_b", "a_u002db"),
        ("", "", ""),
    ],
)
def test_the_name_of_a_field(name, avro, unicode):
    assert NameAdjuster(NameAdjustment.AVRO).adjust(name) == avro
    assert NameAdjuster(NameAdjustment.AVRO_UNICODE).adjust(name) == unicode
    assert NameAdjuster(NameAdjustment.NONE).adjust(name) == name


def test_the_name_of_a_schema_keeps_its_dots():
    assert NameAdjuster(NameAdjustment.AVRO, dotted=True).adjust("p.My-T") == "p.My_T"
    assert NameAdjuster(NameAdjustment.AVRO_UNICODE, dotted=True).adjust("p.s_t") == "p.s_u005ft"


@given(NAMES.filter(bool), st.sampled_from([NameAdjustment.AVRO, NameAdjustment.AVRO_UNICODE]))
def test_avro_takes_every_name(name, mode):
    assert re.fullmatch("[A-Za-z_][A-Za-z0-9_]*", NameAdjuster(mode).adjust(name))
