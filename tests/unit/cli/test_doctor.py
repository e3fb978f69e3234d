"""What `cdc-stream doctor` prints and exits with, and what it makes of the facts that brokers tell."""

from __future__ import annotations

import json
from io import StringIO
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner

from cdc.cli import doctor
from cdc.cli.app import app
from cdc.cli.doctor import AREAS, LEVELS, Report, document, drawn, plain
from cdc.config.secret import Secret
from cdc.config.settings import KafkaSettings, SecuritySettings, TopicSettings
from cdc.kafka.doctor.commands import least_rights
from cdc.kafka.doctor.diagnosis import findings
from cdc.kafka.doctor.facts import KafkaFacts, TopicFacts
from cdc.model.finding import Finding

WAL = Finding("error", "server", "wal_level", "wal_level is replica", "Run: ALTER SYSTEM SET wal_level = 'logical';")
NEW = Finding("note", "slot", "shop", "Slot shop is created")
REPORT = Report("shop", [WAL, NEW], ["GRANT SELECT ON TABLE orders TO cdc;"], ["kafka-acls --add"])


class TestPrinted:
    def test_lines_hold_each_finding_then_the_sum_then_the_rights(self):
        assert list(plain(REPORT)) == [
            "error server wal_level is replica. Run: ALTER SYSTEM SET wal_level = 'logical';",
            "note slot Slot shop is created.",
            "shop: 1 error, 0 warnings, 1 note",
            "",
            "-- The least rights for these tables, in PostgreSQL:",
            "GRANT SELECT ON TABLE orders TO cdc;",
            "",
            "# The least rights for these topics, in Kafka:",
            "kafka-acls --add",
        ]

    def test_a_terminal_gets_groups_with_the_remedy_below_what_it_mends(self):
        console = Console(file=StringIO(), width=40)
        for line in drawn(REPORT):
            console.print(line, soft_wrap=True)
        assert isinstance(console.file, StringIO)
        shown = [line.rstrip() for line in console.file.getvalue().splitlines()]
        assert shown[:6] == [
            "The server",
            "  error   wal_level is replica.",
            "          Run: ALTER SYSTEM SET wal_level = 'logical';",
            "",
            "The slot",
            "  note    Slot shop is created.",
        ]
        assert "  GRANT SELECT ON TABLE orders TO cdc;" in shown
        assert shown[-1] == "shop: 1 error, 0 warnings, 1 note"

    def test_json_has_a_shape_that_stays(self):
        assert json.loads(json.dumps(document(REPORT))) == {
            "connector": "shop",
            "ok": False,
            "findings": [
                {
                    "level": "error",
                    "area": "server",
                    "subject": "wal_level",
                    "fact": "wal_level is replica",
                    "remedy": "Run: ALTER SYSTEM SET wal_level = 'logical';",
                },
                {
                    "level": "note",
                    "area": "slot",
                    "subject": "shop",
                    "fact": "Slot shop is created",
                    "remedy": "",
                },
            ],
            "least_rights": {"sql": ["GRANT SELECT ON TABLE orders TO cdc;"], "kafka": ["kafka-acls --add"]},
        }

    @pytest.mark.parametrize(("level", "code"), [("error", 1), ("warning", 0), ("note", 0)])
    def test_only_an_error_makes_the_exit_code_1(self, level, code):
        assert Report("shop", [Finding(level, "server", "x", "y")]).exit_code == code


CONFIG = {
    "name": "shop",
    "connector.class": "postgres",
    "database.hostname": "db.example",
    "database.user": "cdc",
    "database.dbname": "shop",
    "topic.prefix": "shop",
}


