"""Random transactions on MySQL in all forms that its log has, with DDL between them, while the connector is killed: each change arrives as it was written."""

import pytest

from cdc.testing.servers import MariaDbServer
from cdc.testing.servers.mysql import MySqlServer
from tests.support.mysql_proof import proven


def test_every_change_of_a_random_history_arrives_as_it_was_written(mysql, kafka, topic_prefix, tmp_path):
    history, found = proven(mysql, kafka.url, topic_prefix, tmp_path, seed=7, transactions=120)
    assert found == []
    assert min(history.transactions, history.aborted, history.changes, history.ddl, history.distributed) > 5


@pytest.fixture(scope="module")
def terse_server():
    """A MySQL whose log does not tell the names of columns, as is the default."""
    with MySqlServer(options={"binlog-row-metadata": "MINIMAL"}) as server:
        yield server.address


def test_so_it_does_where_the_log_does_not_tell_the_names_of_columns(terse_server, kafka, topic_prefix, tmp_path):
    history, found = proven(terse_server, kafka.url, topic_prefix, tmp_path, seed=6, transactions=120)
    assert found == []
    assert min(history.transactions, history.aborted, history.changes, history.ddl, history.distributed) > 5


@pytest.fixture(scope="module")
def own_mariadb():
    """A MariaDB of their own: how it compresses its log is a setting of the whole server."""
    with MariaDbServer() as server:
        yield server.address


def test_so_it_does_on_mariadb(own_mariadb, kafka, topic_prefix, tmp_path):
    history, found = proven(own_mariadb, kafka.url, topic_prefix, tmp_path, seed=5, transactions=120)
    assert found == []
    assert min(history.transactions, history.aborted, history.changes, history.ddl, history.distributed) > 5
