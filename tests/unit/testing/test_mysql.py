"""Which MySQL and MariaDB are started: where their programs come from, and what is prepared once for all."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from cdc.testing.servers import MariaDbServer, MySqlServer, ServerError, choice, docker, mysql_programs
from cdc.testing.servers.cache import cache_folder
from cdc.testing.servers.mysql_programs import MARIADB, MYSQL

#: Runs as the loader: it is handed a library path, the program and its arguments, and shows or does what the server would.
LOADER = """\
#!/bin/sh
echo "$@" >> "$(dirname "$0")/../../asked"
case "$*" in *--version) echo "mysqld  Ver 9.7.4-2 for Linux on x86_64" ;; esac
case "$*" in *--bootstrap*) cat > "$(dirname "$0")/../../fed" ;; esac
"""


def packages(target: Path, loader: str = LOADER) -> None:
    """Fill the folder as the packages would, with scripts for programs."""
    names = ("usr/sbin/mysqld", "usr/sbin/mariadbd", "usr/bin/mariadb", *(f"usr/bin/{name}" for name in MYSQL.clients))
    for name in names:
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        (target / name).touch()
    place = target / "lib" / "some-linux-gnu" / "ld-linux-some.so.1"
    place.parent.mkdir(parents=True)
    place.write_text(loader)
    place.chmod(0o755)
    share = target / "usr" / "share" / "mysql"
    share.mkdir(parents=True)
    for table in MARIADB.tables:
        (share / table).write_text(f"-- {table}\n")


@pytest.fixture
def fetched(tmp_path, monkeypatch) -> list[tuple[str, tuple[str, ...]]]:
    """The suites and packages that Debian was asked for, which is a stand-in here; the cache is the test's own."""
    asked: list[tuple[str, tuple[str, ...]]] = []

    def unpack_packages(names: tuple[str, ...], suite: str, target: Path, _what: str) -> None:
        asked.append((suite, names))
        packages(target)

    monkeypatch.setenv("CDC_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(mysql_programs, "unpack_packages", unpack_packages)
    return asked


def test_programs_are_fetched_once_for_all_who_start(fetched, capsys):
    with ThreadPoolExecutor() as pool:
        found = set(pool.map(lambda _: MYSQL.installation(), range(8)))
    assert fetched == [("sid", ("mysql-server-core", "mysql-client-core"))]
    assert found == {cache_folder() / "mysql-9.7"}
    assert sorted(path.name for path in found.pop().iterdir()) == ["bin", "data", "release", "root"]
    assert "fetching MySQL 9.7" in capsys.readouterr().err


def test_the_release_is_what_the_server_says(fetched):
    assert MYSQL.release() == choice.VERSION["mysql"]() == "9.7", "nothing is fetched to ask"
    assert fetched == []
    MYSQL.installation()
    assert MYSQL.release() == "9.7.4"


@pytest.mark.usefixtures("fetched")
def test_programs_run_with_their_own_libraries():
    root = MYSQL.installation() / "root"
    *_, version = (root / "asked").read_text().splitlines()
    unfinished = root.parent.with_name("mysql-9.7.unfinished") / "root"
    libraries = f"{unfinished}/usr/lib/some-linux-gnu:{unfinished}/lib/some-linux-gnu"
    assert version == f"--library-path {libraries} {unfinished}/usr/sbin/mysqld --no-defaults --version"


@pytest.mark.usefixtures("fetched")
def test_the_system_tables_of_mariadb_are_fed_to_its_server():
    fed = (MARIADB.installation() / "root" / "fed").read_text().splitlines()
    assert fed[:3] == ["create database mysql;", "use mysql;", "set @auth_root_socket = null;"]
    assert fed[3:] == [f"-- {table}" for table in MARIADB.tables]


def test_an_installation_that_was_interrupted_is_done_again(fetched, monkeypatch):
    def fail(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr(mysql_programs, "write_scripts", fail)
        with pytest.raises(KeyboardInterrupt):
            MYSQL.installation()
    assert not (cache_folder() / "mysql-9.7").exists()
    MYSQL.installation()
    assert len(fetched) == 2


def test_a_server_that_cannot_make_its_data_is_reported_with_its_words(fetched, monkeypatch):
    refusing = "#!/bin/sh\necho 'Cannot allocate memory' >&2\nexit 3\n"
    monkeypatch.setattr(mysql_programs, "unpack_packages", lambda _n, _s, target, _w: packages(target, refusing))
    with pytest.raises(ServerError, match=r"mysqld of MySQL 9.7 failed with 3:\nCannot allocate memory"):
        MYSQL.installation()


@pytest.mark.usefixtures("fetched")
def test_packages_without_the_server_are_reported():
    with pytest.raises(ServerError, match="the packages have no usr/\\*bin/no-such-server"):
        replace(MYSQL, server="no-such-server").installation()


@pytest.mark.usefixtures("fetched")
@pytest.mark.parametrize("kind", [MySqlServer, MariaDbServer])
def test_each_server_has_a_copy_of_the_data_without_an_identity(kind, monkeypatch, tmp_path):
    template = kind.programs.installation() / "data"
    (template / "auto.cnf").write_text("[auto]\nserver-uuid=1\n")
    (template / "ibdata1").write_text("pages")
    server = kind(options={"skip-log-bin": None, "sync-binlog": "1"})
    server._folder = tmp_path
    server._prepare()
    assert [path.name for path in server.data.iterdir()] == ["ibdata1"]
    lines = (tmp_path / "server.cnf").read_text().splitlines()
    assert {"skip-log-bin", "sync-binlog = 1", f"port = {server.port}", f"datadir = {server.data}"} < set(lines)
    assert "sync-binlog = 0" not in lines


@pytest.mark.parametrize(("name", "image"), [("mysql", "mysql:9.7"), ("mariadb", "mariadb:10.11")])
def test_containers_are_of_the_same_series(monkeypatch, name, image):
    monkeypatch.setenv("CDC_SERVICES", "docker")
    assert choice.version(name) == docker.image(name).image == image
    assert choice.create(name).name == name