class TestCommand:
    def run(self, tmp_path, monkeypatch, *arguments, **changes):
        asked = []

        async def examine(config, *, renames):
            asked.append((config.kafka.bootstrap_servers, renames))
            return REPORT

        monkeypatch.setattr(doctor, "examine", examine)
        file = tmp_path / "connector.json"
        file.write_text(json.dumps({**CONFIG, **changes}))
        return CliRunner().invoke(app, ["doctor", str(file), *arguments]), asked

    def test_it_prints_the_report_and_exits_by_it(self, tmp_path, monkeypatch):
        done, asked = self.run(tmp_path, monkeypatch, "--bootstrap-servers", "broker:9092")
        assert done.exit_code == 1
        assert done.stdout.splitlines() == list(plain(REPORT))
        assert asked == [(("broker:9092",), False)]

    def test_json_is_one_document(self, tmp_path, monkeypatch):
        done, _ = self.run(tmp_path, monkeypatch, "--json")
        assert json.loads(done.stdout) == document(REPORT)

    def test_it_knows_that_transforms_may_choose_other_topics(self, tmp_path, monkeypatch):
        more = {"transforms": "t", "transforms.t.type": "org.apache.kafka.connect.transforms.Flatten$Value"}
        assert self.run(tmp_path, monkeypatch, **more)[1] == [(("localhost:9092",), True)]

    def test_a_configuration_that_cannot_be_used_is_an_error_of_its_own(self, tmp_path, monkeypatch):
        done, asked = self.run(tmp_path, monkeypatch, **{"slot.nam": "x"})
        assert "slot.nam" in str(done.exception)
        assert asked == []


SETTINGS = KafkaSettings("cdcstream-shop", "shop", ("broker:9092",), max_request_bytes=1000)
OFFSETS = TopicFacts("cdc-stream-offsets", settings={"cleanup.policy": "compact"})
ORDERS = "shop.public.orders"


def topic(name: str = ORDERS, **changes: Any) -> TopicFacts:
    known = {"cleanup.policy": "compact", "min.insync.replicas": "2", "max.message.bytes": "1000"}
    known |= {key.replace("_", "."): value for key, value in changes.items() if "_" in key}
    return TopicFacts(name, settings=known, **{"replicas": 3, **{k: v for k, v in changes.items() if "_" not in k}})


def found(*tables: TopicFacts, keyed: bool = True, longest: float = 900.0, settings: Any = SETTINGS, **facts: Any):
    about = KafkaFacts(**{"brokers": 3, "tables": tables, "offsets": OFFSETS, **facts})
    return list(findings(about, {table.name: keyed for table in tables}, settings, longest))


def told(*tables: TopicFacts, **more: Any) -> list[tuple[str, str]]:
    return [(finding.level, finding.subject) for finding in found(*tables, **more)]


