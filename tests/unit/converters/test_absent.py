"""Columns that a row image leaves out, in the records of tables that mark them."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from cdc.config import ConverterSettings
from cdc.converters.change_records import ChangeRecords
from cdc.converters.json import JsonConverter
from cdc.model.batch import ChangeBatch
from cdc.model.event import ABSENT, UNAVAILABLE
from cdc.model.schema import INT32, INT64, STRING, Field, struct
from cdc.model.table import Column, Table, TableId

COLUMNS = (Column("id", INT32), Column("ü", STRING.as_optional()), Column("n", INT32.as_optional()))
MARKED = Table(TableId("d", "t"), "topic", COLUMNS, (0,), struct("s", [Field("pos", INT64)]), marks_absent=True)
PLACEHOLDER = b"__placeholder"


def filled(*changes: tuple[str, Any, Any], of: Table = MARKED) -> ChangeBatch:
    batch = ChangeBatch()
    for op, before, after in changes:
        batch.add(op, of, before, after, (1,))
    return batch


def records(batch: ChangeBatch) -> list[tuple[Any, dict[str, bytes | None]]]:
    """Return value and headers of each record."""
    settings = ConverterSettings(schemas_enable=False)
    found = JsonConverter(settings, settings, (("common", b"c"),), PLACEHOLDER).convert(batch)
    rows = [found[at] for at in range(len(found))]
    return [(json.loads(value) if value else None, dict(headers)) for _, _, value, headers in rows]


class TestJson:
    def test_they_are_named_and_shown_as_unavailable(self):
        ((value, headers),) = records(filled(("u", (1, ABSENT, 2), (1, ABSENT, ABSENT))))
        assert value["before"] == {"id": 1, "ü": "__placeholder", "n": 2}
        assert value["after"] == {"id": 1, "ü": "__placeholder", "n": 2}
        names = '["ü"]'.encode()
        assert headers == {"cdc.absent.before": names, "cdc.absent.after": names, "common": b"c"}

    def test_a_type_without_placeholder_is_null(self):
        ((value, headers),) = records(filled(("c", None, (1, "a", ABSENT))))
        assert value["after"] == {"id": 1, "ü": "a", "n": None}
        assert headers == {"cdc.absent.after": b'["n"]', "common": b"c"}

    def test_whole_images_have_no_such_headers(self):
        ((_, headers),) = records(filled(("u", (1, "a", 2), (1, None, UNAVAILABLE))))
        assert headers == {"common": b"c"}

    def test_a_change_of_the_key_has_them_beside_its_own_and_a_tombstone_has_none(self):
        (_, deleted), (_, gone), (_, created) = records(filled(("u", (1, ABSENT, 2), (2, ABSENT, 2))))
        assert sorted(deleted) == ["__debezium.newkey", "cdc.absent.before", "common"]
        assert sorted(gone) == ["__debezium.newkey", "common"]
        assert sorted(created) == ["__debezium.oldkey", "cdc.absent.after", "common"]

    def test_tables_that_do_not_mark_them_show_null(self):
        ((value, headers),) = records(filled(("d", (1, ABSENT, ABSENT), None), of=replace(MARKED, marks_absent=False)))[
            :1
        ]
        assert value["before"] == {"id": 1, "ü": None, "n": None}
        assert headers == {"common": b"c"}


class TestRecords:
    def test_python_code_sees_the_same(self):
        batch = filled(("u", (1, ABSENT, 2), (1, ABSENT, 3)))
        record = ChangeRecords((), PLACEHOLDER, {}).read(batch, 0).record
        assert isinstance(record.value, dict)
        assert record.value["after"] == {"id": 1, "ü": "__placeholder", "n": 3}
        assert {header.key: header.value for header in record.headers} == {
            "cdc.absent.before": '["ü"]',
            "cdc.absent.after": '["ü"]',
        }
