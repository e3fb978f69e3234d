"""Connections to real servers: logging in, encryption, statements, and what is refused."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from uuid import uuid4

import pytest

from cdc.config.mysql_settings import TlsMode
from cdc.config.secret import Secret
from cdc.errors import ConfigError, DecodeError, SourceRefused, SourceUnavailable
from cdc.sources.mysql.protocol.authentication import Proof
from cdc.sources.mysql.protocol.connection import Connection, identifier, literal
from cdc.sources.mysql.protocol.endpoint import Compression, Endpoint, Tls
from cdc.sources.mysql.protocol.server_errors import ServerRefused
from cdc.testing.servers import Address, MySqlServer
from cdc.testing.servers.certificates import Certificates, issue, make_authority
from cdc.testing.servers.process import free_port
from tests.support.binlog import endpoint
from tests.support.mysql_database import MySqlDatabase
from tests.support.proxy import Proxy

PASSWORD = "пароль with 'quotes' and \\ that is longer than one nonce"


@pytest.fixture
def user(mysql_database: MySqlDatabase) -> Iterator[str]:
    """A name for a user that the test creates; the server never saw it, so its cache of passwords is cold."""
    name = f"u_{uuid4().hex[:12]}"
    yield name
    mysql_database.execute(f"drop user if exists {name}")


@pytest.fixture(params=["mysql_database", "mariadb_database"])
def database(request: pytest.FixtureRequest) -> MySqlDatabase:
    found = request.getfixturevalue(request.param)
    assert isinstance(found, MySqlDatabase)
    return found


async def who(where: Endpoint) -> str | None:
    async with await Connection.open(where) as connection:
        ((name,),) = await connection.texts("select current_user()")
        return name


def tls(mode: str, authority: object = "", certificate: object = "", key: object = "") -> Tls:
    return Tls(TlsMode(mode), str(authority), str(certificate), str(key))


@pytest.mark.parametrize("password", ["", PASSWORD])
@pytest.mark.parametrize("method", ["caching_sha2_password", "sha256_password"])
async def test_every_method_of_mysql_lets_us_in_with_and_without_tls(mysql_database, user, method, password):
    mysql_database.execute(f"create user {user} identified with {method} by %s", password)
    for mode in ("disabled", "disabled", "required"):
        where = endpoint(mysql_database, user=user, password=Secret(password), tls=tls(mode))
        assert await who(where) == f"{user}@%"


@pytest.mark.parametrize("mode", ["disabled", "required"])
async def test_the_second_login_is_the_fast_one(mysql_database, user, monkeypatch, mode):
    full: list[str] = []
    prove = Proof._prove_in_full

    async def proved(self: Proof, channel: object) -> None:
        full.append(self.method)
        await prove(self, channel)  # type: ignore[arg-type]

    monkeypatch.setattr(Proof, "_prove_in_full", proved)
    mysql_database.execute(f"create user {user} identified with caching_sha2_password by 'secret'")
    for _ in range(3):
        await who(endpoint(mysql_database, user=user, password=Secret("secret"), tls=tls(mode)))
    assert full == ["caching_sha2_password"]


@pytest.mark.parametrize("password", ["", "secret", PASSWORD])
async def test_mariadb_lets_us_in_by_its_native_method(mariadb_database, password):
    name = f"u_{uuid4().hex[:12]}"
    mariadb_database.execute(f"create user {name} identified by %s", password)
    try:
        assert await who(endpoint(mariadb_database, user=name, password=Secret(password))) == f"{name}@%"
    finally:
        mariadb_database.execute(f"drop user {name}")


@pytest.mark.parametrize("mode", ["disabled", "required"])
async def test_a_wrong_password_is_refused_with_the_remedy_and_not_shown(mysql_database, user, mode):
    mysql_database.execute(f"create user {user} identified by 'right'")
    with pytest.raises(ServerRefused, match=f"Access denied for user '{user}'") as caught:
        await who(endpoint(mysql_database, user=user, password=Secret("wrong-word"), tls=tls(mode)))
    assert "database.password" in caught.value.remedy
    assert caught.value.code == 1045
    assert caught.value.state == "28000"
    assert not caught.value.retriable
    assert "wrong-word" not in caught.value.sentence()


async def test_what_cannot_be_reached_is_told_with_the_remedy(mysql):
    with pytest.raises(SourceUnavailable) as caught:
        await who(endpoint(mysql, port=free_port()))
    assert "database.port" in caught.value.remedy
    with pytest.raises(SourceUnavailable) as caught:
        await who(endpoint(mysql, host="no-such-host.invalid"))
    assert "database.hostname" in caught.value.remedy


async def test_a_server_that_never_greets_is_given_up_after_the_time():
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        where = Endpoint("127.0.0.1", silent.getsockname()[1], "root", connect_timeout=0.2)
        with pytest.raises(SourceUnavailable, match=r"within 0\.2 seconds"):
            await Connection.open(where)


async def test_a_server_that_is_none_of_mysql_is_told(database):
    async def chat(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n" + bytes(0x505454))
        writer.close()

    async with await asyncio.start_server(chat, "127.0.0.1", 0) as server:
        where = Endpoint("127.0.0.1", server.sockets[0].getsockname()[1], "root")
        with pytest.raises((SourceUnavailable, DecodeError), match=r"closed the connection|a packet has number"):
            await Connection.open(where)


async def test_a_database_that_does_not_exist_is_named(database):
    with pytest.raises(ServerRefused, match="nowhere") as caught:
        await who(endpoint(database, database="nowhere"))
    assert caught.value.code == 1049
    async with await Connection.open(endpoint(database, database=database.name)) as connection:
        assert await connection.texts("select database()") == [(database.name,)]


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    folder = tmp_path_factory.mktemp("authority")
    make_authority(folder)
    return issue(folder, "server")


@pytest.fixture(scope="module")
def certified(certificates: Certificates) -> Iterator[Address]:
    with MySqlServer(certificates=certificates) as server:
        yield server.address


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An authority that has signed nothing."""
    folder = tmp_path_factory.mktemp("stranger")
    make_authority(folder)
    return folder / "ca.crt"


