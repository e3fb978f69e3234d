"""`python -m cdc.testing up` leaves servers running, once each, until `down`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pymysql
import pytest

from cdc.testing.servers.process import alive


@pytest.fixture
def standing(tmp_path, monkeypatch) -> Iterator[Path]:
    """A folder for records of its own, so that the person's own standing servers are left alone."""
    monkeypatch.setenv("CDC_STANDING", str(tmp_path))
    yield tmp_path
    run("down")


def run(*arguments: str) -> list[dict[str, Any]]:
    command = [sys.executable, "-m", "cdc.testing", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ)
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.usefixtures("standing")
def test_up_starts_once_and_down_leaves_nothing():
    postgres, kafka = run("up", "postgres", "kafka")
    assert (postgres["name"], kafka["name"]) == ("postgres", "kafka")
    with closing(psycopg.connect(postgres["url"])) as connection:
        assert connection.execute("select inet_server_port()").fetchall() == [(postgres["port"],)]
    assert kafka["url"] == f"{kafka['host']}:{kafka['port']}"

    assert run("up", "postgres", "kafka") == [postgres, kafka] == run("status")

    assert run("down", "kafka") == [kafka]
    assert run("status") == [postgres]
    assert run("down") == [postgres]
    assert run("status") == []
    for server in (postgres, kafka):
        folder = Path(server["data"]).parent
        assert not folder.exists()
        assert not alive(server["pid"], str(folder))


@pytest.mark.usefixtures("standing")
def test_without_names_all_servers_are_meant():
    up = run("up")
    assert [server["name"] for server in up] == ["postgres", "kafka", "mysql", "mariadb"]
    for server in up[2:]:
        with closing(pymysql.connect(host=server["host"], port=server["port"], user=server["user"])) as connection:
            assert connection.get_server_info()
        assert server["url"] == f"mysql://{server['user']}@{server['host']}:{server['port']}"
    assert run("down") == up
    assert not any(Path(server["data"]).parent.exists() for server in up)


def test_up_starts_anew_when_the_pid_belongs_to_another_process(standing):
    (first,) = run("up", "postgres")
    run("down", "postgres")
    (standing / "standing-postgres.json").write_text(json.dumps({**first, "pid": os.getpid()}))
    assert run("status") == []
    (second,) = run("up", "postgres")
    assert second["pid"] not in (first["pid"], os.getpid())


@pytest.mark.usefixtures("standing")
def test_an_unknown_name_is_refused_before_anything_starts():
    command = [sys.executable, "-m", "cdc.testing", "up", "postgres", "oracle"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ)
    assert done.returncode == 1
    assert (
        done.stderr
        == "cdc.testing: there is no server named 'oracle'. Name one or more of: postgres, kafka, mysql, mariadb.\n"
    )
    assert run("status") == []
