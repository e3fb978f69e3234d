"""`cdc-stream deadletters`: what it understands, and how it shows what letters hold."""

from __future__ import annotations

import sys
from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from cdc.cli.app import main
from cdc.cli.connection import kafka_settings
from cdc.cli.letters.listing import Row, table
from cdc.cli.letters.putting_back import Account
from cdc.cli.letters.view import describe
from cdc.cli.letters.wording import one_line, show_bytes, show_time
from cdc.config.definition import InvalidConfig
from cdc.connect.dead_letter_reader import Letter
from cdc.connect.replaying import Fate, NotReplayable, Outcome
from cdc.errors import ConfigError
from cdc.kafka.consumer import ConsumedRecord
from cdc.kafka.replays import Note


def letter(*headers, at=17, **errors):
    told = tuple((f"__connect.errors.{name.replace('_', '.')}", text.encode()) for name, text in errors.items())
    return Letter.of(ConsumedRecord("dlq", 0, at, 0, b"k", b"v", (*headers, *told)))


FAILED = letter(
    topic="orders",
    partition="2",
    offset="5",
    connector_name="copy",
    task_id="1",
    stage="VALUE_CONVERTER",
    exception_class_name="org.apache.kafka.connect.errors.DataException",
    exception_message="[red]no\x1b[31m JSON\tat all\nline 2",
    exception_stacktrace="DataException: no JSON\n\tat here",
)


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (None, "null"),
        (b"", ""),
        ("zwölf\n".encode(), "zwölf\n"),
        (b"\xff\x00\x10", "hex ff 00 10"),
        (b'{"a":[1,2.5]}', '{\n  "a": [\n    1,\n    2.5\n  ]\n}'),
        (b'{"a":1.10}', '{"a":1.10}'),
        (b'{"a":1,"a":2}', '{"a":1,"a":2}'),
        (b'{"a":', '{"a":'),
        (b"[" * 100_000, "[" * 100_000),
        (b"a\x1b[2J\x07\xc2\x9b", "a\\x1b[2J\\x07\\x9b"),
    ],
)
def test_bytes_are_shown_as_the_text_that_they_are(data, text):
    assert show_bytes(data) == text


def test_json_is_laid_out_without_control_characters():
    assert show_bytes(b'{"a":"\xc2\x9b"}') == '{\n  "a": "\\x9b"\n}'


def test_times_are_in_utc():
    assert show_time(1_700_000_000_123) == "2023-11-14T22:13:20.123Z"
    assert show_time(-1) == ""


def test_one_line_has_no_tabs():
    assert one_line("a\tb\n c\x1b") == "a b c\\x1b"


def test_a_row_says_where_a_letter_came_from_and_what_failed():
    assert Row.of(FAILED, Note("orders", 0, "")).cells == (
        "0:17",
        "1970-01-01T00:00:00.000Z",
        "copy",
        "1",
        "orders-2@5",
        "VALUE_CONVERTER",
        "DataException: [red]no\\x1b[31m JSON at all",
        "1970-01-01T00:00:00.000Z to orders",
    )


def test_a_row_of_a_letter_without_headers_says_what_there_is():
    row = Row.of(letter(), None)
    assert row.cells == ("0:17", "1970-01-01T00:00:00.000Z", *("-",) * 6)
    assert [name for name, value in row.document.items() if value is not None] == ["partition", "offset", "time"]


def test_a_table_takes_what_letters_hold_as_text():
    screen = StringIO()
    console = Console(file=screen, width=250, force_terminal=True, color_system=None)
    console.print(table([Row.of(FAILED, None)]))
    head, row = screen.getvalue().splitlines()
    assert head.split() == ["letter", "time", "connector", "task", "origin", "stage", "error", "put", "back"]
    assert "DataException: [red]no\\x1b[31m JSON at all" in row


