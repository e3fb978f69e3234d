"""Certificates for servers on this machine, signed by an authority made on the spot with the `openssl` command."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from cdc.testing.servers.base import ServerError

NAMES = "subjectAltName=DNS:localhost,IP:127.0.0.1"
KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


@dataclass(frozen=True, slots=True)
class Certificates:
    """PEM files: the authority's certificate, and key and certificate of one who is called `name`.

    `chain` holds key and certificate in one file, as Kafka wants them.
    """

    name: str
    authority: Path
    certificate: Path
    key: Path
    chain: Path


def make_authority(folder: Path) -> None:
    """Make `ca.crt` and `ca.key` in the folder, valid for a day."""
    paths = ["-keyout", str(folder / "ca.key"), "-out", str(folder / "ca.crt")]
    _openssl("req", "-x509", "-days", "1", "-subj", "/CN=cdc testing authority", *KEY, *paths)


def issue(folder: Path, name: str) -> Certificates:
    """Make key and certificate for `name` at localhost and 127.0.0.1, signed by the authority in the folder."""
    files = Certificates(name, folder / "ca.crt", *(folder / f"{name}.{end}" for end in ("crt", "key", "pem")))
    request, extensions = folder / f"{name}.csr", folder / f"{name}.ext"
    extensions.write_text(NAMES)
    _openssl("req", "-new", "-subj", f"/CN={name}", *KEY, "-keyout", str(files.key), "-out", str(request))
    signer = ["-CA", str(files.authority), "-CAkey", str(folder / "ca.key"), "-CAcreateserial"]
    paths = ["-in", str(request), "-extfile", str(extensions), "-out", str(files.certificate)]
    _openssl("x509", "-req", "-days", "1", *signer, *paths)
    files.chain.write_text(files.key.read_text() + files.certificate.read_text())
    return files


def _openssl(*arguments: str) -> None:
    if shutil.which("openssl") is None:
        raise ServerError(
            "openssl was not found; it makes the certificates", "Install it (Debian: apt install openssl)."
        )
    done = subprocess.run(["openssl", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise ServerError(f"openssl {arguments[0]} failed:\n{done.stderr}")
