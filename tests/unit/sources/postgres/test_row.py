"""What a row plan accepts, and the source block."""

from __future__ import annotations

import pytest

from cdc.sources.columns.row import RowPlan
from cdc.sources.columns.values import IntDecoder
from cdc.sources.postgres.wal.source_info import SourceInfo
from tests.unit.sources.postgres.stream import table


class TestRowPlan:
    def test_what_it_holds(self):
        of = table("id")
        found = RowPlan(of, [None, IntDecoder()], (-1, 0), "fail")
        assert (found.table, found.targets, found.on_error) == (of, (-1, 0), "fail")

    def test_a_table_that_is_not_captured_has_no_targets(self):
        assert RowPlan(None, [None, None], (-1, -1)).table is None

    @pytest.mark.parametrize(
        ("decoders", "targets"),
        [
            ([IntDecoder()], (0, 1)),
            ([IntDecoder(), IntDecoder()], (0, 1)),
            ([IntDecoder()], (1,)),
            ([None], (0,)),
            (["text"], (0,)),
        ],
    )
    def test_what_cannot_be_decoded_is_refused_before_the_first_row(self, decoders, targets):
        with pytest.raises(ValueError, match="decode"):
            RowPlan(table("id"), decoders, targets)

    def test_nothing_can_be_decoded_into_no_table(self):
        with pytest.raises(ValueError, match="cannot be decoded"):
            RowPlan(None, [IntDecoder()], (0,))


class TestSourceInfo:
    def test_it_begins_as_no_snapshot(self):
        info = SourceInfo()
        assert (info.snapshot, info.origin, info.commit_us, info.last_commit) == (b"false", None, 0, 0)
