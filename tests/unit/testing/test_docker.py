"""Servers in containers, on a container that is a fake: no engine is needed to see what it is asked for."""

from __future__ import annotations

import socket
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest

from cdc.testing.servers import ServerError, choice, docker


class FakeContainer:
    """Records what is done to it, and is ready at the third question."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.questions: list[list[str]] = []
        actions = {name: self._recorder(name) for name in ("start", "stop", "kill")}
        self._inside = SimpleNamespace(id="c0ffee", **actions)

    def _recorder(self, action: str) -> Any:
        return lambda **_: self.done.append(f"inner {action}")

    def start(self) -> None:
        self.done.append("create")

    def stop(self) -> None:
        self.done.append("remove")

    def get_wrapped_container(self) -> Any:
        return self._inside

    def exec(self, command: list[str]) -> Any:
        self.questions.append(command)
        return SimpleNamespace(exit_code=int(len(self.questions) < 3))

    def get_logs(self) -> tuple[bytes, bytes]:
        return b"line of the log\n", b""


@pytest.fixture
def container() -> FakeContainer:
    return FakeContainer()


def server(container: FakeContainer, image: docker.Image = docker.POSTGRES) -> docker.ContainerServer:
    def make(_image: docker.Image, _port: int) -> Any:
        return container

    return docker.ContainerServer(image, make)


def test_waits_until_the_command_inside_succeeds(container):
    with server(container) as running:
        assert container.questions == [["pg_isready", "-q", "-h", "127.0.0.1"]] * 3
        assert running.address.url == f"postgresql://postgres@127.0.0.1:{running.port}/postgres"
        assert running.address.container == "c0ffee"
    assert container.done == ["create", "remove"]


def test_stop_kill_and_start_keep_the_container(container):
    with server(container) as running:
        running.stop()
        running.start()
        running.kill()
        running.start()
    assert container.done == ["create", "inner stop", "inner start", "inner kill", "inner start", "remove"]


def test_a_container_that_is_never_ready_is_reported_with_its_log(container, monkeypatch):
    monkeypatch.setattr(docker, "START_SECONDS", 0.0)
    with pytest.raises(ServerError, match=r"(?s)kafka was not ready within 0 s.*line of the log"):
        server(container, docker.KAFKA).__enter__()
    assert container.done == ["create", "remove"]


def test_clients_of_kafka_are_sent_to_the_port_outside():
    assert docker.KAFKA.environment["KAFKA_ADVERTISED_LISTENERS"].format(port=29092) == "PLAINTEXT://127.0.0.1:29092"


@pytest.mark.parametrize("host", ["unix:///nonexistent/docker.sock", "tcp://127.0.0.1:1"])
def test_no_engine_answers_where_nothing_listens(monkeypatch, host):
    monkeypatch.setenv("DOCKER_HOST", host)
    assert not docker.answers()


@pytest.mark.parametrize(("status", "answers"), [(b"200 OK", True), (b"404 Not Found", False)])
def test_an_engine_answers_the_ping(monkeypatch, status, answers):
    def engine(listener: socket.socket) -> None:
        client, _ = listener.accept()
        with client:
            assert client.recv(1024).startswith(b"GET /_ping ")
            client.sendall(b"HTTP/1.0 " + status + b"\r\n\r\nOK")

    with socket.create_server(("127.0.0.1", 0)) as listener, ThreadPoolExecutor() as pool:
        monkeypatch.setenv("DOCKER_HOST", f"tcp://127.0.0.1:{listener.getsockname()[1]}")
        answering = pool.submit(engine, listener)
        assert docker.answers() is answers
        answering.result(timeout=5)


@pytest.mark.parametrize(("word", "kind"), [("native", "NativeServer"), ("docker", "ContainerServer")])
def test_the_environment_chooses(monkeypatch, word, kind):
    monkeypatch.setenv("CDC_SERVICES", word)
    for name in choice.NAMES:
        assert kind in {base.__name__ for base in type(choice.create(name)).__mro__}


def test_without_a_choice_servers_are_native_where_no_engine_answers(monkeypatch):
    monkeypatch.delenv("CDC_SERVICES", raising=False)
    monkeypatch.setattr(docker, "answers", lambda: False)
    assert not choice.in_docker()
    monkeypatch.setattr(docker, "answers", lambda: True)
    assert choice.in_docker()


def test_another_choice_is_refused(monkeypatch):
    monkeypatch.setenv("CDC_SERVICES", "podman")
    with pytest.raises(ServerError, match="CDC_SERVICES is 'podman'"):
        choice.in_docker()


def test_an_unknown_server_is_refused():
    with pytest.raises(ServerError, match="no server named 'oracle'"):
        choice.create("oracle")
