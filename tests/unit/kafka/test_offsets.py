import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdc.kafka.offsets import decode_key, decode_value, encode_key, encode_value

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


def test_the_shape_is_kafka_connects():
    assert encode_key("shop-connector", {"server": "shop"}) == b'["shop-connector",{"server":"shop"}]'
    assert encode_value({"lsn": 23, "last": None, "done": True}) == b'{"lsn":23,"last":null,"done":true}'
    assert encode_value(None) is None


@given(st.text(), st.dictionaries(st.text(), st.text()), st.dictionaries(st.text(), json_values))
def test_what_is_encoded_is_decoded(connector, partition, offset):
    assert decode_key(encode_key(connector, partition)) == (connector, partition)
    assert decode_value(encode_value(offset)) == offset


def test_layout_and_order_of_a_key_do_not_matter():
    found = decode_key(b' [ "c" , { "b" : "2",\n "a": "1" } ] ')
    assert found == ("c", {"a": "1", "b": "2"})
    assert found == decode_key(encode_key("c", {"a": "1", "b": "2"}))


@pytest.mark.parametrize(
    "key",
    [None, b"", b"\xff", b"{}", b"[]", b'["c"]', b'["c",1]', b"[1,{}]", b'["c",{},1]', b'"c"', b"null", b"commit-7"],
)
def test_foreign_keys_are_none_of_ours(key):
    assert decode_key(key) is None


def test_a_tombstone_is_no_offset():
    assert decode_value(None) is None


@pytest.mark.parametrize("value", [b"", b"{", b"7", b"[]", b"\xff"])
def test_any_other_value_is_an_error(value):
    with pytest.raises(ValueError):
        decode_value(value)
