"""Which PostgreSQL is started: its version, and where its programs come from."""

from __future__ import annotations

import io
import re
import tarfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from zipfile import ZipFile

import pytest

from cdc.testing.servers import PostgresServer, ServerError, choice, docker, postgres, postgres_programs, standing
from cdc.testing.servers.cache import cache_folder


@pytest.fixture(autouse=True)
def no_choice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CDC_POSTGRES_VERSION", raising=False)
    monkeypatch.setenv("CDC_SERVICES", "native")


def test_without_the_wheel_it_says_what_to_install(monkeypatch):
    monkeypatch.setattr(postgres_programs, "PACKAGE", "no-such-wheel")
    with pytest.raises(ServerError, match="no-such-wheel is not installed") as caught:
        postgres.version()
    assert "cdc-stream[testing]" in caught.value.remedy


def test_the_environment_chooses_the_version(monkeypatch):
    assert (PostgresServer().version, choice.version("postgres").split(".")[0]) == (18, "18")
    monkeypatch.setenv("CDC_POSTGRES_VERSION", "14")
    assert (PostgresServer().version, choice.version("postgres").split(".")[0]) == (14, "14")
    assert PostgresServer(version=16).version == 16


@pytest.mark.parametrize("word", ["13", "19", "18.1", "eighteen"])
def test_another_choice_is_refused(monkeypatch, word):
    monkeypatch.setenv("CDC_POSTGRES_VERSION", word)
    with pytest.raises(ServerError, match=re.escape(f"CDC_POSTGRES_VERSION is '{word}'")) as caught:
        PostgresServer()
    assert "14, 15, 16, 17, 18" in caught.value.remedy


def test_a_version_without_programs_is_refused():
    with pytest.raises(ServerError, match="no programs of PostgreSQL 13"):
        PostgresServer(version=13)


def test_a_container_is_of_the_chosen_version(monkeypatch):
    monkeypatch.setenv("CDC_SERVICES", "docker")
    assert choice.version("postgres") == "postgres:18"
    monkeypatch.setenv("CDC_POSTGRES_VERSION", "15")
    assert choice.version("postgres") == docker.image("postgres").image == "postgres:15"
    assert choice.version("kafka") == docker.KAFKA.image


def test_each_version_stands_for_itself(tmp_path, monkeypatch):
    """A test run that asks for 14 never gets the 18 that was left running."""
    monkeypatch.setenv("CDC_STANDING", str(tmp_path))
    found = {}
    for version in ("", "14", "17", "18"):
        monkeypatch.setenv("CDC_POSTGRES_VERSION", version)
        found[version] = standing._record("postgres").name
    assert found == {
        "": "standing-postgres.json",
        "14": "standing-postgres-14.json",
        "17": "standing-postgres-17.json",
        "18": "standing-postgres.json",
    }
    monkeypatch.setenv("CDC_POSTGRES_VERSION", "14")
    assert standing._record("kafka").name == "standing-kafka.json"


def jar_of(folder: Path, **programs: str) -> Path:
    """Write a jar as Maven Central has it: an archive in an archive, here of scripts that print."""
    inner = io.BytesIO()
    with tarfile.open(fileobj=inner, mode="w:xz") as archive:
        for name, text in programs.items():
            entry = tarfile.TarInfo(f"bin/{name}")
            entry.size, entry.mode = len(text), 0o700
            archive.addfile(entry, io.BytesIO(text.encode()))
    folder.mkdir(parents=True, exist_ok=True)
    with ZipFile(folder / "programs.jar", "w") as jar:
        jar.writestr("META-INF/MANIFEST.MF", "Manifest-Version: 1.0\n")
        jar.writestr("postgres-linux-x86_64.txz", inner.getvalue())
    return folder / "programs.jar"


@pytest.fixture
def fetched(tmp_path, monkeypatch) -> list[dict[str, str]]:
    """What Maven was asked for, which is a stand-in here; the cache is the test's own."""
    asked: list[dict[str, str]] = []

    def copy_jars(_pom: Path, target: Path, _what: str, **properties: str) -> None:
        asked.append(properties)
        jar_of(target, postgres="the server", initdb="the other")

    monkeypatch.setenv("CDC_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(postgres_programs, "copy_jars", copy_jars)
    monkeypatch.setattr(postgres_programs, "public_folder", cache_folder)
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    return asked


def test_programs_are_fetched_once_for_all_who_start(fetched, capsys):
    with ThreadPoolExecutor() as pool:
        found = set(pool.map(postgres_programs.installation, [14] * 8))
    assert fetched == [{"release": postgres_programs.ON_MAVEN[14], "processor": "amd64"}]
    (folder,) = found
    assert (folder / "bin" / "postgres").read_text() == "the server"
    assert (folder / "bin" / "initdb").stat().st_mode & 0o777 == 0o755, "the server's account can run it"
    assert sorted(path.name for path in folder.iterdir()) == ["bin"], "the jar is not kept"
    assert "fetching PostgreSQL 14" in capsys.readouterr().err


def test_a_fetch_that_was_interrupted_is_done_again(fetched, monkeypatch):
    def fail(jar: Path, target: Path) -> None:
        (target / "half").mkdir(parents=True)
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr(postgres_programs, "unpack", fail)
        with pytest.raises(KeyboardInterrupt):
            postgres_programs.installation(15)
    folder = postgres_programs.installation(15)
    assert len(fetched) == 2
    assert sorted(path.name for path in folder.iterdir()) == ["bin"]


@pytest.mark.usefixtures("fetched")
def test_a_processor_without_programs_is_refused(monkeypatch):
    monkeypatch.setattr("platform.machine", lambda: "riscv64")
    with pytest.raises(ServerError, match=r"no PostgreSQL \S+ for riscv64"):
        postgres_programs.installation(16)
    assert postgres_programs.installation(18).name == "pginstall", "that of the wheel is there all the same"
