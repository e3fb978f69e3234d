"""Values that their schemas cannot carry, and the schemas that carry them all the same."""

from __future__ import annotations

import pytest

from cdc.converters.uncarried import fault_of, readable
from cdc.model.event import ABSENT, UNAVAILABLE
from cdc.model.schema import BYTES, FLOAT64, INT32, STRING, Field, array, struct

TEXT, RAW = STRING.as_optional(), BYTES.as_optional()
LATIN = b"caf\xe9".decode("utf-8", "surrogateescape")


@pytest.mark.parametrize(
    ("schema", "value"),
    [(STRING, "é"), (INT32, 5), (BYTES, b"\xff"), (FLOAT64, None), (array(STRING), ["a", None]), (TEXT, None)],
)
def test_what_a_schema_carries_has_no_fault_and_keeps_its_schema(schema, value):
    assert fault_of("s.t.c", schema, value, in_key=True) is None
    row = struct("r", [Field("c", schema)])
    found = readable(row, {"c": value})
    assert found[0] is row
    assert found[1] == {"c": value}


@pytest.mark.parametrize(
    ("schema", "value", "said", "carried"),
    [
        (INT32, "seven", "holds 'seven' (str), which its schema cannot carry", (TEXT, "seven")),
        (STRING, b"seven", "holds b'seven' (bytes), which its schema cannot carry", (TEXT, "seven")),
        (STRING, b"\xff", r"holds b'\xff' (bytes), which its schema cannot carry", (RAW, b"\xff")),
        (STRING, LATIN, "holds a text that is not UTF-8: bytes e9 at offset 3", (RAW, b"caf\xe9")),
        (STRING, "ü" + LATIN, "holds a text that is not UTF-8: bytes e9 at offset 5", (RAW, b"\xc3\xbccaf\xe9")),
        (array(STRING), ["a", LATIN], "bytes e9 at offset 3", (RAW, b'["a", "caf\xe9"]')),
        (array(INT32), "{1,NULL}", "holds '{1,NULL}' (str), which its schema cannot carry", (TEXT, "{1,NULL}")),
    ],
)
def test_what_it_does_not_carry_is_named_with_its_place_and_gets_a_schema_that_does(schema, value, said, carried):
    error = fault_of("s.t.c", schema, value, in_key=False)
    assert error is not None
    assert said in str(error)
    assert str(error).startswith("s.t.c ")
    assert error.remedy
    found, row = readable(struct("r", [Field("id", INT32), Field("c", schema)]), {"id": 1, "c": value})
    assert (found.name, found.fields[0].schema) == ("r", INT32)
    assert (found.fields[1].schema, row) == (carried[0], {"id": 1, "c": carried[1]})


@pytest.mark.parametrize("value", [ABSENT, UNAVAILABLE])
def test_only_a_key_cannot_do_without_a_value(value):
    assert fault_of("s.t.c", INT32, value, in_key=False) is None
    assert "the log does not carry s.t.c" in str(fault_of("s.t.c", INT32, value, in_key=True))
    assert readable(struct("r", [Field("c", INT32)]), {"c": value}) == (struct("r", [Field("c", TEXT)]), {"c": None})


def test_no_row_stays_none():
    row = struct("r", [Field("c", INT32)])
    assert readable(row, None) == (row, None)
