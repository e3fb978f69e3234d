"""The cache outside the tree: where it is, who may read it, and one at a time."""

from __future__ import annotations

import os
import select
import subprocess
import sys
from pathlib import Path

from cdc.testing.servers import cache

HOLD = """
import sys
from cdc.testing.servers.cache import locked
print("asks", flush=True)
with locked("thing"):
    print("holds", flush=True)
    sys.stdin.readline()
"""


def test_is_where_the_environment_says(tmp_path, monkeypatch):
    monkeypatch.setenv("CDC_CACHE", str(tmp_path / "a" / "b"))
    assert cache.cache_folder() == tmp_path / "a" / "b"
    assert cache.cache_folder().is_dir()


def test_is_in_the_home_by_default(tmp_path, monkeypatch):
    monkeypatch.delenv("CDC_CACHE", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache.cache_folder() == tmp_path / ".cache" / "cdc-stream"


def test_a_folder_in_a_private_one_is_not_reachable(tmp_path):
    inner = tmp_path / "private" / "inner"
    inner.mkdir(parents=True)
    inner.chmod(0o755)
    inner.parent.chmod(0o700)
    assert not cache.reachable(inner)
    assert cache.reachable(Path("/usr/bin"))


def test_programs_for_others_are_elsewhere_when_the_cache_is_private(tmp_path, monkeypatch):
    tmp_path.chmod(0o700)
    monkeypatch.setenv("CDC_CACHE", str(tmp_path))
    umask = os.umask(0o077)
    try:
        folder = cache.public_folder()
    finally:
        os.umask(umask)
    assert cache.reachable(folder)
    assert not folder.is_relative_to(tmp_path)


def test_the_lock_holds_against_another_process(tmp_path, monkeypatch):
    monkeypatch.setenv("CDC_CACHE", str(tmp_path))
    with holding() as holder:
        assert says(holder) == ["asks", "holds"]
        with holding() as waiting:
            assert says(waiting, within=0.5) == ["asks"]
            release(holder)
            assert says(waiting, 1) == ["holds"]
            release(waiting)


def holding() -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-uc", HOLD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)


def says(process: subprocess.Popen[bytes], lines: int = 2, within: float = 30) -> list[str]:
    """Return the next lines, the first whenever it comes and the others `within` seconds."""
    assert process.stdout
    said = [process.stdout.readline().decode().strip()]
    while len(said) < lines and select.select([process.stdout], [], [], within)[0]:
        said.append(process.stdout.readline().decode().strip())
    return said


def release(process: subprocess.Popen[bytes]) -> None:
    assert process.stdin
    process.stdin.write(b"\n")


def test_what_was_private_is_opened_to_all(tmp_path):
    program, text = tmp_path / "bin" / "program", tmp_path / "text"
    program.parent.mkdir(mode=0o700)
    for path, mode in ((program, 0o700), (text, 0o600)):
        path.touch()
        path.chmod(mode)
    cache.open_to_all(tmp_path)
    assert [path.stat().st_mode & 0o777 for path in (program.parent, program, text)] == [0o755, 0o755, 0o644]
