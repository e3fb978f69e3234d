"""Damaged conversations with a MySQL server: logins, answers to statements, and statements of its log; see `test_fuzz`."""

from __future__ import annotations

from contextlib import suppress
from random import Random

import pytest

from cdc.config.filters import TableFilter
from cdc.errors import CdcError
from cdc.sources.mysql.binlog.query_event import Query
from cdc.sources.mysql.binlog.xa import xa_statement
from cdc.sources.mysql.ddl.definitions import CharsetChoice, Definitions
from cdc.sources.mysql.ddl.statements import DdlSession, apply_ddl
from cdc.sources.mysql.protocol.connection import Connection
from cdc.sources.mysql.protocol.handshake import Greeting, read_greeting, shake_hands
from cdc.sources.mysql.stream.statement_format import check_loggable
from tests.support.fuzzing import INPUTS, SEED, Damage, counted, survives
from tests.support.mysql_conversations import ENDPOINT, answers, channel_of, finished, greeting, logins
from tests.support.mysql_ddl import RandomDdl

pytestmark = [pytest.mark.reliability, pytest.mark.timeout(0)]


def spoiled(whole: list[bytes], damage: Damage) -> list[bytes]:
    """Damage a packet or two, leave one out, or send one twice."""
    sent, random = list(whole), damage.random
    for _ in range(random.choice((1, 1, 2))):
        place, how = random.randrange(len(sent)), random.random()
        if how < 0.8:
            sent[place] = damage.of(sent[place])
        elif how < 0.9:
            sent[place] = damage.any()
        else:
            sent[place : place + random.randrange(2)] = [random.choice(sent)]
    return sent


async def test_logins(capsys):
    """One login in fifty is by the method that takes long."""
    wholes = logins()
    damage = Damage([packet for whole in wholes for packet in whole], "logins")
    for whole in wholes:
        encrypted = b"mysql_clear_password" in b"".join(whole)
        finished(shake_hands(channel_of(whole, encrypted=encrypted), ENDPOINT))

    def one() -> bool:
        random = damage.random
        whole = wholes[-1] if random.random() < 0.02 else random.choice(wholes[:-1])
        sent, encrypted = spoiled(whole, damage), random.random() < 0.3
        return survives(lambda: finished(shake_hands(channel_of(sent, encrypted=encrypted), ENDPOINT)), sent)

    counted("logins", one, capsys, INPUTS // 2)


async def test_answers(capsys):
    wholes, hello = answers(), read_greeting(greeting("mysql_native_password"), "it")
    damage = Damage([packet for whole in wholes for packet in whole], "answers")
    for whole in wholes[:3]:
        ask(whole, hello, executes=False)

    def one() -> bool:
        sent, executes = spoiled(damage.random.choice(wholes), damage), damage.random.random() < 0.2
        return survives(lambda: ask(sent, hello, executes=executes), sent)

    counted("answers", one, capsys)


def ask(sent: list[bytes], hello: Greeting, *, executes: bool) -> None:
    connection = Connection(channel_of(sent), ENDPOINT, hello)
    if executes:
        finished(connection.execute("select 1"))
    else:
        finished(connection.texts("select 1"))


OTHERS = [
    "XA COMMIT X'6162',X'63',7",
    "xa rollback 'a','b'",
    "/* a */ /* b */ INSERT LOW_PRIORITY INTO `a``b` . c VALUES (1)",
    "delete quick from `t` where 1",
    "LOAD DATA INFILE 'x' INTO TABLE t",
    "SET @@session.sql_mode = 'ANSI_QUOTES', NAMES utf8mb4",
    "CREATE TABLE x (a INT DEFAULT ((((1))))) PARTITION BY HASH (a) PARTITIONS 4 AS SELECT 1",
]


@pytest.mark.parametrize("mariadb", [False, True])
def test_statements(mariadb, capsys):
    """Damages statements about tables that change now and then, and others."""
    random = Random(f"{SEED} {mariadb}")
    tables = Definitions(mariadb=mariadb).with_database("d", CharsetChoice("utf8mb4"))
    source, session, chosen = RandomDdl(random, mariadb=mariadb), DdlSession(database="d"), TableFilter()
    damage = Damage([each.encode() for each in OTHERS], f"statements {mariadb}")

    def read(text: bytes) -> Definitions:
        query = Query(text, "d", 1, 0)
        check_loggable(query, chosen, "it")
        return (
            tables if xa_statement(query) else apply_ddl(tables, text.decode("utf-8", "replace"), session).definitions
        )

    def one() -> bool:
        nonlocal tables
        if random.random() < 0.05:
            with suppress(CdcError):
                tables = read(source.statement(tables, "d").encode())
        whole = source.statement(tables, "d") if random.random() < 0.8 else random.choice(OTHERS)
        text = damage.of(whole.encode())
        return survives(lambda: read(text), [text])

    counted("statements", one, capsys, INPUTS // 4)
