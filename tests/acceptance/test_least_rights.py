"""The rights that docs/howto/run.md asks for are enough: its statements, its configuration and its table of Kafka's operations."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

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
from tests.support.connector import Script, until
from tests.support.documents import ROOT
from tests.support.kafka_reader import read_committed

PAGE = (ROOT / "docs/howto/run.md").read_text()
SECRET = "correct-horse"
TABLES = "create table orders (id int primary key, total int); insert into orders values (1, 5);"
TOPIC = "shop.public.orders"
NAMES = {"cdcstream-<name>": "cdcstream-shop", "<topic.prefix>.<schema>.<table>": TOPIC}


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


def rights() -> Iterator[AclBinding]:
    """Yield what the page's table of operations says."""
    for kind, name, operations in re.findall(r"^\| (\w+)[^`|]*`([^`]+)`.*?\| ([^|]+) \|$", PAGE, re.MULTILINE):
        resource = ResourceType.TRANSACTIONAL_ID if kind == "transactional" else ResourceType.TOPIC
        for word in re.findall(r"`(\w+)`", operations):
            operation, named = AclOperation[word], NAMES.get(name, name)
            yield AclBinding(
                resource, named, ResourcePatternType.LITERAL, "User:cdc", "*", operation, AclPermissionType.ALLOW
            )


@pytest.fixture
def database() -> Iterator[PostgresServer]:
    with PostgresServer(hba=PASSWORDS) as server:
        server.execute("create database shop")
        server.execute(TABLES, "shop")
        for statement in blocks("sql"):
            server.execute(statement.replace("'…'", f"'{SECRET}'"), "shop")
        yield server


@pytest.fixture
def broker() -> Iterator[KafkaServer]:
    security = Security(protocol="SASL_PLAINTEXT", users={"cdc": SECRET}, authorizer=True)
    with KafkaServer(security=security) as server:
        admin = AdminClient({"bootstrap.servers": server.inner})
        granted = admin.create_acls(list(rights()))
        assert len(granted) == 9
        for done in granted.values():
            done.result(10)
        yield server


def published(broker: KafkaServer) -> list[bytes | None]:
    return [record.value for record in read_committed(broker.inner, TOPIC)]


def test_the_rights_of_the_page_are_enough(database: PostgresServer, broker: KafkaServer, tmp_path: Path, monkeypatch):
    monkeypatch.setenv("CDC_PASSWORD", SECRET)
    (shown,) = blocks("json")
    config = json.loads(shown)["config"] | {
        "name": "shop",
        "table.include.list": "public.orders",
        "database.hostname": database.address.host,
        "database.port": str(database.address.port),
        "bootstrap.servers": broker.address.url,
        "security.protocol": "SASL_PLAINTEXT",
        "sasl.mechanism": "SCRAM-SHA-256",
        "sasl.username": "cdc",
        "sasl.password": "${env:CDC_PASSWORD}",
        "value.converter.schemas.enable": "false",
    }
    connector = Script(tmp_path, config)
    connector.start()
    try:
        until(lambda: len(published(broker)) == 1, "publishing the snapshot")
        assert connector.terminate(5) == 0
        database.execute("update orders set total = 6; delete from orders", "shop")
        connector.start()
        until(lambda: len(published(broker)) == 4, "publishing the changes")
        assert connector.terminate(5) == 0
    finally:
        connector.kill()
    assert [json.loads(value)["op"] if value else "" for value in published(broker)] == ["r", "u", "d", ""]
    assert SECRET not in connector.everything
