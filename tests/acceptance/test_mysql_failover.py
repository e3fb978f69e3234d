"""Another server of the topology takes over: the stream goes on there by GTIDs, and nothing is lost or doubled."""

from __future__ import annotations

import orjson

from cdc.testing.servers import MySqlServer
from tests.support.connector import Script, until
from tests.support.kafka_reader import read_committed
from tests.support.mysql_connector import mysql_properties
from tests.support.mysql_database import MySqlDatabase, created


def follow(replica: MySqlServer, source: MySqlServer) -> None:
    """Let a server take over all that another one writes."""
    source.execute(
        "CREATE USER repl@'127.0.0.1' IDENTIFIED BY 'secret'; GRANT REPLICATION SLAVE ON *.* TO repl@'127.0.0.1'"
    )
    replica.execute(
        f"CHANGE REPLICATION SOURCE TO SOURCE_HOST='127.0.0.1', SOURCE_PORT={source.address.port}, SOURCE_USER='repl',"
        " SOURCE_PASSWORD='secret', SOURCE_AUTO_POSITION=1, GET_SOURCE_PUBLIC_KEY=1; START REPLICA"
    )


def copy_of(database: MySqlDatabase, server: MySqlServer) -> MySqlDatabase:
    return MySqlDatabase(server.address.host, server.address.port, database.user, database.name)


def ids(kafka, topic):
    return [orjson.loads(record.value or b"")["after"]["id"] for record in read_committed(kafka.url, topic)]


def test_the_stream_goes_on_at_the_server_that_took_over(kafka, topic_prefix, tmp_path):
    with MySqlServer() as first, MySqlServer() as second:
        follow(second, first)
        database = created(first.address)
        database.execute("CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)")
        hosts = f"127.0.0.1:{first.address.port},127.0.0.1:{second.address.port}"
        given = {"database_hostname": hosts, "retriable_restart_connector_wait_ms": "200"}
        script = Script(tmp_path, mysql_properties(database, kafka.url, topic_prefix, **given))
        topic = f"{topic_prefix}.{database.name}.t"
        try:
            script.start()
            script.wait_for("streaming from")
            database.execute("INSERT INTO t VALUES (2)")
            until(lambda: ids(kafka, topic) == [1, 2], "the rows of the first server", 60)
            other = copy_of(database, second)
            until(lambda: [row[0] for row in other.execute("SELECT id FROM t")] == [1, 2], "the replica's rows", 60)
            first.kill()
            second.execute("STOP REPLICA")
            other.execute("ALTER TABLE t ADD COLUMN v int; INSERT INTO t VALUES (3, 4)")
            until(lambda: ids(kafka, topic) == [1, 2, 3], f"the row of the other server; {script.output}", 90)
        finally:
            script.kill()