class TestKafka:
    def test_topics_that_are_set_up_well_give_no_finding(self):
        assert found(topic()) == []

    def test_every_finding_has_a_place(self):
        bad = topic(
            replicas=1, min_insync_replicas="1", max_message_bytes="1", cleanup_policy="delete", retention_ms="1"
        )
        facts: dict[str, Any] = {
            "id_allowed": False,
            "transactions": False,
            "broker": {"transaction.state.log.min.isr": "4"},
        }
        everything = found(bad, TopicFacts("new", exists=False), TopicFacts("no", rights=0), keyed=False, **facts)
        assert {finding.area for finding in everything} == {"kafka", "topics"} <= set(AREAS)
        assert {finding.level for finding in everything} <= set(LEVELS)

    def test_a_transactional_id_that_may_not_be_used_is_an_error_with_the_command(self):
        (finding,) = found(id_allowed=False)
        assert finding.level == "error"
        assert finding.remedy == (
            "Run: kafka-acls --bootstrap-server broker:9092 --add --allow-principal User:… "
            "--operation Write --operation Describe --transactional-id cdcstream-shop"
        )

    def test_too_few_brokers_for_transactions_are_an_error_until_there_are_some(self):
        broker = {"transaction.state.log.replication.factor": "3", "transaction.state.log.min.isr": "2"}
        (finding,) = found(brokers=2, transactions=False, broker=broker)
        assert finding.fact.endswith("transaction.state.log.replication.factor is 3, and there are 2 brokers")
        assert found(brokers=2, transactions=True, broker=broker) == []
        assert found(brokers=3, transactions=False, broker=broker) == []

    def test_transactions_that_are_longer_than_the_brokers_allow_are_an_error(self):
        broker = {"transaction.max.timeout.ms": "60000"}
        (finding,) = found(longest=61.0, broker=broker)
        assert finding.level == "error"
        assert "to 61000." in finding.remedy
        assert found(longest=60.0, broker=broker) == []

    def test_topics_that_are_missing_are_created(self):
        assert told(TopicFacts(ORDERS, exists=False)) == [("note", "topic.creation.enable")]

    def test_topics_that_nobody_creates_are_an_error(self):
        without = KafkaSettings("id", "id", ("broker:9092",), topics=TopicSettings(create=False))
        (finding,) = found(TopicFacts(ORDERS, exists=False), settings=without)
        assert finding.level == "error"
        assert finding.remedy.endswith(f"--create --topic {ORDERS}")

    def test_a_topic_without_rights_may_be_one_that_is_missing(self):
        (finding,) = found(TopicFacts(ORDERS, rights=0))
        assert finding.fact == f"Kafka does not allow WRITE and DESCRIBE and CREATE on topic {ORDERS}"

    def test_the_offset_topic_must_be_read_too(self):
        everything_but_read = TopicFacts("cdc-stream-offsets", rights=sum(1 << bit for bit in (4, 5, 8)))
        (finding,) = found(offsets=everything_but_read)
        assert finding.fact == "Kafka does not allow READ on topic cdc-stream-offsets"

    @pytest.mark.parametrize("policy", ["delete", "compact,delete"])
    def test_an_offset_topic_that_forgets_is_an_error(self, policy):
        (finding,) = found(offsets=TopicFacts("o", settings={"cleanup.policy": policy}))
        assert finding.level == "error"
        assert finding.remedy.endswith("--alter --topic o --add-config cleanup.policy=compact")

    def test_records_without_key_are_refused_by_a_compacted_topic(self):
        assert told(topic(), keyed=False) == [("error", ORDERS)]
        assert told(topic(cleanup_policy="delete"), keyed=False) == []

    def test_records_without_key_are_not_in_order_over_partitions(self):
        assert told(topic(cleanup_policy="delete", partitions=3), keyed=False) == [("note", ORDERS)]

    @pytest.mark.parametrize(("time", "level"), [("86400000", "note"), ("86399999", "warning")])
    def test_a_topic_that_forgets_forgets_the_snapshot(self, time, level):
        assert told(topic(cleanup_policy="delete", retention_ms=time)) == [(level, "retention.ms")]

    def test_a_topic_that_forgets_nothing_is_not_told(self):
        assert told(topic(cleanup_policy="delete", retention_ms="-1")) == []

    def test_topics_of_the_same_size_are_told_together(self):
        small = [topic(f"t{number}", max_message_bytes="999") for number in range(7)]
        (finding,) = found(*small)
        assert finding.level == "warning"
        assert finding.fact.endswith("t0, t1, t2, t3, t4 and 2 more")

    def test_a_topic_that_is_missing_will_have_the_size_of_the_brokers(self):
        broker = {"message.max.bytes": "999"}
        missing = TopicFacts(ORDERS, exists=False)
        assert ("warning", "max.message.bytes") in told(missing, broker=broker)
        larger = KafkaSettings(
            "i", "i", max_request_bytes=1000, topics=TopicSettings(configs={"max.message.bytes": "1000"})
        )
        assert ("warning", "max.message.bytes") not in told(missing, broker=broker, settings=larger)

    @pytest.mark.parametrize(
        ("replicas", "least", "told_as"),
        [(3, "2", []), (3, "4", ["error"]), (3, "1", ["warning"]), (1, "1", ["warning"])],
    )
    def test_replicas_must_be_enough(self, replicas, least, told_as):
        assert [level for level, _ in told(topic(replicas=replicas, min_insync_replicas=least))] == told_as

    def test_one_broker_can_have_no_more_than_one_replica(self):
        assert told(topic(replicas=1, min_insync_replicas="1"), brokers=1) == []

    def test_the_least_rights_name_the_user_and_never_the_password(self):
        login = SecuritySettings("SASL_SSL", "PLAIN", "ann", Secret("horse"))
        secured = KafkaSettings("cdcstream-shop", "shop", ("broker:9092",), security=login)
        commands = least_rights(secured, [ORDERS])
        assert commands[-1] == (
            "kafka-acls --bootstrap-server broker:9092 --add --allow-principal User:ann --operation Write "
            f"--operation Describe --operation DescribeConfigs --operation Create --topic {ORDERS}"
        )
        assert len(commands) == 3
        assert "horse" not in str(commands)
