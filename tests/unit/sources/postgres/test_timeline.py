"""Timeline histories, as the server writes them."""

from __future__ import annotations

import pytest

from cdc.errors import SourceRefused
from cdc.sources.postgres.wal.timeline import parse_history

# Of a server that was promoted twice.
HISTORY = "1\t0/3000158\tno recovery target specified\n\n2\t16/B374D848\tbefore 2000-01-01 00:00:00+00\n"


def test_each_timeline_that_was_left_with_the_place():
    assert parse_history(HISTORY) == {1: 0x3000158, 2: 0x16_B374D848}


def test_comments_and_empty_lines_mean_nothing():
    assert parse_history("# a comment\n   \n") == {}


@pytest.mark.parametrize("text", ["1", "one\t0/1", "1\tone", "1\t0"])
def test_other_texts_are_refused(text):
    with pytest.raises(SourceRefused, match="timeline history cannot be read"):
        parse_history(text)
