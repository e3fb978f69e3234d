"""Partial updates of JSON columns: what is applied, and what is refused."""

from __future__ import annotations

import pytest

from cdc.errors import DecodeError
from cdc.sources.mysql.values.json_diff import JsonDiff, Operation, apply_diffs, parse_diffs
from cdc.sources.mysql.values.json_path import parse_path
from tests.support.mysql_json import Opaque, encoded

BEFORE = encoded({"a": [1, 2, 3], "b": {"c": 1.50}, "é": None})


def diff(operation: Operation, path: str, value: object = ...) -> bytes:
    parts = [path.encode()] if value is ... else [path.encode(), encoded(value)]
    return bytes([operation]) + b"".join(bytes([len(part)]) + part for part in parts)


@pytest.mark.parametrize(
    ("vector", "after"),
    [
        (b"", '{"a":[1,2,3],"b":{"c":1.5},"é":null}'),
        (diff(Operation.REPLACE, "$.a[1]", "x"), '{"a":[1,"x",3],"b":{"c":1.5},"é":null}'),
        (diff(Operation.INSERT, "$.a[1]", True), '{"a":[1,true,2,3],"b":{"c":1.5},"é":null}'),
        (diff(Operation.INSERT, "$.a[3]", 1e300), '{"a":[1,2,3,1e300],"b":{"c":1.5},"é":null}'),
        (diff(Operation.REMOVE, "$.a[0]"), '{"a":[2,3],"b":{"c":1.5},"é":null}'),
        (diff(Operation.REMOVE, '$."é"'), '{"a":[1,2,3],"b":{"c":1.5}}'),
        (diff(Operation.INSERT, '$.b."x\\"y"', {}), '{"a":[1,2,3],"b":{"c":1.5,"x\\"y":{}},"é":null}'),
        (
            diff(Operation.INSERT, "$.d", Opaque(246, b"\x04\x02\x81\x32")),
            '{"a":[1,2,3],"b":{"c":1.5},"d":1.50,"é":null}',
        ),
        (diff(Operation.REPLACE, "$", [1]), "[1]"),
        (
            diff(Operation.REMOVE, "$.b") + diff(Operation.REMOVE, "$.a[2]") + diff(Operation.REMOVE, "$.a[1]"),
            '{"a":[1],"é":null}',
        ),
    ],
)
def test_diffs_are_applied_in_order(vector, after):
    assert apply_diffs(BEFORE, vector).decode() == after


@pytest.mark.parametrize(
    "vector",
    [
        diff(Operation.REPLACE, "$.x", 1),
        diff(Operation.REPLACE, "$.a[3]", 1),
        diff(Operation.REPLACE, "$.a.b", 1),
        diff(Operation.REPLACE, "$.b[0]", 1),
        diff(Operation.REPLACE, "$.b.c.d", 1),
        diff(Operation.INSERT, "$.a", 1),
        diff(Operation.INSERT, "$", 1),
        diff(Operation.REMOVE, "$"),
        diff(Operation.REMOVE, "$.x"),
    ],
)
def test_a_diff_that_does_not_fit_the_document_is_refused(vector):
    with pytest.raises(DecodeError, match="does not fit the document"):
        apply_diffs(BEFORE, vector)


def test_a_document_cannot_grow_deeper_than_a_hundred_levels():
    vector = b"".join(diff(Operation.REPLACE, "$" + "[0]" * depth, [1]) for depth in range(80))
    assert apply_diffs(b"", vector) == b"[" * 80 + b"1" + b"]" * 80
    with pytest.raises(DecodeError, match="more than 100 levels"):
        apply_diffs(
            encoded([]), vector + diff(Operation.REPLACE, "$" + "[0]" * 80, [[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]])
        )


def test_a_vector_is_refused_wherever_it_is_cut_off():
    vector = diff(Operation.REPLACE, "$.a[1]", "long" * 20) + diff(Operation.REMOVE, "$.b")
    assert list(parse_diffs(vector)) == [
        JsonDiff(Operation.REPLACE, ("a", 1), b'"' + b"long" * 20 + b'"'),
        JsonDiff(Operation.REMOVE, ("b",), None),
    ]
    for size in range(1, len(vector)):
        if size != len(vector) - 5:
            with pytest.raises(DecodeError):
                list(parse_diffs(vector[:size]))


def test_lengths_have_up_to_eight_bytes():
    value = encoded("x" * 70_000)
    for head in (b"\xfd" + len(value).to_bytes(3, "little"), b"\xfe" + len(value).to_bytes(8, "little")):
        assert apply_diffs(BEFORE, b"\x00\x01$" + head + value) == b'"' + b"x" * 70_000 + b'"'


@pytest.mark.parametrize(
    "vector",
    [b"\x03", b"\x00\xfb", b"\x00\xff", b"\x00\xfc\x01", b"\x00\xfe\xff\xff\xff\xff\xff\xff\xff\xff", b"\x02\x02$["],
)
def test_a_malformed_vector_is_refused(vector):
    with pytest.raises(DecodeError):
        apply_diffs(BEFORE, vector)


@pytest.mark.parametrize(
    ("path", "legs"),
    [
        ("$", ()),
        ('$.a[1]."b c"', ("a", 1, "b c")),
        ('$."a\\nb"."\\u00e9"', ("a\nb", "é")),
        ("$[0][10]", (0, 10)),
        ("$.日本", ("日本",)),
    ],
)
def test_paths(path, legs):
    assert parse_path(path.encode()) == legs


@pytest.mark.parametrize(
    "path",
    [
        b"",
        b"a",
        b"$a",
        b"$.",
        b"$[",
        b"$[x]",
        b"$[-1]",
        b"$.*",
        b"$**.a",
        b'$."a',
        b'$."\\x"',
        b'$."\\ud800"',
        b"$.\xff",
        b"$[last]",
    ],
)
def test_what_is_no_path_is_refused(path):
    with pytest.raises(DecodeError, match="MySQL sent a JSON path"):
        parse_path(path)
