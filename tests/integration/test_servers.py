"""The kit of real servers: they come up where they say, survive a kill with their data, and leave nothing behind."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import LiteralString

import psycopg
import pytest
from confluent_kafka import KafkaException, Producer

from cdc.testing.servers import Address, KafkaServer, PostgresServer, Security, Server, ServerError
from cdc.testing.servers.certificates import Certificates, issue, make_authority
from cdc.testing.servers.postgres import PASSWORDS
from tests.support.kafka_reader import read_committed, topics
from tests.support.kafka_rights import allow
from tests.support.tls_proxy import TlsProxy


def query(address: Address, text: LiteralString) -> list[tuple[object, ...]]:
    with closing(psycopg.connect(address.url, autocommit=True)) as connection:
        cursor = connection.execute(text)
        return cursor.fetchall() if cursor.description else []


def produce(servers: str, topic: str, value: str, **settings: str | int) -> None:
    producer = Producer({"bootstrap.servers": servers, "transactional.id": f"{topic}-writer", **settings})
    producer.init_transactions()
    producer.begin_transaction()
    producer.produce(topic, key=b"k", value=value.encode())
    producer.commit_transaction()


def refuses(address: Address) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((address.host, address.port)) != 0


def alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


@pytest.fixture(scope="module")
def own_postgres() -> Iterator[PostgresServer]:
    with PostgresServer() as server:
        yield server


def test_postgres_is_ready_for_logical_replication(own_postgres):
    names = "current_setting('wal_level'), current_setting('timezone'), current_setting('max_prepared_transactions')"
    assert query(own_postgres.address, f"select {names}") == [("logical", "Etc/UTC", "10")]


def test_postgres_listens_where_it_says_with_the_pid_it_says(own_postgres):
    address = own_postgres.address
    assert query(address, "select inet_server_addr()::text, inet_server_port()") == [("127.0.0.1/32", address.port)]
    assert Path(address.data, "postmaster.pid").read_text().splitlines()[0] == str(address.pid)


def test_postgres_does_not_run_as_root(own_postgres):
    assert Path(f"/proc/{own_postgres.address.pid}").stat().st_uid != 0


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_postgres_keeps_port_and_committed_rows_when_ended_and_started_again(own_postgres, end):
    before = own_postgres.address
    query(before, "create table if not exists kept as select 1 as id")
    getattr(own_postgres, end)()
    assert refuses(before)
    after = own_postgres.start()
    assert query(after, "select * from kept") == [(1,)]
    assert (after.port, after.data) == (before.port, before.data)
    assert after.pid != before.pid


def test_postgres_address_of_a_stopped_server_is_an_error(own_postgres):
    own_postgres.stop()
    with pytest.raises(ServerError, match="does not run"):
        _ = own_postgres.address
    own_postgres.start()


def test_postgres_takes_settings():
    with PostgresServer(settings={"max_replication_slots": "1", "wal_level": "replica"}) as server:
        assert query(server.address, "show wal_level") == [("replica",)]


def test_postgres_failure_to_start_shows_the_end_of_the_log():
    with pytest.raises(ServerError, match='unrecognized configuration parameter "no_such_setting"'):
        PostgresServer(settings={"no_such_setting": "1"}).__enter__()


@pytest.fixture(scope="module")
def own_kafka() -> Iterator[KafkaServer]:
    with KafkaServer() as server:
        yield server


def test_kafka_commits_transactions(own_kafka, topic_prefix):
    produce(own_kafka.address.url, topic_prefix, "once")
    assert [record.value for record in read_committed(own_kafka.address.url, topic_prefix)] == [b"once"]
    assert topics(own_kafka.address.url, topic_prefix) == [topic_prefix]


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_kafka_keeps_port_and_committed_records_when_ended_and_started_again(own_kafka, topic_prefix, end):
    before = own_kafka.address
    produce(before.url, topic_prefix, "kept")
    getattr(own_kafka, end)()
    assert refuses(before)
    after = own_kafka.start()
    assert [record.value for record in read_committed(after.url, topic_prefix)] == [b"kept"]
    assert after.port == before.port
    assert after.pid != before.pid


def test_kafka_failure_to_start_shows_the_end_of_the_log():
    server = KafkaServer()
    with socket.create_server(("127.0.0.1", server.port)), pytest.raises(ServerError, match="Address already in use"):
        server.__enter__()


@pytest.fixture(scope="module")
def certificates(tmp_path_factory) -> Certificates:
    folder = tmp_path_factory.mktemp("certificates")
    make_authority(folder)
    return issue(folder, "server")


def test_postgres_asks_for_passwords_with_scram():
    with PostgresServer(hba=PASSWORDS) as server:
        server.execute("create role reader login replication password 'correct'")
        url = f"host=127.0.0.1 port={server.port} user=reader dbname=postgres"
        with closing(psycopg.connect(url, password="correct")) as connection:
            assert connection.execute("select current_user").fetchall() == [("reader",)]
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(url, password="wrong")


async def test_postgres_behind_tls(postgres, certificates, caplog):
    async with TlsProxy(postgres, certificates) as proxy:
        url = f"host=127.0.0.1 port={proxy.port} user=postgres dbname=postgres connect_timeout=10"
        verified = f"{url} sslmode=verify-full sslrootcert={certificates.authority}"
        async with await psycopg.AsyncConnection.connect(verified) as connection:
            assert connection.pgconn.ssl_in_use
        with pytest.raises(psycopg.OperationalError):
            await psycopg.AsyncConnection.connect(url, sslmode="disable")
        with pytest.raises(psycopg.OperationalError, match="certificate verify failed"):
            await psycopg.AsyncConnection.connect(url, sslmode="verify-full", sslrootcert="system")
    assert "Unhandled exception" not in caplog.text


def test_kafka_with_sasl_ssl_and_authorizer(certificates, topic_prefix):
    security = Security(protocol="SASL_SSL", users={"alice": "correct"}, certificates=certificates, authorizer=True)
    alice: dict[str, str | int] = {
        "security.protocol": "SASL_SSL",
        "ssl.ca.location": str(certificates.authority),
        "sasl.mechanisms": "SCRAM-SHA-512",
        "sasl.username": "alice",
        "sasl.password": "correct",
    }
    with KafkaServer(security=security) as server:
        produce(server.inner, topic_prefix, "by the kit")
        with pytest.raises(KafkaException, match="Transactional Id authorization failed"):
            produce(server.address.url, topic_prefix, "by alice", **alice)
        allow(server.inner, "alice", topic_prefix)
        produce(server.address.url, topic_prefix, "by alice", **alice)
        assert [record.value for record in read_committed(server.inner, topic_prefix)] == [b"by the kit", b"by alice"]


@pytest.mark.parametrize("kind", [PostgresServer, KafkaServer])
async def test_context_removes_process_and_data(kind: type[Server]):
    async with kind() as server:
        address = server.address
        assert alive(address.pid)
    assert not alive(address.pid)
    assert not Path(address.data).parent.exists()


async def test_cancelled_start_leaves_nothing_behind():
    server = PostgresServer()
    entering = asyncio.create_task(server.__aenter__())
    while not server.running:
        await asyncio.sleep(0.01)
    address = server.address
    entering.cancel()
    with pytest.raises(asyncio.CancelledError):
        await entering
    assert not alive(address.pid)
    assert not Path(address.data).parent.exists()
