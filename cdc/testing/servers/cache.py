"""Where the kit keeps what it fetched and what it left running: outside the source tree, shared by all checkouts."""

from __future__ import annotations

import fcntl
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cdc.testing.servers.base import ServerError


def cache_folder() -> Path:
    """Return the cache folder, made if absent: `$CDC_CACHE`, or `~/.cache/cdc-stream`."""
    folder = Path(os.environ.get("CDC_CACHE") or Path.home() / ".cache" / "cdc-stream").absolute()
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def public_folder() -> Path:
    """Return a folder for programs that another account must read: the cache folder if it can, else one in `/var/tmp`.

    Raises `ServerError` when the latter exists and belongs to somebody else, who could have put programs there.
    """
    if reachable(cache_folder()):
        return cache_folder()
    folder = Path(f"/var/tmp/cdc-stream-{os.getuid()}")  # noqa: S108 (its owner is checked)
    folder.mkdir(mode=0o755, exist_ok=True)
    if folder.is_symlink() or folder.stat().st_uid != os.getuid() or folder.stat().st_mode & 0o022:
        raise ServerError(
            f"{folder} belongs to another user", "Remove it, or set CDC_CACHE to a folder that all can read."
        )
    folder.chmod(0o755)  # whatever the umask is
    return folder


def reachable(folder: Path) -> bool:
    """Tell whether every account may enter the folder."""
    return all(step.stat().st_mode & 0o001 for step in [folder, *folder.parents])


def open_to_all(folder: Path) -> None:
    """Let every account read the folder and run the programs in it."""
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            path.chmod(path.stat().st_mode | (0o555 if path.is_dir() or path.stat().st_mode & 0o100 else 0o444))


@contextmanager
def locked(name: str) -> Iterator[None]:
    """Hold the lock of this name against every other process of this user that uses the same cache."""
    with (cache_folder() / f"{name}.lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def announce(what: str) -> None:
    """Tell the person on stderr why it takes a while now."""
    print(f"cdc.testing: {what}", file=sys.stderr, flush=True)
