"""MySQL's JSON: an encoder written from the format's description at one end, Python's JSON at the other; and damage of every kind."""

from __future__ import annotations

import base64
import contextlib
import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdc.errors import DecodeError
from cdc.sources.columns.values import decode_text
from cdc.sources.mysql.values.json import JsonDecoder
from cdc.sources.mysql.values.json_diff import apply_diffs
from cdc.sources.mysql.values.json_text import JsonTextDecoder
from cdc.sources.mysql.values.json_tree import read_tree, write_tree
from tests.support.mysql_json import Opaque, encoded, large

texts = st.text(st.characters(codec="utf-8"), max_size=20)
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts
)
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=5) | st.dictionaries(texts, inner, max_size=5))


def ordered(value):
    """Put members in the order in which they are stored."""
    if isinstance(value, dict):
        return {key: ordered(value[key]) for key in sorted(value, key=str.encode)}
    return [ordered(item) for item in value] if isinstance(value, list) else value


def outcome(decoder, data, size=-1):
    """Decode, and tell a value from a refusal; any other exception is a failure of the test."""
    try:
        return str(decode_text(decoder, data, size))
    except DecodeError as error:
        return type(error)


@pytest.mark.parametrize("encode", [encoded, large])
@given(value=values)
def test_documents_are_read(encode, value):
    text = decode_text(JsonDecoder(), encode(value))
    found = json.loads(text)
    assert found == value
    assert json.dumps(found) == json.dumps(ordered(value))  # tells 1 from 1.0, and 0.0 from -0.0


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_doubles_have_the_shortest_digits(value):
    text = decode_text(JsonDecoder(), encoded(value))
    assert float(text) == value
    assert Decimal(text).normalize().as_tuple() == Decimal(repr(value)).normalize().as_tuple()
    assert "." in text or "e" in text


class Digits(str):
    """A number as it was written."""

    __slots__ = ()


def spaced(value):
    """Print a value as the server does, with a space behind each comma and colon."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{spaced(key)}: {spaced(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(spaced, value)) + "]"
    return value if isinstance(value, Digits) else json.dumps(value, ensure_ascii=False)


@given(values)
def test_text_with_spaces_becomes_the_same(value):
    binary = decode_text(JsonDecoder(), encoded(value))
    server = spaced(json.loads(binary, parse_float=Digits, parse_int=Digits))
    assert decode_text(JsonTextDecoder(), server.encode()) == binary


@given(st.binary(max_size=40), st.sampled_from([15, 16, 249, 252, 254, 255]))
def test_binary_data_is_base64(data, field_type):
    assert json.loads(decode_text(JsonDecoder(), encoded(Opaque(field_type, data)))) == base64.b64encode(data).decode()


@given(values)
def test_a_tree_is_written_as_it_was(value):
    assert json.loads(write_tree(read_tree(encoded(value)))) == value


@given(st.dictionaries(texts, values, max_size=4), texts, values)
def test_a_member_is_set_and_removed(document, key, value):
    path = length_encoded(f"$.{json.dumps(key)}".encode())
    operation = 0 if key in document else 1
    vector = bytes([operation]) + path + length_encoded(encoded(value))
    assert json.loads(apply_diffs(encoded(document), vector)) == document | {key: value}
    removal = vector + bytes([2]) + path
    assert json.loads(apply_diffs(encoded(document), removal)) == {k: v for k, v in document.items() if k != key}


def length_encoded(data):
    return (bytes([len(data)]) if len(data) < 251 else b"\xfc" + len(data).to_bytes(2, "little")) + data


@given(values)
def test_what_lies_behind_a_document_is_not_read(value):
    data = encoded(value)
    for size in range(1, len(data) + 1):
        alone = outcome(JsonDecoder(), data[:size])
        for behind in (data[size:], b"\xff" * 40, b"\0" * 40):
            assert outcome(JsonDecoder(), data[:size] + behind, size) == alone


@given(values, st.data())
def test_damage_is_refused_or_read(value, data):
    damaged = bytearray(encoded(value))
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(damaged)))
        damaged[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    found = outcome(JsonDecoder(), bytes(damaged))
    if isinstance(found, str):
        json.loads(found)


@given(st.binary(max_size=60))
def test_any_diffs_are_refused_or_applied(vector):
    before = encoded({"a": [1, {"b": 2}]})
    with contextlib.suppress(DecodeError):
        json.loads(apply_diffs(before, vector))


@given(st.binary(max_size=40) | st.text('{}[]":,.\\u00eE+-0123456789 nultrefalsx\n$', max_size=40).map(str.encode))
def test_any_text_is_refused_or_read(data):
    found = outcome(JsonTextDecoder(), data)
    assert outcome(JsonTextDecoder(), data + b'"}]', len(data)) == found
    if isinstance(found, str):
        json.loads(found)
