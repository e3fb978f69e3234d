"""Packages of Debian: what apt is asked for, what it refuses, and what a person reads when it cannot be had."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from cdc.testing.servers import debian
from cdc.testing.servers.base import ServerError

PACKAGE = "cdc-sample"


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An archive on this disk with one package, signed by nobody."""
    folder = tmp_path / "mirror" / "debian"
    built = tmp_path / "built"
    (built / "DEBIAN").mkdir(parents=True)
    (built / "usr" / "share" / "doc").mkdir(parents=True)
    (built / "usr" / "program").write_text("a program")
    (built / "DEBIAN" / "control").write_text(
        f"Package: {PACKAGE}\nVersion: 1\nArchitecture: all\nMaintainer: Nobody <n@example.org>\nDescription: sample\n"
    )
    pool, index = folder / "pool", folder / "dists" / "sid" / "main" / "binary-amd64"
    for made in (pool, index):
        made.mkdir(parents=True)
    archive = pool / f"{PACKAGE}.deb"
    run("dpkg-deb", "--root-owner-group", "--build", str(built), str(archive))
    control = run("dpkg-deb", "--field", str(archive))
    sums = f"Filename: pool/{archive.name}\nSize: {archive.stat().st_size}\nSHA256: {sha256(archive)}\n"
    (index / "Packages").write_text(control + sums)
    release = folder / "dists" / "sid" / "Release"
    listed = (
        f"SHA256:\n {sha256(index / 'Packages')} {(index / 'Packages').stat().st_size} main/binary-amd64/Packages\n"
    )
    release.write_text(
        f"Suite: sid\nCodename: sid\nComponents: main\nArchitectures: amd64\nDate: {run('date', '-Ru')}{listed}"
    )
    monkeypatch.setattr(debian, "archive", lambda: f"copy:{folder}")
    return folder


def run(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def sha256(file: Path) -> str:
    return run("sha256sum", str(file)).split()[0]


@pytest.mark.usefixtures("mirror")
def test_an_archive_that_the_keys_have_not_signed_is_refused(tmp_path):
    with pytest.raises(ServerError, match=r"could not fetch a sample from Debian:\nE: .*not signed"):
        debian.unpack_packages([PACKAGE], "sid", tmp_path / "target", "a sample")
    assert not (tmp_path / "target").exists()


@pytest.fixture
def signed(mirror: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same archive, signed by a key that is trusted for once."""
    if shutil.which("gpg") is None:
        pytest.skip("gpg is not installed: nothing can be signed")
    home = tmp_path / "gpg"
    home.mkdir(mode=0o700)
    gpg = ("gpg", "--homedir", str(home), "--batch", "--quiet", "--passphrase", "")
    run(*gpg, "--quick-generate-key", "sample@example.org", "ed25519", "sign", "never")
    run(*gpg, "--output", str(tmp_path / "keys.gpg"), "--export")
    release = mirror / "dists" / "sid" / "Release"
    run(*gpg, "--clearsign", "--output", str(release.with_name("InRelease")), str(release))
    monkeypatch.setattr(debian, "KEYRING", tmp_path / "keys.gpg")
    return mirror


@pytest.mark.usefixtures("signed")
def test_signed_packages_are_unpacked_without_their_documents(tmp_path):
    debian.unpack_packages([PACKAGE], "sid", tmp_path / "target", "a sample")
    assert (tmp_path / "target" / "usr" / "program").read_text() == "a program"
    assert not (tmp_path / "target" / "usr" / "share" / "doc").exists()


def test_a_package_with_another_sum_is_refused(signed, tmp_path):
    package = signed / "pool" / f"{PACKAGE}.deb"
    data = bytearray(package.read_bytes())
    data[len(data) // 2] ^= 1
    package.write_bytes(data)
    with pytest.raises(ServerError, match=r"(?s)could not fetch a sample.*(Hash Sum mismatch|size)"):
        debian.unpack_packages([PACKAGE], "sid", tmp_path / "target", "a sample")
    assert not (tmp_path / "target").exists()


@pytest.mark.usefixtures("signed")
def test_an_unknown_package_is_named(tmp_path):
    with pytest.raises(ServerError, match="Unable to locate package no-such-package"):
        debian.unpack_packages(["no-such-package"], "sid", tmp_path / "target", "a sample")


def test_without_a_network_the_remedy_is_to_reach_the_archive(tmp_path, monkeypatch):
    monkeypatch.setattr(debian, "archive", lambda: "http://127.0.0.1:1/debian")
    monkeypatch.setattr(debian, "CONFIGURATION", debian.CONFIGURATION.replace('Retries "3"', 'Retries "0"'))
    with pytest.raises(
        ServerError, match=r"apt-get could not fetch a sample from Debian:\nE: Failed to fetch"
    ) as caught:
        debian.unpack_packages([PACKAGE], "sid", tmp_path / "target", "a sample")
    assert "CDC_SERVICES=docker" in caught.value.remedy


@pytest.mark.parametrize("tool", ["apt-get", "dpkg-deb"])
def test_without_debians_tools_the_remedy_is_containers(tmp_path, monkeypatch, tool):
    present = shutil.which
    monkeypatch.setattr("shutil.which", lambda name: None if name == tool else present(name))
    with pytest.raises(ServerError, match=f"{tool} was not found; it fetches a sample") as caught:
        debian.unpack_packages([PACKAGE], "sid", tmp_path, "a sample")
    assert caught.value.remedy == "Use Debian, or containers: CDC_SERVICES=docker."


def test_without_debians_keys_nothing_is_fetched(tmp_path, monkeypatch):
    monkeypatch.setattr(debian, "KEYRING", tmp_path / "absent.gpg")
    with pytest.raises(ServerError, match=r"absent.gpg was not found; a sample is checked by it"):
        debian.unpack_packages([PACKAGE], "sid", tmp_path, "a sample")


@pytest.mark.parametrize(
    ("listed", "found"),
    [
        ("http://security.example/debian-security/\nhttp://mirror.example/debian/\n", "http://mirror.example/debian/"),
        ("https://mirror.example/debian\nhttp://other.example/debian\n", "https://mirror.example/debian"),
    ],
)
def test_the_archive_is_the_one_of_the_system(monkeypatch, listed, found):
    answer(monkeypatch, listed)
    assert debian.archive() == found


def test_a_system_of_another_archive_is_told_so(monkeypatch):
    answer(monkeypatch, "http://archive.example/ubuntu/\n")
    with pytest.raises(ServerError, match="do not name Debian's archive"):
        debian.archive()


def answer(monkeypatch: pytest.MonkeyPatch, listed: str) -> None:
    """Let apt list these URIs."""
    monkeypatch.setattr(
        "subprocess.run", lambda command, **_: subprocess.CompletedProcess(command, 0, stdout=listed, stderr="")
    )
