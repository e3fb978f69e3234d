"""GTID sets against the server's own functions, on random sets with tags."""

from __future__ import annotations

from contextlib import closing
from itertools import product

import pymysql
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cdc.errors import ConfigError
from cdc.sources.mysql.binlog.gtid import Gtid, GtidSet
from tests.support.mysql_database import Connection

UUIDS = ["3e11fa47-71ca-11e1-9e33-c80aa9429562", "fe11fa47-71ca-11e1-9e33-c80aa9429562"]
SOURCES = list(product(UUIDS, ["", "a", "_tag9"]))
gtids = st.builds(
    lambda source, number: Gtid(source[0], source[1], number), st.sampled_from(SOURCES), st.integers(1, 30)
)
sets = st.sets(gtids, max_size=50)


@pytest.fixture(scope="module")
def connection(mysql):
    with closing(pymysql.connect(host=mysql.host, port=mysql.port, user=mysql.user)) as opened:
        yield opened


def asked(connection: Connection, expression: str, *parameters: str) -> object:
    with connection.cursor() as cursor:
        cursor.execute(f"select {expression}", parameters)
        ((value,),) = cursor.fetchall()
        return value.replace("\n", "") if isinstance(value, str) else value


def built(model: set[Gtid]) -> GtidSet:
    result = GtidSet()
    for gtid in model:
        result.add(gtid)
    return result


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(sets, sets)
def test_the_server_subtracts_and_compares_the_same(connection, left, right):
    one, other = built(left), built(right)
    assert asked(connection, "gtid_subtract(%s, %s)", str(one), str(other)) == str(one - other)
    assert asked(connection, "gtid_subset(%s, %s)", str(one), str(other)) == (one <= other)
    assert asked(connection, "gtid_subtract(%s, '')", f"{one},{other}") == str(one | other)
    both = asked(connection, "gtid_subtract(%s, gtid_subtract(%s, %s))", str(one), str(one), str(other))
    assert both == str(one & other)


A = UUIDS[0]


@pytest.mark.parametrize(
    "text",
    [
        f"{A}:1",
        f"{A}:3-1",
        f"{A}:0",
        f"{A}:1-",
        f"{A}:9223372036854775806",
        f"{A}:9223372036854775807",
        f"{A}:",
        f"{A}:1:TAG:2-3:x:4",
        f"{A}:tag",
        f"{A}:1tag:1",
        f"{A}:{'x' * 32}:1",
        f"{A}:{'x' * 33}:1",
        f" {A} : 1 - 3 : 5 ,, {A}:7\n",
        A.replace("-", "") + ":1",
        "{" + A + "}:1",
        "nonsense:1",
        f"{A}:1;2",
        f"{A}:-5",
        f"{A}:1--5",
    ],
)
def test_what_the_server_takes_for_a_set_is_one_here(connection, text):
    try:
        theirs = asked(connection, "gtid_subtract(%s, '')", text)
    except pymysql.err.MySQLError:
        with pytest.raises(ConfigError):
            GtidSet.parse(text)
        return
    assert str(GtidSet.parse(text)) == theirs
