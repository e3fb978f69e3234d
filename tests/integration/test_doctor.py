"""What `cdc-stream doctor` finds on real servers, each thing made to happen; and that it changes nothing there."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import closing
from itertools import pairwise
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    NewTopic,
    ResourcePatternType,
    ResourceType,
)
from psycopg import sql

from cdc.cli.doctor import Report, examine
from cdc.config.connector import ConnectorConfig
from cdc.model.finding import Finding
from cdc.testing.servers import Address, KafkaServer, PostgresServer
from cdc.testing.servers.kafka_security import Security
from cdc.testing.servers.process import free_port
from tests.support.connector import SCRIPT, InThread, properties, until
from tests.support.database import Database, created, dropped
from tests.support.kafka_reader import read_committed
from tests.support.publishing import SHOP, kafka_settings, publishing, records

ORDERS = "create table orders (id int primary key, total int); insert into orders values (1, 5)"
PASSWORD = "correct-horse"


def config(database: Database, servers: str, prefix: str, **more: str) -> dict[str, str]:
    return properties(
        database,
        servers,
        prefix,
        **{
            "table_include_list": "public.orders",
            "publication_autocreate_mode": "filtered",
            "publication_name": prefix,
            "offset_storage_topic": f"{prefix}.offsets",
            **more,
        },
    )


async def report(given: dict[str, str]) -> Report:
    return await examine(ConnectorConfig.from_raw(given))


def facts(found: Report, *levels: str) -> list[str]:
    return [finding.fact for finding in found.findings if finding.level in (levels or ("error", "warning"))]


def about(found: Report, words: str) -> Finding:
    """Return the one finding whose fact holds the words."""
    matching = [finding for finding in found.findings if words in finding.fact]
    assert len(matching) == 1, "\n".join(finding.fact for finding in found.findings)
    return matching[0]


def run_sql(database: Database, remedy: str) -> None:
    """Run the statements of a remedy as the superuser."""
    for statement in remedy.partition("Run: ")[2].rstrip(";").split("; "):
        database.execute(statement)


@pytest.fixture
def role(database: Database) -> Iterator[Database]:
    """The database as a role sees it that may log in and no more."""
    name = f"role_{uuid4().hex[:10]}"
    database.execute(sql.SQL("create role {} login").format(sql.Identifier(name)))
    yield Database(database.host, database.port, name, database.name)
    database.execute(sql.SQL("drop owned by {}").format(sql.Identifier(name)))
    database.execute(sql.SQL("drop role {}").format(sql.Identifier(name)))


class TestRights:
    async def test_a_superuser_with_everything_right_meets_no_error(self, database, kafka, topic_prefix):
        database.execute(ORDERS)
        found = await report(config(database, kafka.url, topic_prefix))
        assert found.exit_code == 0, facts(found)
        assert facts(found, "error") == []
        assert about(found, "is a superuser").level == "note"

    async def test_the_printed_statements_are_enough_to_start(self, database, role, kafka, topic_prefix):
        database.execute(ORDERS)
        given = config(role, kafka.url, topic_prefix, publication_autocreate_mode="disabled")
        before = await report(given)
        assert before.exit_code == 1
        assert {finding.area for finding in before.findings if finding.level == "error"} == {"rights", "publication"}
        for statement in before.sql:
            database.execute(statement)
        after = await report(given)
        assert facts(after, "error") == []
        connector = InThread(given)
        connector.start()
        try:
            topic = f"{topic_prefix}.public.orders"
            until(lambda: connector.failure or read_committed(kafka.url, topic), "publishing the snapshot", 60)
            assert not connector.failure
            assert about(await report(given), "the connector seems to run").level == "note"
        finally:
            connector.stop()

    async def test_each_right_that_is_missing_is_named_with_its_statement(self, database, role, kafka, topic_prefix):
        database.execute(ORDERS)
        database.execute("revoke usage on schema public from public")
        given = config(role, kafka.url, topic_prefix)
        found = await report(given)
        run_sql(database, about(found, "may not use schema public").remedy)
        run_sql(database, about(found, "may not read public.orders").remedy)
        assert "does not own public.orders" in about(found, "Publication").fact
        replication = about(found, "permission denied to start WAL sender")
        assert f"ALTER ROLE {role.user} REPLICATION;" in replication.remedy
        database.execute(sql.SQL("alter role {} replication").format(sql.Identifier(role.user)))
        database.execute(sql.SQL("create publication {} for table orders").format(sql.Identifier(topic_prefix)))
        assert facts(await report(given), "error") == []

    async def test_row_security_is_an_error(self, database, role, kafka, topic_prefix):
        database.execute(f"{ORDERS}; alter table orders enable row level security; grant select on orders to public")
        assert about(await report(config(role, kafka.url, topic_prefix)), "Row security").level == "error"
        as_superuser = await report(config(database, kafka.url, topic_prefix))
        assert not [fact for fact in facts(as_superuser) if "Row security" in fact]

    async def test_a_role_that_does_not_exist_is_one_error(self, database, kafka, topic_prefix):
        stranger = Database(database.host, database.port, "nobody_has_this_name", database.name)
        found = await report(config(stranger, kafka.url, topic_prefix))
        assert [finding.area for finding in found.findings if finding.level == "error"] == ["server"]
        assert "does not exist" in about(found, "nobody_has_this_name").fact


class TestTables:
    @pytest.mark.parametrize(
        "rules", [{"column_exclude_list": r"public\.orders\.note"}, {"field_name_adjustment_mode": "avro"}]
    )
    async def test_columns_that_are_not_published_under_their_names_have_known_types(
        self, database, kafka, topic_prefix, rules
    ):
        database.execute('create table orders (id int primary key, note text, "odd name" text)')
        found = await report(config(database, kafka.url, topic_prefix, table_include_list="public.orders", **rules))
        assert not [fact for fact in facts(found) if "not known to cdc-stream" in fact]

    async def test_what_the_catalogue_says_is_found(self, database, kafka, topic_prefix):
        database.execute(
            """create type pair as (a int, b int);
               create table orders (id int primary key, place pair, total int generated always as (id + 1) stored);
               create table bare (x int);
               create table nothing (id int primary key); alter table nothing replica identity nothing;
               create table whole (id int primary key); alter table whole replica identity full;
               create table by_code (code int not null, unique (code));
               create unlogged table fast (id int primary key);
               create table parted (id int primary key) partition by range (id);
               create table parted_1 partition of parted for values from (0) to (10);
               create view seen as select 1 as one;
               create foreign data wrapper far_away; create server far_away foreign data wrapper far_away;
               create foreign table far (x int) server far_away;
               create table large (id int primary key, body text);
               insert into large select 1, string_agg(md5(i::text), '') from generate_series(1, 2000) i"""
        )
        tables = "orders bare nothing whole by_code fast parted seen far large"
        listed = ",".join(f"public.{name}" for name in tables.split())
        found = await report(config(database, kafka.url, topic_prefix, table_include_list=f"{listed},public.none"))
        assert about(found, "types are not known to cdc-stream: place").level == "warning"
        assert about(found, "Generated columns of public.orders (total)").level == "warning"
        assert about(found, "public.bare has neither a primary key nor a replica identity").level == "warning"
        assert about(found, "public.bare has no primary key").level == "warning"
        assert about(found, "public.nothing has replica identity nothing").level == "warning"
        assert about(found, "public.whole has replica identity full").level == "note"
        assert "USING INDEX by_code_code_key;" in about(found, "public.by_code has neither").remedy
        assert about(found, "public.by_code has no primary key; the key of its records").level == "note"
        assert about(found, "public.fast passes the filters and is an unlogged table").level == "warning"
        assert about(found, "public.far passes the filters and is a foreign table").level == "warning"
        assert about(found, "public.seen passes the filters and is a view").level == "warning"
        assert about(found, "public.parted come under the names of its partitions (public.parted_1)").level == "error"
        assert "(body may have some)" in about(found, "public.large keeps").fact
        assert about(found, "table.include.list names public.none").level == "warning"

    async def test_a_temporary_table_is_found(self, database, kafka, topic_prefix):
        database.execute(ORDERS)
        with closing(database.connect()) as session:
            session.execute("create temporary table passing (x int)")
            named = r"public.orders,pg_temp_\d+\.passing"
            found = await report(config(database, kafka.url, topic_prefix, table_include_list=named))
        assert about(found, "passing passes the filters and is a temporary table").level == "warning"

    async def test_a_partition_that_is_captured_by_its_own_name_is_looked_at(self, database, kafka, topic_prefix):
        database.execute(
            f"""create table parted (id int) partition by range (id);
            create table parted_1 partition of parted for values from (0) to (10);
            create publication {topic_prefix} for table parted"""
        )
        found = await report(config(database, kafka.url, topic_prefix, table_include_list="public.parted_1"))
        assert facts(found, "error") == []
        assert about(found, "public.parted_1 has neither a primary key").level == "warning"

    async def test_rows_that_are_changed_make_a_missing_identity_an_error(self, database, kafka, topic_prefix):
        database.execute("create table orders (x int); insert into orders values (1)")
        database.execute("update orders set x = 2")
        given = config(database, kafka.url, topic_prefix)
        until(
            lambda: database.execute("select n_tup_upd from pg_stat_user_tables where relname = 'orders'") == [(1,)],
            "counting the update",
        )
        finding = about(await report(given), "public.orders has neither a primary key nor a replica identity")
        assert finding.level == "error"
        assert "(1 so far)" in finding.fact

    async def test_a_remedy_mends_what_it_is_given_for(self, database, kafka, topic_prefix):
        database.execute("create table orders (code int not null, unique (code)); create unlogged table fast (x int)")
        given = config(database, kafka.url, topic_prefix, table_include_list="public.(orders|fast)")
        found = await report(given)
        run_sql(database, about(found, "public.orders has neither").remedy)
        run_sql(database, about(found, "is an unlogged table").remedy)
        after = facts(await report(given))
        assert not [fact for fact in after if "public.orders has neither" in fact or "unlogged" in fact]

    async def test_an_index_of_a_replica_identity_that_is_gone_is_found(self, database, kafka, topic_prefix):
        database.execute(
            """create table orders (id int primary key, code int not null);
               create unique index by_code on orders (code);
               alter table orders replica identity using index by_code; drop index by_code"""
        )
        assert about(await report(config(database, kafka.url, topic_prefix)), "has lost the index").level == "warning"

    async def test_filters_that_nothing_passes_are_an_error_with_what_is_there(self, database, kafka, topic_prefix):
        database.execute(ORDERS)
        found = await report(config(database, kafka.url, topic_prefix, table_include_list="orders"))
        assert "(tables there: public.orders)" in about(found, "passes the filters").fact
        assert found.exit_code == 1


class TestPublication:
    async def test_what_it_does_not_send_is_found_and_mended(self, database, kafka, topic_prefix):
        database.execute(
            f"""{ORDERS}; create table items (id int primary key); create table log (x int);
            create table parted (id int primary key) partition by range (id);
            create table parted_1 partition of parted for values from (0) to (10);
            create publication {topic_prefix} for table orders, log, parted with (publish = 'insert, delete')"""
        )
        given = config(
            database,
            kafka.url,
            topic_prefix,
            table_include_list="public.(orders|items|parted)",
            publication_autocreate_mode="disabled",
        )
        found = await report(given)
        errors = facts(found, "error")
        assert len(errors) == 3
        for words in ("does not send update", "does not send public.items", "public.parted come under the names"):
            remedy = about(found, words).remedy
            database.execute(remedy[remedy.index("ALTER PUBLICATION") :])
        run_sql(database, about(found, "sends public.log").remedy)
        after = await report(given)
        assert facts(after, "error") == []
        assert not [fact for fact in facts(after) if "public.log" in fact]

    async def test_column_lists_and_row_filters_are_found_and_mended(self, database, kafka, topic_prefix):
        database.execute(f"{ORDERS}; create publication {topic_prefix} for table orders (id) where (id > 5)")
        given = config(database, kafka.url, topic_prefix)
        found = await report(given)
        assert about(found, "only some columns of public.orders (id)").level == "warning"
        filtered = about(found, "only rows of public.orders where (id > 5)")
        database.execute(filtered.remedy[filtered.remedy.index("BEGIN") :])
        assert not [fact for fact in facts(await report(given)) if "only" in fact]

    async def test_generated_columns_are_found_and_mended(self, database, kafka, topic_prefix):
        database.execute(
            f"""create table orders (id int primary key, twice int generated always as (id * 2) stored);
            create publication {topic_prefix} for table orders"""
        )
        given = config(database, kafka.url, topic_prefix)
        run_sql(database, about(await report(given), "Generated columns").remedy)
        assert not [fact for fact in facts(await report(given)) if "Generated" in fact]


class TestSlot:
    async def test_one_of_another_plugin_or_database_is_an_error(self, database, postgres, kafka, topic_prefix):
        database.execute(ORDERS)
        database.execute(f"select pg_create_logical_replication_slot('{topic_prefix}', 'test_decoding')")
        assert (
            about(await report(config(database, kafka.url, topic_prefix)), "the plugin test_decoding").level == "error"
        )
        other = created(postgres)
        try:
            other.execute(f"select pg_create_logical_replication_slot('o{topic_prefix}', 'pgoutput')")
            found = await report(config(database, kafka.url, topic_prefix, slot_name=f"o{topic_prefix}"))
            assert about(found, f"belongs to database {other.name}").level == "error"
        finally:
            dropped(other)

    async def test_one_that_somebody_reads_is_an_error(self, database, kafka, topic_prefix):
        database.execute(f"{ORDERS}; create publication {topic_prefix} for table orders")
        database.execute(f"select pg_create_logical_replication_slot('{topic_prefix}', 'pgoutput')")
        reader = psycopg.connect(f"{database.url}?replication=database&application_name=somebody", autocommit=True)
        with closing(reader):
            start = f"START_REPLICATION SLOT {topic_prefix} LOGICAL 0/0 (proto_version '1', publication_names '{topic_prefix}')"
            reader.pgconn.send_query(start.encode())
            active = f"select active from pg_replication_slots where slot_name = '{topic_prefix}'"
            until(lambda: database.execute(active) == [(True,)], "reading the slot")
            assert about(await report(config(database, kafka.url, topic_prefix)), "(somebody)").level == "error"

    @pytest.mark.parametrize(
        ("offset", "words"),
        [
            (
                {"lsn_proc": 1, "lsn": 1, "system_id": "42", "timeline": 1},
                "belongs to the server with system identifier 42",
            ),
            ({"lsn_proc": 1, "lsn": 1}, "does not exist"),
        ],
    )
    async def test_an_offset_that_does_not_fit_is_an_error(self, database, kafka, topic_prefix, offset, words):
        database.execute(ORDERS)
        stored = kafka_settings(kafka.url, topic_prefix)
        async with publishing(stored, topic_prefix) as publisher:
            await publisher.begin()
            await publisher.commit({"server": topic_prefix}, offset)
        found = await report(config(database, kafka.url, topic_prefix))
        assert [each.subject for each in found.findings if each.level == "error"] == ["stored offset"]
        about(found, words)


@pytest.fixture(scope="module")
def cramped() -> Iterator[PostgresServer]:
    """A server whose settings leave no room."""
    cramped = {
        "wal_level": "replica",
        "max_replication_slots": "1",
        "max_wal_senders": "1",
        "max_slot_wal_keep_size": "1GB",
        "wal_sender_timeout": "15s",
        "idle_replication_slot_timeout": "1h",
    }
    with PostgresServer(settings=cramped) as server:
        server.execute("select pg_create_physical_replication_slot('taken')")
        yield server


class Standby(PostgresServer):
    """A hot standby of another server, which must run."""

    def __init__(self, primary: PostgresServer) -> None:
        super().__init__()
        self._primary = primary.address

    def _prepare(self) -> None:
        if (account := self._account()) is not None:
            os.chown(self.folder, account, account)
        at = self._primary
        source = ["-h", at.host, "-p", str(at.port), "-U", at.user, "-X", "stream", "--checkpoint=fast", "--no-sync"]
        self._run([self._server_program("pg_basebackup"), *source, "-R", "-D", str(self.data)])
        with (self.data / "postgresql.conf").open("a") as file:
            file.write(f"port = {self.port}\nunix_socket_directories = '{self.data}'\n")


class TestServer:
    async def test_settings_that_stop_or_endanger_the_stream_are_found(self, cramped, kafka, topic_prefix):
        at = cramped.address
        database = Database(at.host, at.port, at.user, "postgres")
        with closing(psycopg.connect(f"{database.url}?replication=database", autocommit=True)):
            found = await report(config(database, kafka.url, topic_prefix))
        levels = {finding.subject: finding.level for finding in found.findings if finding.area in {"server", "rights"}}
        assert levels == {
            "wal_level": "error",
            "max_replication_slots": "error",
            "max_wal_senders": "error",
            "max_slot_wal_keep_size": "note",
            "wal_sender_timeout": "warning",
            "idle_replication_slot_timeout": "warning",
            "postgres": "note",
        }
        assert "is 1 GB" in about(found, "max_slot_wal_keep_size").fact
        assert "is 1 h" in about(found, "idle_replication_slot_timeout").fact
        assert "is 15 s" in about(found, "wal_sender_timeout").fact

    async def test_a_slot_that_was_invalidated_or_soon_will_be_is_an_error(self, kafka, topic_prefix):
        with PostgresServer(settings={"max_slot_wal_keep_size": "1MB"}) as server:
            at = server.address
            database = Database(at.host, at.port, at.user, "postgres")
            database.execute(ORDERS)
            database.execute(f"select pg_create_logical_replication_slot('{topic_prefix}', 'pgoutput')")
            given = config(database, kafka.url, topic_prefix)
            for _ in range(3):
                database.execute("select pg_logical_emit_message(false, '', 'x'), pg_switch_wal()")
            soon = about(await report(given), "the server may remove what is not read yet")
            assert soon.level == "error"
            assert "wal_status = unreserved" in soon.fact
            database.execute("checkpoint")
            lost = about(await report(given), "was invalidated")
            assert lost.level == "error"
            assert "wal_status = lost, invalidation_reason = wal_removed" in lost.fact

    async def test_a_standby_is_found(self, kafka, topic_prefix):
        with PostgresServer() as primary:
            primary.execute(f"{ORDERS}; create publication {topic_prefix} for table orders")
            with Standby(primary) as standby:
                at = standby.address
                database = Database(at.host, at.port, at.user, "postgres")
                until(lambda: database.execute("select 1 from pg_publication"), "replaying the publication")
                found = await report(config(database, kafka.url, topic_prefix))
        assert about(found, "The server is a standby").level == "warning"
        assert [each.subject for each in found.findings if each.level == "error"] == ["hot_standby_feedback"]

    async def test_the_oldest_version_that_is_read_answers_all_questions(self, kafka, topic_prefix):
        with PostgresServer(version=14) as server:
            at = server.address
            database = Database(at.host, at.port, at.user, "postgres")
            database.execute(f"{ORDERS}; create publication {topic_prefix} for table orders")
            found = await report(config(database, kafka.url, topic_prefix))
        assert facts(found, "error") == []

    async def test_one_that_cannot_be_reached_is_an_error(self, kafka, topic_prefix):
        gone = Database("127.0.0.1", free_port(), "postgres", "postgres")
        found = await report(config(gone, kafka.url, topic_prefix))
        assert found.exit_code == 1
        assert about(found, "Connection refused").area == "server"
        assert found.sql == ()


class TestKafka:
    async def test_one_that_cannot_be_reached_is_one_error(self, database, topic_prefix):
        database.execute(ORDERS)
        found = await report(config(database, f"127.0.0.1:{free_port()}", topic_prefix))
        assert [finding.area for finding in found.findings if finding.level == "error"] == ["kafka"]
        assert "cannot be reached" in about(found, "127.0.0.1").fact

    async def test_settings_of_topics_that_endanger_the_stream_are_found(self, database, kafka, topic_prefix):
        database.execute("create table orders (id int primary key); create table bare (x int)")
        admin = AdminClient({"bootstrap.servers": kafka.url})
        compacted, offsets = f"{topic_prefix}.public.bare", f"{topic_prefix}.offsets"
        create(admin, f"{topic_prefix}.public.orders", {"retention.ms": "60000", "max.message.bytes": "2000"})
        create(admin, compacted, {"cleanup.policy": "compact", "min.insync.replicas": "2"}, partitions=3)
        create(admin, offsets, {"cleanup.policy": "delete"})
        found = await report(config(database, kafka.url, topic_prefix, table_include_list="public.*"))
        assert about(found, f"{compacted} is compacted, and its table has no key").level == "error"
        assert about(found, f"{compacted} takes no record: min.insync.replicas is 2").level == "error"
        assert about(found, f"{compacted} has 3 partitions").level == "note"
        assert about(found, f"{offsets} has cleanup.policy = delete").level == "error"
        assert about(found, "Records are deleted after 0.0166667 h").level == "warning"
        assert about(found, "Topics take records of 2000 bytes").level == "warning"

    async def test_topics_that_cannot_be_created_are_found(self, database, kafka, topic_prefix):
        database.execute(ORDERS)
        given = config(database, kafka.url, topic_prefix, topic_creation_default_replication_factor="3")
        refused = about(await report(given), "cannot be created")
        assert (refused.level, refused.subject) == ("error", f"{topic_prefix}.public.orders")
        disabled = await report(config(database, kafka.url, topic_prefix, topic_creation_enable="false"))
        assert about(disabled, "topic.creation.enable is false").level == "error"

    async def test_rights_that_are_missing_are_named_and_the_printed_commands_give_them(self, database, topic_prefix):
        database.execute(ORDERS)
        security = Security(protocol="SASL_PLAINTEXT", users={"cdc": PASSWORD}, authorizer=True)
        with KafkaServer(security=security) as server:
            given = config(
                database,
                server.address.url,
                topic_prefix,
                security_protocol="SASL_PLAINTEXT",
                sasl_mechanism="PLAIN",
                sasl_username="cdc",
                sasl_password=PASSWORD,
            )
            found = await report(given)
            errors = {finding.subject: finding.fact for finding in found.findings if finding.level == "error"}
            assert errors == {
                f"cdcstream-{topic_prefix}": f"Kafka does not allow the transactional id cdcstream-{topic_prefix}",
                f"{topic_prefix}.public.orders": (
                    f"Kafka does not allow WRITE and DESCRIBE and CREATE on topic {topic_prefix}.public.orders"
                ),
                f"{topic_prefix}.offsets": (
                    f"Kafka does not allow WRITE and DESCRIBE and READ and CREATE on topic {topic_prefix}.offsets"
                ),
            }
            grant(server, found.acls)
            await without_error(given)
            granted = ConnectorConfig.from_raw(given).kafka
            async with publishing(granted, topic_prefix) as publisher:
                await publisher.begin()
                await publisher.send(records(f"{topic_prefix}.public.orders", (b"k", b"v")))
                await publisher.commit({"server": topic_prefix}, {"lsn_proc": 1})
            wrong = await report({**given, "sasl.password": "wrong-horse"})
            refused = [finding for finding in wrong.findings if finding.level == "error"]
            assert [finding.area for finding in refused] == ["kafka"]
            assert "refuses the login of user 'cdc'" in refused[0].fact


class TestNothingChanges:
    async def test_neither_server_has_anything_more_afterwards(self, database, kafka, topic_prefix):
        database.execute(ORDERS)
        before = seen(database, kafka, topic_prefix)
        found = await report(config(database, kafka.url, topic_prefix))
        assert found.exit_code == 0
        assert seen(database, kafka, topic_prefix) == before

    async def test_a_connector_that_is_at_work_is_not_disturbed(self, database, kafka, topic_prefix):
        database.execute(ORDERS)
        at_work = kafka_settings(kafka.url, topic_prefix)
        async with publishing(at_work, topic_prefix) as publisher:
            await publisher.begin()
            await publisher.send(records(f"{topic_prefix}.public.orders", (b"k", b"v")))
            found = await report(config(database, kafka.url, topic_prefix, transaction_timeout_ms="5000"))
            await publisher.commit(SHOP, {"lsn": 1})
        assert [finding.fact for finding in found.findings if finding.area == "kafka"] == []
        read = await asyncio.to_thread(read_committed, kafka.url, f"{topic_prefix}.public.orders")
        assert [record.value for record in read] == [b"v"]


class TestCommand:
    def test_it_prints_lines_or_json_and_says_by_its_exit_code_what_is_wrong(
        self, database, kafka, topic_prefix, tmp_path
    ):
        database.execute(ORDERS)
        file = tmp_path / "connector.json"
        file.write_text(json.dumps(config(database, kafka.url, topic_prefix)))
        good = command(file)
        assert good.returncode == 0, good.stderr
        assert f"\n{topic_prefix}: 0 errors, " in good.stdout
        assert "\nGRANT SELECT ON TABLE public.orders TO cdc;\n" in good.stdout
        database.execute("drop table orders")
        bad = command(file, "--json")
        assert bad.returncode == 1
        told = json.loads(bad.stdout)
        assert told["connector"] == topic_prefix
        assert told["ok"] is False
        (error,) = [finding for finding in told["findings"] if finding["level"] == "error"]
        assert error["area"] == "tables"
        assert set(error) == {"level", "area", "subject", "fact", "remedy"}
        assert bad.stderr == ""


def command(*arguments: object) -> subprocess.CompletedProcess[str]:
    words = [str(SCRIPT), "doctor", *map(str, arguments)]
    return subprocess.run(words, capture_output=True, text=True, timeout=120, check=False)


def seen(database: Database, kafka: Address, prefix: str) -> tuple[object, ...]:
    """Return what there is: of the test in PostgreSQL's catalogue, and its topics."""
    queries = (
        "select oid, relname::text, relreplident from pg_class order by oid",
        "select * from pg_publication",
        "select slot_name::text from pg_replication_slots where database = current_database()",
        "select setdatabase, setconfig from pg_db_role_setting",
        "select name, setting from pg_settings where source not in ('session', 'client') order by 1",
    )
    topics = AdminClient({"bootstrap.servers": kafka.url}).list_topics(timeout=30).topics
    return (*(database.execute(query) for query in queries), sorted(name for name in topics if prefix in name))


