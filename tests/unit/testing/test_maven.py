"""Jars by Maven, on a Maven that is a script."""

from __future__ import annotations

from pathlib import Path

import pytest

from cdc.testing.servers.base import ServerError
from cdc.testing.servers.maven import copy_jars


def maven(folder: Path, script: str) -> None:
    program = folder / "mvn"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)


def test_asks_for_the_jars_of_a_pom_with_checked_sums(tmp_path, monkeypatch):
    maven(tmp_path, f'echo "$@" > {tmp_path}/asked')
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    copy_jars(Path("some.xml"), Path("/target"), "Thing 1", release="1.2")
    assert (tmp_path / "asked").read_text().split() == [
        "--quiet",
        "--batch-mode",
        "--strict-checksums",
        "--file",
        "some.xml",
        "dependency:copy-dependencies",
        "-DoutputDirectory=/target",
        "-Drelease=1.2",
    ]


def test_a_failure_is_reported_with_what_maven_said(tmp_path, monkeypatch):
    maven(tmp_path, "echo 'no such artifact'; exit 1")
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with pytest.raises(ServerError, match=r"(?s)Maven could not fetch Thing 1:.*no such artifact"):
        copy_jars(Path("some.xml"), Path("/target"), "Thing 1")


def test_without_maven_it_says_how_to_install_it(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ServerError, match="it fetches Thing 1") as caught:
        copy_jars(Path("some.xml"), Path("/target"), "Thing 1")
    assert "apt install maven" in caught.value.remedy
