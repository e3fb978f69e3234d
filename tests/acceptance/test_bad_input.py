"""What people get wrong: one sentence with the value and the remedy, no traceback, exit code 2 or 1, within seconds."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import closing

import psycopg
import pytest
from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)

from cdc.testing.servers import KafkaServer, PostgresServer
from cdc.testing.servers.kafka_security import Security
from cdc.testing.servers.postgres import PASSWORDS
from cdc.testing.servers.process import free_port
from tests.support.connector import Script, properties
from tests.support.database import Database
from tests.support.refusal import refusal

PASSWORD = "correct-horse"


@pytest.fixture
def run(database, kafka, topic_prefix, tmp_path):
    """Run a connector that must end by itself; `more` are properties, with `_` for `.`."""
    database.execute("create table item (id int primary key, note text)")
    return lambda where=database, servers=kafka.url, **more: refusal(
        tmp_path, properties(where, servers, topic_prefix, **more)
    )


def test_host_that_does_not_exist(run):
    end = run(database_hostname="no-such-host.invalid")
    assert end.code == 1
    assert "no-such-host.invalid" in end.line
    assert "Check database.hostname." in end.line


def test_port_where_nothing_listens(run):
    port = str(free_port())
    end = run(database_port=port)
    assert end.code == 1
    assert f":{port}" in end.line
    assert "Check database.hostname and database.port, and that the server runs." in end.line


def test_database_that_does_not_exist(run):
    end = run(database_dbname="no_such_database")
    assert end.code == 1
    assert 'database "no_such_database" does not exist' in end.line
    assert "Check database.dbname." in end.line


def test_user_that_does_not_exist(run):
    end = run(database_user="nobody_here")
    assert end.code == 1
    assert 'role "nobody_here" does not exist' in end.line
    assert "Check database.user" in end.line


@pytest.fixture(scope="module")
def strict() -> Iterator[PostgresServer]:
    """A server with passwords, one replication slot and one WAL sender."""
    settings = {"max_replication_slots": "1", "max_wal_senders": "1"}
    with PostgresServer(settings=settings, hba=PASSWORDS) as server:
        for role in ("login replication", "login"):
            server.execute(f"create role {role.replace(' ', '_')} {role} password '{PASSWORD}'")
        server.execute(
            "grant all on database postgres to login, login_replication; create table item (id int primary key)"
        )
        server.execute("create publication dbz_publication for table item")
        server.execute("grant select on item to login, login_replication")
        yield server


@pytest.fixture
def run_strict(strict, run):
    """As `run`, on the strict server; the role with the right to replicate is the user."""
    given = {
        "database_user": "login_replication",
        "database_password": PASSWORD,
        "publication_autocreate_mode": "disabled",
    }
    where = Database("127.0.0.1", strict.port, "postgres", "postgres")
    return lambda **more: run(where=where, **{**given, **more})


def test_wrong_password(run_strict):
    end = run_strict(database_password="wrong-" + PASSWORD)
    assert end.code == 1
    assert 'password authentication failed for user "login_replication"' in end.line
    assert "Check database.user and database.password." in end.line
    assert PASSWORD not in end.output


def test_no_password(run_strict):
    end = run_strict(database_password="")
    assert end.code == 1
    assert "no password supplied" in end.line
    assert "Check database.user and database.password." in end.line


def test_user_without_the_right_to_replicate(run_strict):
    end = run_strict(database_user="login")
    assert end.code == 1
    assert "(user login)" in end.line
    assert "ALTER ROLE" in end.line
    assert "REPLICATION" in end.line


def test_no_free_slot(run_strict, strict):
    strict.execute("select pg_create_physical_replication_slot('taken')")
    try:
        end = run_strict()
    finally:
        strict.execute("select pg_drop_replication_slot('taken')")
    assert end.code == 1
    assert "all replication slots are in use" in end.line
    assert "Raise max_replication_slots, or drop a slot" in end.line


def test_no_free_sender(run_strict, strict):
    taken = psycopg.connect(
        host=str(strict.data), port=strict.port, user="postgres", dbname="postgres", replication="database"
    )
    with closing(taken):
        end = run_strict()
    assert end.code == 1
    assert '"max_wal_senders" (currently 1)' in end.line
    assert "raise max_wal_senders" in end.line


def test_wal_level_that_is_not_logical(run):
    with PostgresServer(settings={"wal_level": "replica"}) as server:
        end = run(where=Database("127.0.0.1", server.port, "postgres", "postgres"))
    assert end.code == 1
    assert "wal_level is replica" in end.line
    assert "Set wal_level = logical in postgresql.conf and restart the server." in end.line


def test_slot_that_another_process_reads(run, database, kafka, topic_prefix, tmp_path):
    folder = tmp_path / "other"
    folder.mkdir()
    other = Script(folder, properties(database, kafka.url, f"{topic_prefix}-other", slot_name=topic_prefix))
    other.start()
    try:
        other.wait_for("streaming from")
        ((pid,),) = database.execute("select active_pid from pg_replication_slots where slot_name = %s", topic_prefix)
        end = run(slot_max_retries="0")
    finally:
        other.stop()
    assert end.code == 1
    assert f'replication slot "{topic_prefix}" is active for PID {pid}' in end.line
    assert "Stop the other reader, or give this one a slot.name of its own." in end.line


def test_slot_of_another_plugin(run, database, topic_prefix):
    database.execute("select pg_create_logical_replication_slot(%s, 'test_decoding')", topic_prefix)
    end = run()
    assert end.code == 1
    assert f"slot {topic_prefix} uses the plugin test_decoding, not pgoutput" in end.line
    assert "Set slot.name to another name." in end.line


def test_slot_of_another_database(run, database, topic_prefix):
    elsewhere = Database(database.host, database.port, database.user, "postgres")
    elsewhere.execute("select pg_create_logical_replication_slot(%s, 'pgoutput')", topic_prefix)
    try:
        end = run()
    finally:
        elsewhere.execute("select pg_drop_replication_slot(%s)", topic_prefix)
    assert end.code == 1
    assert f"slot {topic_prefix} belongs to database postgres, not to {database.name}" in end.line
    assert "Set slot.name to another name." in end.line


def test_publication_that_is_absent_and_may_not_be_created(run, database):
    end = run(publication_name="shop", publication_autocreate_mode="disabled")
    assert end.code == 1
    assert f"publication shop does not exist in database {database.name}" in end.line
    assert "CREATE PUBLICATION shop FOR TABLE" in end.line


@pytest.mark.parametrize("mode", ["all_tables", "filtered"])
def test_filter_that_no_table_matches(run, mode):
    end = run(table_include_list="public.itme", publication_autocreate_mode=mode)
    assert end.code == 1
    assert "no table" in end.line
    assert "public.item" in end.line, "the tables that are there"
    assert "schema.table" in end.line


def test_table_without_key_is_warned_of(database, kafka, topic_prefix, tmp_path):
    database.execute("create table keyless (id int)")
    script = Script(tmp_path, properties(database, kafka.url, topic_prefix))
    script.start()
    try:
        script.wait_for("table public.keyless has no replica identity")
        script.wait_for("ALTER TABLE public.keyless REPLICA IDENTITY FULL")
        script.wait_for("streaming from")
    finally:
        script.stop()


def test_unknown_property(run):
    end = run(table_inclde_list="public.item")
    assert end.code == 2
    assert "table.inclde.list" in end.line
    assert "table.include.list" in end.line


def test_secret_of_a_bad_configuration_is_not_shown(run):
    end = run(database_password=PASSWORD, database_port="many")
    assert end.code == 2
    assert "database.port" in end.line
    assert "many" in end.line
    assert PASSWORD not in end.output


def test_file_that_is_not_json(tmp_path):
    script = Script(tmp_path, {"name": "shop"})
    (tmp_path / "shop.json").write_text('{"name": "shop",\n "config": {"topic.prefix": "shop",}}')
    assert script.run_to_end() == 2
    assert "shop.json is not JSON" in script.output
    assert "line 2" in script.output
    assert "Traceback" not in script.output


def test_file_that_does_not_exist(tmp_path):
    script = Script(tmp_path, {"name": "shop"})
    (tmp_path / "shop.json").unlink()
    assert script.run_to_end() == 2
    assert "shop.json does not exist. Check the path." in script.output


def test_kafka_that_cannot_be_reached(run):
    server = f"127.0.0.1:{free_port()}"
    end = run(servers=server)
    assert end.code == 1
    assert f"Kafka cannot be reached at {server}: Connection refused" in end.line
    assert "Check bootstrap.servers" in end.line


@pytest.fixture(scope="module")
def guarded() -> Iterator[KafkaServer]:
    """A broker with logins and access control lists: the user may do all, but for the topics of one table."""
    security = Security(protocol="SASL_PLAINTEXT", users={"shop": PASSWORD}, authorizer=True)
    with KafkaServer(security=security) as server:
        admin = AdminClient({"bootstrap.servers": server.inner})
        allow(admin, ResourceType.TRANSACTIONAL_ID, "*", ResourcePatternType.LITERAL)
        allow(admin, ResourceType.TOPIC, "offsets-", ResourcePatternType.PREFIXED)
        yield server


def allow(admin, kind, name, pattern):
    binding = AclBinding(kind, name, pattern, "User:shop", "*", AclOperation.ALL, AclPermissionType.ALLOW)
    admin.create_acls([binding])[binding].result(10)


@pytest.fixture
def run_guarded(guarded, run):
    """As `run`, on the guarded broker, logged in."""
    login = {
        "security_protocol": "SASL_PLAINTEXT",
        "sasl_mechanism": "SCRAM-SHA-256",
        "sasl_username": "shop",
        "sasl_password": PASSWORD,
    }
    return lambda servers=guarded.address.url, **more: run(servers=servers, **{**login, **more})


def test_topic_that_is_not_authorised(run_guarded, database, topic_prefix):
    database.execute("insert into item values (1)")
    end = run_guarded()
    assert end.code == 1
    assert f"topic {topic_prefix}.public.item" in end.line
    assert "Kafka does not allow" in end.line
    assert "kafka-acls" in end.line


def test_wrong_password_for_kafka(run_guarded):
    end = run_guarded(sasl_password="wrong-" + PASSWORD)
    assert end.code == 1
    assert "refuses the login of user 'shop' by SCRAM-SHA-256" in end.line
    assert "sasl.password" in end.line
    assert PASSWORD not in end.output


def test_login_that_the_broker_does_not_ask_for(run_guarded, kafka):
    end = run_guarded(servers=kafka.url)
    assert end.code == 1
    assert "security.protocol" in end.line


def test_record_too_large_for_the_broker(run, database, topic_prefix):
    database.execute("insert into item values (7, %s)", secrets.token_hex(100_000))
    end = run(topic_creation_default_max_message_bytes="50000")
    assert end.code == 1
    assert f"topic {topic_prefix}.public.item too large" in end.line
    assert '{"id":7}' in end.line
    assert "Raise max.message.bytes of the topic" in end.line
