"""Random DDL on a real server, and what we make of the same statements."""

from random import Random

import pymysql
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cdc.sources.mysql.ddl.definitions import CharsetChoice, Definitions
from cdc.sources.mysql.ddl.statements import DdlSession, apply_ddl
from tests.support.mysql_ddl import RandomDdl, ServerTables, quoted

STATEMENTS = 8
NO_SYNTAX = 1064
SLOW = settings(
    max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


def refusal(run, statement):
    """Run a statement, and return the number of the error if the server refuses it, else 0."""
    try:
        run(statement)
    except pymysql.Error as error:
        return error.args[0]
    return 0


def follow(database, random, *, mariadb):
    """Run random statements, and compare after each with what the server tells; return how many it took."""
    run, name, taken = database.execute, database.name, 0
    run("DROP VIEW IF EXISTS w")
    for (table,) in run("SHOW TABLES"):
        run(f"DROP TABLE {quoted(table)}")
    server = ServerTables(run, name)
    run(f"ALTER DATABASE {quoted(name)} CHARACTER SET utf8mb4")
    definitions = Definitions(mariadb=mariadb).with_database(name, CharsetChoice("utf8mb4"))
    source = RandomDdl(random, mariadb=mariadb)
    for _ in range(STATEMENTS):
        statement = source.statement(definitions, name)
        refused = refusal(run, statement)
        assert refused != NO_SYNTAX, statement
        if refused:
            continue
        definitions = apply_ddl(definitions, statement, DdlSession(database=name)).definitions
        assert server.described(definitions, name) == server.tables(), statement
        taken += 1
    return taken


@SLOW
@given(st.randoms(use_true_random=False))
def test_tables_are_what_mysql_makes_of_the_same_statements(mysql_database, random):
    follow(mysql_database, Random(random.getrandbits(64)), mariadb=False)


@SLOW
@given(st.randoms(use_true_random=False))
def test_tables_are_what_mariadb_makes_of_the_same_statements(mariadb_database, random):
    follow(mariadb_database, Random(random.getrandbits(64)), mariadb=True)


def test_most_random_statements_are_such_as_the_server_takes(mysql_database):
    assert sum(follow(mysql_database, Random(seed), mariadb=False) for seed in range(2)) > STATEMENTS // 2


@pytest.mark.reliability
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("flavour", ["mysql", "mariadb"])
def test_hundreds_of_histories_are_followed(mysql_database, mariadb_database, flavour):
    database = mariadb_database if flavour == "mariadb" else mysql_database
    for seed in range(300):
        follow(database, Random(seed), mariadb=flavour == "mariadb")
