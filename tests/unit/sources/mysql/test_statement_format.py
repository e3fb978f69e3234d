"""Changes that the log has as statements."""

from __future__ import annotations

import time

import pytest

from cdc.config.filters import TableFilter
from cdc.errors import StatementLogged
from cdc.sources.mysql.binlog.query_event import Query
from cdc.sources.mysql.stream.statement_format import check_loggable


def check(statement: bytes) -> None:
    check_loggable(Query(statement, "d", 1, 0), TableFilter(), "log.1:4")


@pytest.mark.parametrize(
    "statement",
    [b"insert into t values (1)", b" /* a */ /**/\nDELETE FROM `e`.`t`", b"LOAD  DATA INFILE 'x' INTO TABLE t"],
)
def test_a_change_of_rows_is_told(statement):
    with pytest.raises(StatementLogged, match=r"log\.1:4"):
        check(statement)


def test_other_statements_pass_however_many_comments_stand_before_them():
    begun = time.process_time()
    check(b"/* a */ " * 200 + b"CREATE TABLE t (a INT)")
    check(b"/**/" * 200 + b"/* no end")
    assert time.process_time() - begun < 1