@pytest.mark.parametrize("mode", ["preferred", "required", "verify_ca", "verify_identity"])
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_every_mode_encrypts_with_a_server_that_is_what_it_says(certified, certificates, mode, host):
    where = endpoint(certified, host=host, tls=tls(mode, certificates.authority))
    async with await Connection.open(where) as connection:
        ((_, cipher),) = await connection.texts("show session status like 'Ssl_cipher'")
        assert cipher


async def test_no_encryption_is_no_encryption(certified):
    async with await Connection.open(endpoint(certified, tls=tls("disabled"))) as connection:
        assert await connection.texts("show session status like 'Ssl_cipher'") == [("Ssl_cipher", "")]


@pytest.mark.parametrize("mode", ["verify_ca", "verify_identity"])
async def test_a_server_of_another_authority_is_refused(certified, stranger, mode):
    with pytest.raises(SourceRefused, match="certificate verify failed") as caught:
        await who(endpoint(certified, tls=tls(mode, stranger)))
    assert "database.ssl.mode" in caught.value.remedy
    assert await who(endpoint(certified, tls=tls("required", stranger)))


async def test_a_server_of_another_name_is_refused_where_the_name_counts():
    with MySqlServer() as server:  # with certificates that it made for itself
        authority = server.data / "ca.pem"
        assert await who(endpoint(server.address, tls=tls("verify_ca", authority))) == "root@localhost"
        with pytest.raises(SourceRefused, match=r"127\.0\.0\.1"):
            await who(endpoint(server.address, tls=tls("verify_identity", authority)))


async def test_a_user_who_must_show_a_certificate_shows_it(certified, certificates):
    client = issue(certificates.authority.parent, "client")
    async with await Connection.open(endpoint(certified)) as connection:
        await connection.execute("create user careful require x509")
    shown = tls("verify_ca", certificates.authority, client.certificate, client.key)
    assert await who(endpoint(certified, user="careful", tls=shown))
    with pytest.raises(ServerRefused, match="Access denied"):
        await who(endpoint(certified, user="careful", tls=tls("verify_ca", certificates.authority)))


@pytest.mark.parametrize("files", [{"authority": "/no/such.pem"}, {"certificate": __file__}])
async def test_a_file_that_is_no_certificate_is_named(certified, files):
    with pytest.raises(ConfigError, match=next(iter(files.values()))):
        await who(endpoint(certified, tls=Tls(TlsMode.REQUIRED, **files)))


async def test_a_server_without_tls_is_refused_where_it_is_required(mariadb):
    assert await who(endpoint(mariadb, tls=tls("preferred")))
    with pytest.raises(SourceRefused, match="no TLS") as caught:
        await who(endpoint(mariadb, tls=tls("required")))
    assert "database.ssl.mode" in caught.value.remedy


