"""How many tables may be captured."""

import logging

import pytest

from cdc.config.filters import Guardrail
from cdc.errors import SourceRefused
from cdc.sources.guardrail import check_count


@pytest.mark.parametrize(("most", "tables"), [(0, 1000), (3, 3), (3, 0)])
def test_no_more_than_the_bound_is_no_word_worth(caplog, most, tables):
    check_count(Guardrail(most, refuses=True), tables, "are captured")
    assert not caplog.records


def test_more_is_said_or_refused(caplog):
    with caplog.at_level(logging.WARNING):
        check_count(Guardrail(3), 4, "are captured")
    assert caplog.messages == [
        "4 tables are captured, and guardrail.collections.max is 3. Capture fewer by the filters, or raise the bound."
    ]
    with pytest.raises(SourceRefused, match="4 tables are captured"):
        check_count(Guardrail(3, refuses=True), 4, "are captured")
