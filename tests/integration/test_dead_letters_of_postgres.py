"""PostgreSQL connectors whose rows cannot all be converted or transformed: what is published, and what is kept."""

from __future__ import annotations

import json

import pytest

from tests.support.connector import Script, SlotView, properties, until
from tests.support.kafka_reader import read_committed
from tests.support.worker import JSON, Worker

PREFIX = "__connect.errors."
PLUGIN = '''
from dataclasses import replace

from cdc.config import Definition


class Shout:
    """Writes names in capitals; refuses one."""

    version = "1"
    definition = Definition(())

    def configure(self, properties):
        pass

    def apply(self, record):
        if record.value is None:
            return record
        after = record.value["after"]
        if after and after["name"] == "bad":
            raise ValueError("a bad name")
        return replace(record, value={**record.value, "after": after and {**after, "name": after["name"].upper()}})

    def close(self):
        pass


cdc_plugins = [Shout]
'''


def letters(servers, topic):
    return [
        (
            json.loads(record.key or b"null")["payload"],
            json.loads(record.value or b"null")["payload"],
            {name.removeprefix(PREFIX): (text or b"").decode() for name, text in record.headers},
        )
        for record in read_committed(servers, topic)
    ]


def numbers(servers, topic):
    """Return the ids of the rows in the topic, in order."""
    return [json.loads(record.value)["after"]["id"] for record in read_committed(servers, topic) if record.value]


def strict(database, kafka, topic_prefix, **more):
    return properties(
        database,
        kafka.url,
        topic_prefix,
        event_converting_failure_handling_mode="fail",
        errors_deadletterqueue_context_headers_enable="true",
        **more,
    )


@pytest.fixture
def item(database):
    database.execute("create table item (id int primary key, price numeric(8, 2))")
    return database


@pytest.fixture
def script(tmp_path):
    started = []

    def make(config):
        started.append(Script(tmp_path, config))
        return started[-1]

    yield make
    for each in started:
        each.kill()


def test_bad_rows_between_good_ones_are_kept_once_each_whatever_is_killed(item, kafka, topic_prefix, script):
    dead, topic = f"{topic_prefix}.dead", f"{topic_prefix}.public.item"
    item.execute(
        "insert into item select n, case when n % 10 = 3 then numeric 'NaN' else n end from generate_series(0, 99) n"
    )
    connector = script(
        strict(
            item,
            kafka,
            topic_prefix,
            errors_tolerance="all",
            errors_deadletterqueue_topic_name=dead,
        )
    )
    for start in (100, 200, 300):
        connector.start()
        SlotView(item, topic_prefix.lower()).wait_until_streaming(connector)
        for first in range(start, start + 100, 10):
            item.execute(
                "insert into item select n, case when n %% 10 = 3 then numeric 'NaN' else n end from generate_series(%s::int, %s::int) n",
                first,
                first + 9,
            )
        connector.kill()
    connector.start()
    until(lambda: connector.failure or (numbers(kafka.url, topic) or [0])[-1] == 399, "the last row")
    assert connector.failure == ""
    assert numbers(kafka.url, topic) == [number for number in range(400) if number % 10 != 3]
    kept = letters(kafka.url, dead)
    assert [key["id"] for key, _, _ in kept] == list(range(3, 400, 10))
    assert {value["after"]["price"] for _, value, _ in kept} == {"NaN"}
    assert {told["source.table"] for *_, told in kept} == {"public.item"}
    assert all(json.loads(told["source.offset"])["lsn"] == value["source"]["lsn"] for _, value, told in kept)


def test_without_tolerance_the_connector_ends_and_names_table_key_place_column_and_value(
    item, kafka, topic_prefix, script
):
    connector = script(strict(item, kafka, topic_prefix))
    connector.start()
    SlotView(item, topic_prefix.lower()).wait_until_streaming(connector)
    item.execute("insert into item values (1, 1.5), (7, 'NaN')")
    until(lambda: connector.failure, "the failure")
    (line,) = [line for line in connector.output.splitlines() if " ERROR " in line]
    assert 'the record of table public.item with key {"id":7} at ' in line
    assert "'lsn': " in line
    assert "'txId': " in line
    assert "public.item.price: the numeric NaN has no digits" in line
    assert "errors.tolerance" in line
    assert read_committed(kafka.url, f"{topic_prefix}.public.item") == []


def test_a_transform_from_plugin_path_changes_rows_and_what_it_fails_at_is_kept(
    database, kafka, topic_prefix, tmp_path
):
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "shouting.py").write_text(PLUGIN)
    dead, topic = f"{topic_prefix}.dead", f"{topic_prefix}.public.person"
    database.execute("create table person (id int primary key, name text)")
    database.execute("insert into person values (1, 'ann'), (2, 'bad'), (3, 'cid')")
    worker = Worker(tmp_path, kafka.url, f"{topic_prefix}.offsets", plugin_path=str(tmp_path / "plugins"))
    config = {
        "connector_class": "postgres",
        "database_hostname": database.host,
        "database_port": str(database.port),
        "database_user": database.user,
        "database_dbname": database.name,
        "topic_prefix": topic_prefix,
        "slot_name": topic_prefix.lower(),
        "key_converter": "org.apache.kafka.connect.storage.StringConverter",
        "value_converter": JSON,
        "value_converter_schemas_enable": "false",
        "transforms": "shout",
        "transforms_shout_type": "Shout",
    }

    def published():
        found = read_committed(kafka.url, topic)
        return [(each.key, json.loads(each.value or b"")["after"]["name"]) for each in found]

    worker.start()
    try:
        worker.put("people", **config)
        until(lambda: worker.states("people") == ["RUNNING", "FAILED"], "the failure")
        assert 'table public.person with key {"id":2}' in worker.trace("people")
        assert "a bad name" in worker.trace("people")
        assert published() == []
        letter = {"errors_tolerance": "all", "errors_deadletterqueue_topic_name": dead}
        worker.put("people", **config, **letter, errors_deadletterqueue_context_headers_enable="true")
        until(lambda: len(published()) == 2, f"the good rows; it printed:\n{worker.output}")
        database.execute("insert into person values (4, 'dan')")
        until(lambda: len(published()) == 3, "the row of the stream")
        assert published() == [(b"Struct{id=1}", "ANN"), (b"Struct{id=3}", "CID"), (b"Struct{id=4}", "DAN")]
        ((key, value, told),) = letters(kafka.url, dead)
        assert (key, value["after"]) == ({"id": 2}, {"id": 2, "name": "bad"})
        assert (told["stage"], told["class.name"]) == ("TRANSFORMATION", "shouting.Shout")
    finally:
        worker.kill()
