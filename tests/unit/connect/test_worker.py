"""A worker and its PostgreSQL connectors: what is checked of transforms, converters and the error policy."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from cdc.config.worker import WorkerSettings
from cdc.connect.aliases import Kind
from cdc.connect.herder import RequestError
from cdc.connect.plugins import Plugins
from cdc.connect.worker import Worker
from cdc.errors import ConfigError
from tests.unit.config.minimal import MINIMAL

SETTINGS = {"bootstrap.servers": "localhost:1", "offset.storage.topic": "offsets"}


@pytest.fixture
def worker():
    return Worker(WorkerSettings.from_raw(SETTINGS), Plugins.discover())


async def errors(worker, **given):
    config = {name: text for name, text in MINIMAL.items() if name != "bootstrap.servers"}
    config |= {name.replace("_", "."): text for name, text in given.items()}
    try:
        await worker.check(config["name"], config)
    except RequestError as error:
        return str(error)
    return ""


async def test_converters_and_the_error_policy_may_be_those_of_connect(worker):
    given = {
        "key_converter": "org.apache.kafka.connect.storage.StringConverter",
        "value_converter": "JsonConverter",
        "value_converter_schemas_enable": "false",
        "header_converter": "StringConverter",
        "errors_tolerance": "all",
        "errors_deadletterqueue_topic_name": "dead",
    }
    assert await errors(worker, **given) == ""


async def test_a_transform_or_converter_that_is_not_installed_is_refused_at_its_property(worker):
    assert "which name matches acme.Mask" in await errors(worker, transforms="a", transforms_a_type="acme.Mask")
    assert "which name matches acme.Csv" in await errors(worker, value_converter="acme.Csv")
    assert "is not supported yet" in await errors(worker, value_converter="io.confluent.connect.avro.AvroConverter")


async def test_a_mistake_in_a_converters_property_is_told_once(worker):
    said = await errors(worker, value_converter_schemas_enable="perhaps")
    assert "contains the following 1 error" in said


def connector_class(tasks, stopped):
    """Return a connector that divides its work into these tasks, and notes that it was stopped."""

    class Connector:
        task = object

        async def start(self, properties):
            pass

        async def task_configs(self, max_tasks):
            if isinstance(tasks, Exception):
                raise tasks
            return tasks

        async def stop(self):
            stopped.append(self)

    return Connector


@pytest.mark.parametrize(
    ("tasks", "words"),
    [
        ([{"file": "a"}, {"file": "b"}], "Connector files has generated 2 tasks, and tasks.max is 1"),
        ([{"port": 5432}], "gives its tasks a property 'port' that is no text but int"),
        ([{"port": None}], "gives its tasks a property 'port' that is no text but NoneType"),
        (ValueError("it cannot be divided"), "it cannot be divided"),
    ],
)
async def test_a_connector_that_divides_its_work_as_it_must_not_is_stopped_again(worker, monkeypatch, tasks, words):
    stopped: list[object] = []
    plugin = SimpleNamespace(
        class_name="acme.FilesConnector", kind=Kind.SOURCE, load=lambda: connector_class(tasks, stopped)
    )
    monkeypatch.setattr(worker, "_plugin", lambda config: plugin)
    with pytest.raises((ConfigError, ValueError), match=words):
        await worker.start_connector("files", {"tasks.max": "1"})
    assert len(stopped) == 1
