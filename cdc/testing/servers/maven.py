"""Jars from Maven Central: what a server needs that no wheel has."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from cdc.testing.servers.base import ServerError


def copy_jars(pom: Path, target: Path, what: str, **properties: str) -> None:
    """Copy the jars that the POM depends on into the folder, made if absent, checked against the registry's checksums.

    `properties` are those that the POM names; `what` is fetched, in the words of a message. Raises `ServerError` when Maven
    is not there or fails.
    """
    if shutil.which("mvn") is None:
        raise ServerError(f"Maven was not found; it fetches {what}", "Install it (Debian: apt install maven).")
    goal = ["dependency:copy-dependencies", f"-DoutputDirectory={target}"]
    values = [f"-D{name}={value}" for name, value in properties.items()]
    command = ["mvn", "--quiet", "--batch-mode", "--strict-checksums", "--file", str(pom), *goal, *values]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ServerError(f"Maven could not fetch {what}:\n{done.stdout}{done.stderr}")