async def without_error(given: dict[str, str]) -> None:
    """Wait until there is no error: brokers take up access control lists a moment after they were given."""
    async with asyncio.timeout(30):
        while errors := facts(await report(given), "error"):
            await asyncio.sleep(0.05)
    assert errors == []


def create(admin: AdminClient, name: str, settings: dict[str, str], partitions: int = 1) -> None:
    admin.create_topics([NewTopic(name, partitions, 1, config=settings)])[name].result(30)


def grant(server: KafkaServer, commands: Any) -> None:
    """Do what commands of kafka-acls say."""
    kinds = {"--topic": ResourceType.TOPIC, "--transactional-id": ResourceType.TRANSACTIONAL_ID}
    admin = AdminClient({"bootstrap.servers": server.inner})
    for command in commands:
        words = command.split()
        options = list(pairwise(words))
        (principal,) = [value for name, value in options if name == "--allow-principal"]
        (resource,) = [(kinds[name], value) for name, value in options if name in kinds]
        for operation in [value for name, value in options if name == "--operation"]:
            member = AclOperation["".join(f"_{c}" if c.isupper() else c for c in operation).lstrip("_").upper()]
            binding = AclBinding(
                *resource, ResourcePatternType.LITERAL, principal, "*", member, AclPermissionType.ALLOW
            )
            admin.create_acls([binding])[binding].result(30)
