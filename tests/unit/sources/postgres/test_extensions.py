"""Values of hstore and pgvector. The orders of keys are what a HashMap of OpenJDK 17 printed for the same entries."""

import json

import pytest

from cdc.errors import ConversionError, DecodeError
from cdc.sources.columns.values import decode_text
from cdc.sources.postgres.values.hstore import HstoreJsonDecoder, HstoreMapDecoder
from cdc.sources.postgres.values.vectors import SparseVectorDecoder, VectorDecoder

GOLDEN = rb'"a"=>"1", "b"=>NULL, "c d"=>"e \"q\""'


def test_hstore_as_json():
    assert decode_text(HstoreJsonDecoder(), GOLDEN) == r'{"a":"1","b":null,"c d":"e \"q\""}'
    assert decode_text(HstoreJsonDecoder(), b"") == "{}"


def test_hstore_as_a_map():
    assert decode_text(HstoreMapDecoder(), GOLDEN) == ["a", "1", "b", None, "c d", 'e "q"']
    assert decode_text(HstoreMapDecoder(), b"") == []


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        (
            ("a", "b", "aa", "key1", "key2", "key3", "ü", "日本", "😀", "", "zz"),
            ["aa", "key1", "", "zz", "a", "key2", "b", "key3", "😀", "日本", "ü"],
        ),
        (
            (*(f"k{n}" for n in range(14)), "name", "colour", "size"),
            [
                "k0",
                "k1",
                "k2",
                "k3",
                "k4",
                "k5",
                "k11",
                "k6",
                "k10",
                "k7",
                "k13",
                "k8",
                "k12",
                "k9",
                "colour",
                "size",
                "name",
            ],
        ),
        (("Aa", "BB", "b", "a"), ["Aa", "BB", "a", "b"]),
    ],
)
def test_keys_are_in_the_order_of_java(keys, expected):
    text = ", ".join(f'"{key}"=>"1"' for key in keys).encode()
    assert list(json.loads(decode_text(HstoreJsonDecoder(), text))) == expected
    assert decode_text(HstoreMapDecoder(), text)[::2] == expected


@pytest.mark.parametrize(
    "text",
    [b'"a"', b'"a"=>', b'"a"=>nul', b'a=>"1"', b'"a"=>"1","b"=>"2"', b'"a"=>"1', b'"a=>\\', b'"a"=>"1", '],
)  # fmt: skip
def test_other_text_is_no_hstore(text):
    with pytest.raises(DecodeError, match="hstore"):
        decode_text(HstoreMapDecoder(), text)


def test_vectors():
    assert decode_text(VectorDecoder(), b"[1,-2.5,1e-05]") == [1.0, -2.5, 1e-05]
    assert decode_text(VectorDecoder(), b"[0]") == [0.0]


def test_sparse_vectors():
    assert decode_text(SparseVectorDecoder(), b"{1:1.5,4:-2,9:0.25}/10") == [10, [4, -2.0, 1, 1.5, 9, 0.25]]
    assert decode_text(SparseVectorDecoder(), b"{}/5") == [5, []]


@pytest.mark.parametrize(
    ("indices", "expected"),
    [((1, 3, 17, 300), [1, 17, 3, 300]), ((8, 9, 16, 24, 32767), [8, 16, 24, 9, 32767])],
)
def test_indices_are_in_the_order_of_java(indices, expected):
    text = "{" + ",".join(f"{index}:1" for index in indices) + "}/32767"
    assert decode_text(SparseVectorDecoder(), text.encode())[1][::2] == expected


def test_a_sparse_vector_with_more_dimensions_than_its_schema():
    with pytest.raises(ConversionError, match="32768"):
        decode_text(SparseVectorDecoder(), b"{1:1}/32768")


@pytest.mark.parametrize("text", [b"[]", b"1,2", b"[1,]", b"[1,x]"])
def test_other_text_is_no_vector(text):
    with pytest.raises(DecodeError):
        decode_text(VectorDecoder(), text)


@pytest.mark.parametrize("text", [b"{1:1}", b"1:1/5", b"{1}/5", b"{x:1}/5", b"{1:1}/", b"{/5"])
def test_other_text_is_no_sparse_vector(text):
    with pytest.raises(DecodeError):
        decode_text(SparseVectorDecoder(), text)
