"""The files in `docker/` fit the project and each other. No test runs them: that needs a Docker engine."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from cdc.config import ConnectorConfig, load
from cdc.config.definition import InvalidConfig
from cdc.config.files import parse_properties
from cdc.config.providers import resolve
from cdc.config.worker import WorkerSettings
from cdc.testing.servers.docker import IMAGES

ROOT = Path(__file__).resolve().parents[2]
DOCKER = ROOT / "docker"
Stage = list[tuple[str, str]]


def stages() -> list[Stage]:
    """Return the instructions of each stage of the Dockerfile with their arguments; the first of each is FROM."""
    text = re.sub(r"^#.*\n", "", (DOCKER / "Dockerfile").read_text(), flags=re.MULTILINE)
    lines = [" ".join(line.split()) for line in text.replace("\\\n", " ").splitlines()]
    found: list[Stage] = []
    for word, _, rest in (line.partition(" ") for line in lines if line):
        if word == "FROM":
            found.append([])
        found[-1].append((word, rest))
    return found


def said(word: str) -> list[str]:
    """Return what the image, which is the last stage, says by an instruction: once for each time."""
    return [rest for each, rest in stages()[-1] if each == word]


def compose(file: str) -> Any:
    yaml = pytest.importorskip("yaml")
    return yaml.safe_load((DOCKER / file).read_text())["services"]


def mounted(service: Any) -> dict[str, str]:
    """Return what a service sees of `docker/`, by the path inside."""
    return {inside: name for name, inside, _ in (each.split(":") for each in service.get("volumes", ()))}


def worker_settings() -> WorkerSettings:
    return WorkerSettings.from_raw(parse_properties((DOCKER / "worker.properties").read_text()))


@contextmanager
def answering(status: int) -> Iterator[int]:
    """Answer `/health` by a status, at the port that is lent."""

    class Health(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(status if self.path == "/health" else 404)
            self.end_headers()

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Health) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


def test_every_source_of_a_copy_exists_and_is_let_into_the_build():
    copied = {each for word, rest in stages()[0] if word == "COPY" for each in shlex.split(rest)[:-1]}
    ignore = (DOCKER / "Dockerfile.dockerignore").read_text().splitlines()
    assert {each for each in copied if not (ROOT / each).exists()} == set()
    assert {line.removeprefix("!") for line in ignore if line.startswith("!")} == copied
    assert "*" in ignore


def test_the_dockerfile_passes_its_linter():
    hadolint = shutil.which("hadolint", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    if hadolint is None:
        pytest.skip("hadolint is not installed")
    linted = subprocess.run([hadolint, DOCKER / "Dockerfile"], capture_output=True, text=True, timeout=60, check=False)
    assert (linted.returncode, linted.stdout) == (0, "")


def test_the_compiler_stays_in_the_first_stage():
    first, last = stages()
    assert any(word == "RUN" and " gcc " in rest for word, rest in first)
    assert first[0][1] == f"{last[0][1]} AS build"
    assert "apt-get" not in " ".join(said("RUN"))
    assert re.search(r"--mount=type=bind,from=build,source=(\S+),.* --no-index --find-links=\1 ", said("RUN")[0])
    assert said("COPY") == said("ADD") == []


def test_the_image_runs_as_a_user_without_rights_whose_number_is_fixed():
    (user,) = said("USER")
    uid, gid = user.split(":")
    assert int(uid) > 0
    assert int(gid) > 0
    commands = " ".join(said("RUN"))
    assert f"groupadd --gid {gid} " in commands
    assert f"useradd --uid {uid} " in commands


def test_the_image_runs_the_program_with_any_command():
    assert json.loads(said("ENTRYPOINT")[0]) == ["cdc-stream"]
    assert json.loads(said("CMD")[0]) == ["connect", "standalone", "/etc/cdc-stream/worker.properties"]
    assert said("EXPOSE") == ["8083"]
    assert "PYTHONUNBUFFERED=1" in said("ENV")


@pytest.mark.parametrize(("status", "healthy"), [(200, True), (503, False)])
def test_the_health_check_asks_the_worker_and_no_proxy(status, healthy):
    command = json.loads(said("HEALTHCHECK")[0].partition(" CMD ")[2])
    with answering(status) as port:
        asked = [sys.executable, *(word.replace(":8083/", f":{port}/") for word in command[1:])]
        ended = subprocess.run(
            asked, env={"http_proxy": "http://127.0.0.1:1"}, stderr=subprocess.DEVNULL, timeout=60, check=False
        )
    assert command[0] == "python"
    assert (ended.returncode == 0) is healthy


def test_the_worker_listens_for_other_containers_and_demands_its_token(monkeypatch):
    monkeypatch.setenv("CDC_REST_TOKEN", "letmein")
    rest = worker_settings().rest
    assert [str(each) for each in rest.listeners] == ["http://0.0.0.0:8083"]
    assert rest.token.reveal() == "letmein"


def test_without_a_token_in_the_environment_the_worker_does_not_start(monkeypatch):
    monkeypatch.delenv("CDC_REST_TOKEN", raising=False)
    with pytest.raises(InvalidConfig, match="CDC_REST_TOKEN is not set"):
        worker_settings()


def test_the_connector_is_complete_and_gets_its_password_from_the_worker(monkeypatch):
    monkeypatch.setenv("CDC_REST_TOKEN", "letmein")
    monkeypatch.setenv("CDC_PASSWORD", "sesame")
    settings = worker_settings()
    _, raw = load(DOCKER / "shop.json")
    given = resolve(raw, settings.providers)
    ConnectorConfig.from_raw({**given.values, "bootstrap.servers": settings.kafka_properties()["bootstrap.servers"]})
    assert given.values["database.password"] == "sesame"
    assert given.secret == {"database.password"}


def test_the_connector_names_what_the_shop_in_postgresql_has():
    _, raw = load(DOCKER / "shop.json")
    made = (DOCKER / "postgres.sql").read_text()
    tables = [each.removeprefix("public.") for each in raw["table.include.list"].split(",")]
    assert re.findall(r"^create table (\w+)", made, re.MULTILINE) == tables
    assert f"create publication {raw['publication.name']} for table {', '.join(tables)};" in made
    assert f"create role {raw['database.user']} login replication" in made


@pytest.mark.parametrize("name", IMAGES)
def test_the_servers_are_those_of_the_tests(name):
    assert compose("compose.yml")[name]["image"] == IMAGES[name].image


@pytest.mark.parametrize("name", ["mysql", "mariadb"])
def test_the_servers_of_mysql_have_the_options_of_the_tests(name):
    service = compose("compose.yml")[name]
    assert service["command"] == list(IMAGES[name].command)
    assert service["environment"] == IMAGES[name].environment
    assert service["healthcheck"]["test"] == ["CMD", *IMAGES[name].ready]


@pytest.mark.parametrize("name", ["postgres", "mysql", "kafka"])
def test_the_shop_takes_its_servers_from_there(name):
    assert compose("shop.yml")[name]["extends"] == {"file": "compose.yml", "service": name}


def test_the_shop_has_two_databases_kafka_and_a_worker_of_this_image():
    services = compose("shop.yml")
    worker = services["worker"]
    assert set(services) == {"postgres", "mysql", "kafka", "worker"}
    assert (DOCKER / worker["build"]["context"] / worker["build"]["dockerfile"]).samefile(DOCKER / "Dockerfile")
    assert set(worker["depends_on"]) == {"postgres", "kafka"}
    assert [each for each in worker["command"] if each.startswith("/")] == list(mounted(worker))


@pytest.mark.parametrize("name", ["postgres", "mysql", "worker"])
def test_what_a_service_mounts_exists(name):
    names = mounted(compose("shop.yml")[name]).values()
    assert names
    assert [each for each in names if not (DOCKER / each).is_file()] == []


@pytest.mark.parametrize("file", ["compose.yml", "shop.yml"])
def test_every_port_is_open_to_this_machine_alone(file):
    ports = [port for service in compose(file).values() for port in service.get("ports", ())]
    assert ports
    assert [each for each in ports if not each.startswith("127.0.0.1:")] == []


def test_the_worker_and_the_databases_find_their_secrets_in_the_environment():
    services = compose("shop.yml")
    used = re.findall(
        r"\$\{env:(\w+)\}", (DOCKER / "worker.properties").read_text() + (DOCKER / "shop.json").read_text()
    )
    assert set(used) == set(services["worker"]["environment"])
    secrets = {key: value for each in services.values() for key, value in each.get("environment", {}).items()}
    assert [key for key, value in secrets.items() if re.search("PASSWORD|TOKEN", key) and value[:2] != "${"] == []