def test_the_view_has_everything_of_a_letter():
    own: Any = (("trace", b"1"), ("trace", None))
    record = ConsumedRecord("dlq", 0, 17, 0, None, b"\xff", (*own, *FAILED.record.headers))
    assert list(describe(Letter.of(record), None)) == [
        "letter 0:17 of topic dlq",
        "  time: 1970-01-01T00:00:00.000Z",
        "  origin: orders-2@5",
        "  put back: no",
        "  key: null",
        "  value: hex ff",
        "  header trace: 1",
        "  header trace: null",
        "  error topic: orders",
        "  error partition: 2",
        "  error offset: 5",
        "  error connector.name: copy",
        "  error task.id: 1",
        "  error stage: VALUE_CONVERTER",
        "  error exception.class.name: org.apache.kafka.connect.errors.DataException",
        "  error exception.message:",
        "    [red]no\\x1b[31m JSON\tat all",
        "    line 2",
        "  stack trace:",
        "    DataException: no JSON",
        "    \tat here",
    ]


def test_the_sum_names_the_first_letter_that_cannot_be_put_back(capsys):
    account = Account(dry_run=False)
    for number in (3, 4):
        error = NotReplayable(f"reason {number}", "Do something.")
        account.enter(Outcome(letter(at=number), Fate.REFUSED, error=error))
    account.enter(Outcome(letter(at=5), Fate.BEFORE))
    with pytest.raises(NotReplayable) as caught:
        account.close()
    assert caught.value.sentence() == ("2 of 3 letters cannot be put back; the first is 0:3: reason 3. Do something.")
    assert capsys.readouterr().out.splitlines() == [
        "0:3 cannot be put back: reason 3",
        "0:4 cannot be put back: reason 4",
        "0:5 put back before",
        "0 put back, 1 put back before (--again does it once more), 2 cannot be put back",
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["replay", "dlq"], "No letter is named. Give PARTITION:OFFSET"),
        (["replay", "dlq", "0:1", "--all"], "--all and 0:1 are both given."),
        (["replay", "dlq", "0:1", "--stage", "TASK_PUT"], "--connector and --stage do not go with 0:1."),
        (["replay", "dlq", "0:1", "17"], "'17' is not the place of a letter. Give PARTITION:OFFSET, as in 0:17."),
        (["show", "dlq", "0:-1"], "'0:-1' is not the place of a letter."),
        (["list", "dlq", "--config", "no-such-file"], "no-such-file does not exist."),
    ],
)
def test_a_command_line_that_cannot_be_used_is_one_sentence_and_code_2(arguments, message, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["cdc-stream", "deadletters", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    printed = capsys.readouterr()
    assert ended.value.code == 2
    assert printed.out == ""
    assert printed.err.startswith(f"cdc-stream: {message}")
    assert printed.err.count("\n") == 1


def test_a_workers_file_says_where_kafka_is_whatever_else_it_holds(tmp_path, monkeypatch):
    monkeypatch.setenv("BROKER_PASSWORD", "s3cret")
    file = tmp_path / "worker.properties"
    file.write_text(
        "bootstrap.servers=broker:9093\n"
        "key.converter=no.such.Converter\n"
        "database.password=${env:NOT_SET}\n"
        "security.protocol=SASL_SSL\nsasl.mechanism=SCRAM-SHA-512\nsasl.username=ann\n"
        "sasl.password=${env:BROKER_PASSWORD}\n"
    )
    found = kafka_settings("deadletters", file, None)
    assert found.bootstrap_servers == ("broker:9093",)
    assert found.transactional_id == "cdcstream-deadletters"
    assert (found.security.mechanism, found.security.username) == ("SCRAM-SHA-512", "ann")
    assert found.security.password.reveal() == "s3cret"
    assert kafka_settings("deadletters", file, "other:1,other:2").bootstrap_servers == ("other:1", "other:2")


def test_a_connectors_json_says_it_too(tmp_path):
    file = tmp_path / "shop.json"
    file.write_text('{"name": "shop", "config": {"bootstrap.servers": "broker:9093", "slot.name": "shop"}}')
    assert kafka_settings("deadletters", file, None).bootstrap_servers == ("broker:9093",)


def test_a_value_about_kafka_that_cannot_be_used_is_an_error(tmp_path):
    file = tmp_path / "client.properties"
    file.write_text("bootstrap.servers=broker\n")
    with pytest.raises(InvalidConfig, match="'broker', which is not host:port"):
        kafka_settings("deadletters", file, None)
    file.write_text("config.providers=vault\n")
    with pytest.raises(ConfigError, match=r"config\.providers\.vault\.class is not set"):
        kafka_settings("deadletters", file, None)
