"""Lists of hosts, as libpq takes them."""

from __future__ import annotations

import pytest

from cdc.config.hosts import Host, join_hosts, parse_hosts
from cdc.errors import ConfigError
from tests.unit.config.test_postgres import problems


@pytest.mark.parametrize(
    ("text", "hosts"),
    [
        ("db", [("db", 5432)]),
        ("db1, db2:5433", [("db1", 5432), ("db2", 5433)]),
        ("10.0.0.1:1,10.0.0.2", [("10.0.0.1", 1), ("10.0.0.2", 5432)]),
        ("::1", [("::1", 5432)]),
        ("[::1]", [("::1", 5432)]),
        ("[::1]:5433,fe80::1", [("::1", 5433), ("fe80::1", 5432)]),
        ("/var/run/postgresql", [("/var/run/postgresql", 5432)]),
    ],
)
def test_hosts_in_their_order_with_their_ports(text, hosts):
    assert parse_hosts(text, 5432) == tuple(Host(name, port) for name, port in hosts)


@pytest.mark.parametrize("text", ["", "db,", "db:", "db:x", "db:0", "db:65536", ":5432"])
def test_what_is_no_host_is_refused(text):
    with pytest.raises(ConfigError, match="is not a host"):
        parse_hosts(text, 5432)


@pytest.mark.parametrize("name", ["db", "10.0.0.1", "::1"])
def test_a_host_is_read_as_it_is_printed(name):
    assert parse_hosts(str(Host(name, 5433)), 1) == (Host(name, 5433),)


def test_the_lists_of_a_connection_string_become_one():
    assert join_hosts("a,b", "5433") == "a:5433,b:5433"
    assert join_hosts("a,b", "1,2") == "a:1,b:2"
    with pytest.raises(ConfigError, match="do not fit together"):
        join_hosts("a,b", "1,2,3")


def test_the_property_takes_a_list():
    assert problems(database_hostname="db1,db2:5433") == []
    (problem,) = problems(database_hostname="db1,db2:port")
    assert "has a part that is no host" in problem
