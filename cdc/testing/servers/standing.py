"""Servers that are left running: `python -m cdc.testing up`, `down`, `status`.

Each has a file with its address in the cache, or in the folder that `CDC_STANDING` names: another folder, another set of
servers; and so has each version of PostgreSQL. The process is known by its pid and by the data folder in its command line, so a pid that was given to another process
since is never touched.
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

from cdc.testing.servers import docker
from cdc.testing.servers.base import Address
from cdc.testing.servers.cache import cache_folder, locked
from cdc.testing.servers.choice import NATIVE, create, known
from cdc.testing.servers.postgres_programs import IN_WHEEL, chosen
from cdc.testing.servers.process import alive, end_process


def up(name: str) -> Address:
    """Return the standing server of this name, started if there is none; raises `ServerError` when it does not start."""
    known(name)
    with locked(f"standing-{name}"):
        if (address := find(name)) is None:
            os.environ["TESTCONTAINERS_RYUK_DISABLED"] = "true"  # else the container ends with this process
            server = create(name)
            server.start()
            address = server.release()
            _record(name).write_text(address.line())
        return address


def find(name: str) -> Address | None:
    """Return the server that `up` left running, if it still runs."""
    try:
        address = Address(**json.loads(_record(name).read_text()))
    except FileNotFoundError:
        return None
    return address if _runs(address) else None


def down(name: str) -> Address | None:
    """Stop the standing server and delete its data; return what was stopped."""
    known(name)
    with locked(f"standing-{name}"):
        if (address := find(name)) is not None:
            _discard(address)
        _record(name).unlink(missing_ok=True)
    return address


def _record(name: str) -> Path:
    other = f"-{chosen()}" if name == "postgres" and chosen() != IN_WHEEL else ""
    return Path(os.environ.get("CDC_STANDING") or cache_folder()) / f"standing-{name}{other}.json"


def _folder(address: Address) -> Path:
    return Path(address.data).parent


def _runs(address: Address) -> bool:
    return docker.runs(address.container) if address.container else alive(address.pid, str(_folder(address)))


def _discard(address: Address) -> None:
    if address.container:
        docker.remove(address.container)
    else:
        server = NATIVE[address.name]
        end_process(address.pid, server.discard_signal, server.stop_seconds)
        shutil.rmtree(_folder(address), ignore_errors=True)
