"""What `cdc-stream doctor` finds on real MySQL servers, each thing made to happen; and that its grants are enough."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import pytest
from confluent_kafka.admin import AdminClient, NewTopic

from cdc.cli.doctor import Report, examine
from cdc.config.connector import ConnectorConfig
from cdc.config.mysql_settings import MySqlSettings
from cdc.model.finding import Finding
from cdc.sources.mysql.binlog.position import MySqlPosition
from cdc.sources.mysql.doctor.diagnosis import examine as examine_server
from cdc.testing.servers import MySqlServer
from cdc.testing.servers.process import free_port
from tests.support.mysql_connector import config
from tests.support.mysql_database import MySqlDatabase

PASSWORD = "correct-horse"


async def server_report(given: dict[str, str], stored: MySqlPosition | None = None) -> Report:
    """Return what is found at the database alone."""
    settings = ConnectorConfig.from_raw(given).source
    assert isinstance(settings, MySqlSettings)
    found = await examine_server(settings, stored.offset() if stored is not None else None)
    return Report(given["name"], found.findings, found.rights, database="MySQL")


def about(found: Report, words: str) -> Finding:
    """Return the one finding whose fact holds the words."""
    matching = [finding for finding in found.findings if words in finding.fact]
    assert len(matching) == 1, "\n".join(finding.fact for finding in found.findings)
    return matching[0]


def facts(found: Report, *levels: str) -> list[str]:
    return [finding.fact for finding in found.findings if finding.level in (levels or ("error", "warning"))]


@pytest.fixture
def shop(mysql_database):
    mysql_database.execute("create table item (id int primary key)")
    return mysql_database


@pytest.fixture
def user(shop) -> Iterator[MySqlDatabase]:
    """The database as a user sees it that may log in and no more."""
    name = f"user_{uuid4().hex[:10]}"
    shop.execute(f"create user {name}@'%' identified by '{PASSWORD}'")
    yield MySqlDatabase(shop.host, shop.port, name, shop.name)
    shop.execute(f"drop user {name}@'%'")


@pytest.fixture(scope="module")
def odd() -> Iterator[MySqlServer]:
    """A server that logs by statement, in part, without GTIDs, and for a short time."""
    options = {
        "binlog-format": "STATEMENT",
        "binlog-row-image": "MINIMAL",
        "binlog-row-metadata": "MINIMAL",
        "gtid-mode": "OFF",
        "enforce-gtid-consistency": "OFF",
        "binlog-expire-logs-seconds": "3600",
    }
    with MySqlServer(options=options) as server:
        server.execute("create database shop; create table shop.item (id int primary key)")
        yield server


@pytest.fixture(scope="module")
def silent() -> Iterator[MySqlServer]:
    """A server without a binlog."""
    with MySqlServer(options={"skip-log-bin": None}) as server:
        server.execute("create database shop; create table shop.item (id int primary key)")
        yield server


def on(server: MySqlServer) -> MySqlDatabase:
    return MySqlDatabase("127.0.0.1", server.port, "root", "shop")


class TestServer:
    async def test_a_server_that_is_set_up_well_meets_neither_error_nor_warning(self, shop):
        assert facts(await server_report(config(shop, "localhost:1"))) == []

    async def test_a_server_without_a_binlog(self, silent):
        found = about(await server_report(config(on(silent), "localhost:1")), "writes no binlog")
        assert (found.level, found.subject) == ("error", "log_bin")
        assert "log_bin" in found.remedy

    async def test_statements_instead_of_rows(self, odd):
        found = about(await server_report(config(on(odd), "localhost:1")), "binlog_format is STATEMENT")
        assert found.level == "error"
        assert "SET PERSIST binlog_format = ROW;" in found.remedy

    @pytest.mark.parametrize(
        ("words", "level"),
        [
            ("binlog_row_image is MINIMAL", "warning"),
            ("binlog_row_metadata is not FULL", "note"),
            ("gtid_mode is OFF", "note"),
            ("binlog_expire_logs_seconds is 1 h", "warning"),
        ],
    )
    async def test_what_is_set_otherwise_than_it_should_be(self, odd, words, level):
        assert about(await server_report(config(on(odd), "localhost:1")), words).level == level

    async def test_several_hosts_need_gtids(self, odd):
        given = config(on(odd), "localhost:1", database_hostname="127.0.0.1,127.0.0.1")
        assert about(await server_report(given), "gtid_mode is OFF").level == "warning"

    async def test_the_text_of_statements_that_is_wanted_and_not_logged(self, shop):
        found = about(await server_report(config(shop, "localhost:1", include_query="true")), "include.query is true")
        assert "binlog_rows_query_log_events = ON" in found.remedy

    async def test_the_number_of_the_server_itself(self, shop):
        ((number,),) = shop.execute("select @@server_id")
        found = about(await server_report(config(shop, "localhost:1", database_server_id=str(number))), "server's own")
        assert (found.level, found.subject) == ("error", "database.server.id")

    async def test_a_connection_in_the_clear_is_noted(self, shop):
        found = about(await server_report(config(shop, "localhost:1", database_ssl_mode="disabled")), "not encrypted")
        assert found.level == "note"

    async def test_a_server_that_is_not_there(self, shop):
        (found,) = (await server_report(config(shop, "localhost:1", database_port=str(free_port())))).findings
        assert found.level == "error"
        assert "database.port" in found.remedy

    async def test_a_wrong_password(self, user):
        (found,) = (await server_report(config(user, "localhost:1", database_password="wrong"))).findings
        assert "Access denied" in found.fact
        assert found.remedy == "Check database.user and database.password."


class TestRights:
    async def test_the_least_rights_are_enough_and_no_more(self, user, shop):
        given = config(user, "localhost:1", database_password=PASSWORD)
        shop.execute(f"grant select on `{shop.name}`.item to {user.user}@'%'")
        before = await server_report(given)
        assert "lacks REPLICATION SLAVE and REPLICATION CLIENT" in about(before, "lacks REPLICATION").fact
        assert "RELOAD" in about(before, "has neither RELOAD nor LOCK TABLES").remedy
        assert before.exit_code == 1
        for statement in before.sql:
            shop.execute(statement)
        after = await server_report(given)
        assert facts(after) == []
        granted = {line for (line,) in shop.execute(f"show grants for {user.user}@'%'")}
        assert granted == {
            f"GRANT RELOAD, REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO `{user.user}`@`%`",
            f"GRANT SELECT ON `{shop.name}`.`item` TO `{user.user}`@`%`",
        }

    async def test_rights_that_come_by_a_role_count(self, user, shop):
        role = f"role_{uuid4().hex[:10]}"
        shop.execute(f"create role {role}; grant replication slave, replication client, reload on *.* to {role}")
        shop.execute(
            f"grant select on `{shop.name}`.* to {role}; grant {role} to {user.user}; set default role all to {user.user}"
        )
        found = await server_report(config(user, "localhost:1", database_password=PASSWORD))
        shop.execute(f"drop role {role}")
        assert facts(found) == []

    async def test_lock_tables_does_where_there_is_no_reload(self, user, shop):
        shop.execute(f"grant replication slave, replication client on *.* to {user.user}")
        shop.execute(f"grant select, lock tables on `{shop.name}`.* to {user.user}")
        found = await server_report(config(user, "localhost:1", database_password=PASSWORD))
        assert facts(found) == []
        assert about(found, "lacks RELOAD").level == "note"

    async def test_a_table_that_may_be_seen_and_not_read(self, user, shop):
        shop.execute(f"grant insert on `{shop.name}`.item to {user.user}")
        found = about(await server_report(config(user, "localhost:1", database_password=PASSWORD)), "may not read")
        assert found.remedy == f"Run: GRANT SELECT ON `{shop.name}`.`item` TO '{user.user}'@'%';"

    async def test_a_superuser_is_told_to_have_a_user_of_its_own(self, shop):
        assert about(await server_report(config(shop, "localhost:1")), "is a superuser").level == "note"


class TestTables:
    async def test_no_table_passes_the_filters(self, shop):
        found = about(await server_report(config(shop, "localhost:1", database_include_list="nowhere")), "No table")
        assert found.level == "error"

    async def test_a_pattern_that_matches_nothing(self, shop):
        given = config(shop, "localhost:1", table_include_list=f"{shop.name}.item,{shop.name}.gone")
        assert about(await server_report(given), f"names {shop.name}.gone").level == "warning"

    async def test_what_is_to_know_of_tables(self, shop):
        shop.execute("create table keyless (a int)")
        shop.execute("create table by_unique (a int not null unique)")
        shop.execute("create table plain_files (a int primary key) engine = MyISAM")
        shop.execute("create table columns_ (a int primary key, b int as (a + 1) stored, c int invisible)")
        shop.execute("create view seen as select * from item")
        given = config(shop, "localhost:1", table_include_list=f"{shop.name}..*")
        found = await server_report(given)
        assert about(found, "keyless has no primary key: its records have no key").level == "warning"
        assert about(found, "by_unique has no primary key; the key of its records is a").level == "note"
        assert about(found, "plain_files has the engine MyISAM").level == "warning"
        assert about(found, "columns_ has generated columns, which are published as others are: b").level == "note"
        assert about(found, "columns_ has invisible columns, which are published as others are: c").level == "note"
        assert about(found, "seen passes the filters and is a view").level == "warning"


class TestOffset:
    async def test_the_place_where_the_log_ends_is_one_to_go_on_from(self, odd):
        database = on(odd)
        ((file, position, *_),) = database.execute("show binary log status")
        uuid = str(database.execute("select @@server_uuid")[0][0])
        stored = MySqlPosition(file, position, server_uuid=uuid)
        assert [
            each
            for each in (await server_report(config(database, "localhost:1"), stored)).findings
            if each.area == "offset"
        ] == []

    @pytest.mark.parametrize(
        ("place", "words"), [("binlog.900000:4", "has no binlog file"), ("binlog.000001:900000000", "the file ends at")]
    )
    async def test_a_place_that_the_log_does_not_have(self, odd, place, words):
        file, position = place.split(":")
        found = about(await server_report(config(on(odd), "localhost:1"), MySqlPosition(file, int(position))), words)
        assert found.level == "error"
        assert "cdc-stream offsets reset" in found.remedy

    async def test_transactions_that_the_server_never_had(self, shop):
        stored = MySqlPosition("binlog.000001", 4, f"{'1' * 8}-1111-1111-1111-{'1' * 12}:1-5")
        assert about(await server_report(config(shop, "localhost:1"), stored), "has never had").level == "error"
        given = config(shop, "localhost:1", snapshot_mode="when_needed")
        assert about(await server_report(given, stored), "a new snapshot is taken").level == "warning"


class TestKafka:
    async def test_a_history_topic_that_forgets_or_has_no_order(self, shop, kafka):
        topic = f"{shop.name}.history"
        made = NewTopic(topic, 2, 1, config={"cleanup.policy": "compact", "retention.ms": "1000"})
        admin = AdminClient({"bootstrap.servers": kafka.url})  # what is made ends with it
        admin.create_topics([made])[topic].result(30)
        given = config(shop, kafka.url, schema_history_internal_kafka_topic=topic)
        found = await examine(ConnectorConfig.from_raw(given))
        assert about(found, "2 partitions, so its order is lost").level == "error"
        assert about(found, "cleanup.policy = compact").remedy.endswith("cleanup.policy=delete")
        assert about(found, "retention.ms = 1000").remedy.endswith("retention.ms=-1")

    async def test_all_is_well_before_the_first_start(self, shop, kafka):
        found = await examine(ConnectorConfig.from_raw(config(shop, kafka.url)))
        assert facts(found, "error") == []
        assert found.database == "MySQL"
