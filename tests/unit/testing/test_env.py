"""`python -m cdc.testing env`: what a shell learns of the servers that were left running."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from cdc.testing.__main__ import main
from cdc.testing.servers import Address


@pytest.fixture
def standing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with the records of servers that one idle process stands for."""
    monkeypatch.setenv("CDC_STANDING", str(tmp_path))
    with subprocess.Popen([sys.executable, "-c", "input()", str(tmp_path)], stdin=subprocess.PIPE) as process:
        for address in (
            Address(name="postgres", port=15432, user="postgres", url="postgresql://127.0.0.1:15432"),
            Address(name="kafka", port=19092, url="127.0.0.1:19092"),
            Address(name="mysql", port=13306, user="root", url="mysql://root@127.0.0.1:13306"),
            Address(name="mariadb", port=13307, user="root", url="mysql://root@127.0.0.1:13307"),
        ):
            running = replace(address, pid=process.pid, data=str(tmp_path / "data"))
            (tmp_path / f"standing-{address.name}.json").write_text(running.line())
        yield tmp_path
        process.kill()


def shell(exports: str, command: str) -> list[str]:
    done = subprocess.run(["bash", "-euc", f"{exports}\n{command}"], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


@pytest.mark.usefixtures("standing")
def test_a_shell_knows_the_servers_and_finds_psql(capsys):
    assert main(["env"]) == 0
    *variables, psql = shell(capsys.readouterr().out, "echo $PGHOST; echo $PGPORT; echo $PGUSER; echo $KAFKA; psql -V")
    assert variables == ["127.0.0.1", "15432", "postgres", "127.0.0.1:19092"]
    assert psql.startswith("psql (PostgreSQL) ")


@pytest.mark.usefixtures("standing")
def test_clients_of_mysql_are_found_and_know_the_server(capsys):
    assert main(["env", "mysql", "mariadb"]) == 0
    asked = "echo $MYSQL; echo $MARIADB; echo $MYSQL_HOST; echo $MYSQL_TCP_PORT; mysql --version"
    *variables, version = shell(capsys.readouterr().out, asked)
    assert variables == ["mysql://root@127.0.0.1:13306", "mysql://root@127.0.0.1:13307", "127.0.0.1", "13306"]
    assert "Ver 9.7" in version


@pytest.mark.usefixtures("standing")
def test_servers_can_be_named(capsys):
    assert main(["env", "kafka"]) == 0
    assert capsys.readouterr().out == "export KAFKA=127.0.0.1:19092\n"


def test_what_runs_is_shown_although_another_does_not(standing, capsys):
    (standing / "standing-kafka.json").unlink()
    assert main(["env"]) == 0
    assert "KAFKA" not in capsys.readouterr().out


def test_without_servers_it_says_how_to_start_them(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("CDC_STANDING", str(tmp_path))
    assert main(["env"]) == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "no server runs" in shown.err
    assert "python -m cdc.testing up" in shown.err