@pytest.mark.parametrize(("kind", "mode"), [("zlib", "disabled"), ("zstd", "required")])
async def test_a_compressed_connection_carries_the_same(mysql_database, kind, mode):
    where = endpoint(mysql_database, compression=Compression(kind), tls=tls(mode), database=mysql_database.name)
    async with await Connection.open(where) as connection:
        ((_, used),) = await connection.texts("show session status like 'Compression_algorithm'")
        assert used == kind
        for size in (0, 1000, 17_000_000):
            result = await connection.query(f"select repeat('é', {size} / 2), {size}")
            assert result.rows == [("é".encode() * (size // 2), str(size).encode())]
        await connection.execute("create table t (a longtext)")
        assert await connection.execute(f"insert into t values ({literal('x' * 17_000_000)})") == 1
        assert await connection.texts("select length(a) from t") == [("17000000",)]


async def test_a_compression_that_the_server_lacks_is_refused(mariadb):
    with pytest.raises(SourceRefused, match="zstd"):
        await who(endpoint(mariadb, compression=Compression.ZSTD))
    assert await who(endpoint(mariadb, compression=Compression.ZLIB))


async def test_values_come_as_the_server_writes_them(database):
    async with await Connection.open(endpoint(database)) as connection:
        result = await connection.query("select 1 as one, null, 'é😀', x'00ff', '', 1.50, cast('2020-01-01' as date)")
    assert result.rows == [(b"1", None, "é😀".encode(), b"\0\xff", b"", b"1.50", b"2020-01-01")]
    assert [column.name for column in result.columns[:2]] == ["one", "NULL"]


TEXTS = ["", "a'b", "a\\b", "\\'", '"', "`", "é😀", "\0", "a\nb\r\x1a", "%s", "''", "\\"]


@pytest.mark.parametrize("mode", ["", "no_backslash_escapes", "ansi_quotes"])
async def test_what_is_quoted_comes_back_in_every_sql_mode(database, mode):
    async with await Connection.open(endpoint(database)) as connection:
        await connection.execute(f"set sql_mode = '{mode}'")
        for text in TEXTS:
            assert await connection.texts(f"select {literal(text)}") == [(text,)]
        for name in ("a b", "a`b", "select", "é", "a.b"):
            result = await connection.query(f"select 1 as {identifier(name)}")
            assert result.columns[0].name == name


async def test_a_refused_statement_tells_number_and_state_and_the_connection_goes_on(database):
    async with await Connection.open(endpoint(database)) as connection:
        with pytest.raises(ServerRefused, match="error 1146, SQLSTATE 42S02") as caught:
            await connection.query(f"select * from {database.name}.missing")
        assert (caught.value.code, caught.value.state) == (1146, "42S02")
        await connection.ping()
        assert await connection.texts("select 1") == [("1",)]


SERIES = (
    "with recursive s (n) as (select 1 union all select n + 1 from s where n < 100000) select n, repeat('x', 50) from s"
)


async def test_rows_are_handed_over_as_they_come(database):
    async with await Connection.open(endpoint(database)) as connection:
        await connection.execute(
            f"set session {'max_recursive_iterations' if connection.mariadb else 'cte_max_recursion_depth'} = 1000000"
        )
        async with connection.rows(SERIES) as rows:
            packets = [packet for batch in [batch async for batch in batches(rows)] for packet in batch]
        assert len(packets) == 100_000
        assert packets[41] == b"\x0242\x32" + b"x" * 50
        assert await connection.texts("select 1") == [("1",)]


async def batches(rows):
    while batch := await rows.read():
        yield batch


async def test_an_error_in_the_middle_of_rows_is_told(mysql_database):
    async with await Connection.open(endpoint(mysql_database)) as connection:
        with pytest.raises(ServerRefused, match="Recursive query aborted"):
            await connection.query(SERIES)
        assert await connection.texts("select 1") == [("1",)]


async def test_rows_that_are_not_read_to_the_end_end_the_connection(database):
    async with await Connection.open(endpoint(database)) as connection:
        async with connection.rows("select * from information_schema.collations") as rows:
            pass
        assert not rows.ended
        with pytest.raises(SourceUnavailable, match="not read to its end"):
            await connection.query("select 1")


async def test_a_cancelled_statement_ends_the_connection(database):
    async with await Connection.open(endpoint(database)) as connection:
        task = asyncio.create_task(connection.query("select sleep(60)"))
        while not database.execute(
            "select 1 from information_schema.processlist where id = %s and info like '%%sleep(60)%%'",
            connection.thread,
        ):
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        with pytest.raises(SourceUnavailable, match="not read to its end"):
            await connection.query("select 1")


async def test_a_killed_connection_is_unavailable(database):
    async with await Connection.open(endpoint(database)) as connection:
        await database.run("kill %s", connection.thread)
        with pytest.raises(SourceUnavailable):
            await connection.query("select 1")


async def test_a_server_that_falls_silent_is_given_up_after_the_time(mysql):
    async with Proxy(mysql.host, mysql.port) as proxy:
        where = endpoint(mysql, host=proxy.host, port=proxy.port, read_timeout=0.3)
        async with await Connection.open(where) as connection:
            proxy.stall()
            with pytest.raises(SourceUnavailable, match=r"nothing arrived for 0\.3 seconds"):
                await connection.ping()


async def test_the_server_shows_our_name(mysql_database):
    async with await Connection.open(endpoint(mysql_database, program="orders")) as connection:
        assert await connection.texts(
            "select attr_value from performance_schema.session_connect_attrs"
            " where processlist_id = connection_id() and attr_name = 'program_name'"
        ) == [("orders",)]
