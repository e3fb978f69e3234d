"""Packages of Debian, unpacked beside the system: what a server needs that no other registry has.

apt works in a folder of its own, with its own source and an empty list of installed packages: it brings everything down to
the C library, and nothing is installed. The index must be signed by Debian's archive keys, which the source names, and apt
checks each package against the index. Manual pages: apt.conf(5), sources.list(5), apt-secure(8), dpkg-deb(1).
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from cdc.testing.servers.base import ServerError

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
OTHERWISE = "Use Debian, or containers: CDC_SERVICES=docker."
REACH = (
    "Check that this machine reaches the archive that its sources of apt name, or use containers: CDC_SERVICES=docker."
)
#: What is in packages besides programs.
SUPERFLUOUS = ("doc", "man", "locale", "lintian")

CONFIGURATION = """\
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
APT::Get::AllowUnauthenticated "false";
APT::Install-Recommends "false";
APT::Sandbox::User "";
APT::Update::Error-Mode "any";
Acquire::AllowInsecureRepositories "false";
Acquire::Languages "none";
Acquire::Retries "3";
Debug::NoLocking "true";
Dir::Cache "{area}";
Dir::Cache::archives "{area}/archives";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "{area}/nothing";
Dir::Etc::sourcelist "{area}/sources.list";
Dir::Etc::sourceparts "{area}/nothing";
Dir::State "{area}";
Dir::State::lists "{area}/lists";
Dir::State::status "{area}/status";
"""


def unpack_packages(packages: Sequence[str], suite: str, target: Path, what: str) -> None:
    """Unpack the packages of a suite, with all that they depend on, into the folder, made if absent.

    `what` is fetched, in the words of a message. Raises `ServerError` when this is no Debian, when apt cannot reach the
    archive, or when a signature or a sum is wrong.
    """
    _require_tools(what)
    with TemporaryDirectory(prefix="cdc-debian-") as folder:
        area = Path(folder)
        _furnish(area, f"deb [signed-by={KEYRING} target=Packages] {archive()} {suite} main\n")
        _apt(area, what, "update")
        _apt(area, what, "install", "--download-only", "--assume-yes", *packages)
        target.mkdir(parents=True, exist_ok=True)
        for package in sorted((area / "archives").glob("*.deb")):
            _run(["dpkg-deb", "--extract", str(package), str(target)], what)
    for name in SUPERFLUOUS:
        shutil.rmtree(target / "usr" / "share" / name, ignore_errors=True)


def archive() -> str:
    """Return the URI of Debian's archive that this system is set up with; raises `ServerError` when it has none."""
    listed = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages"],
        capture_output=True,
        text=True,
        check=False,
    )
    for uri in listed.stdout.split():
        if uri.rstrip("/").endswith("/debian"):
            return uri
    raise ServerError("the sources of apt on this machine do not name Debian's archive", OTHERWISE)


def _require_tools(what: str) -> None:
    for tool in ("apt-get", "dpkg-deb"):
        if shutil.which(tool) is None:
            raise ServerError(f"{tool} was not found; it fetches {what} from Debian", OTHERWISE)
    if not KEYRING.exists():
        raise ServerError(
            f"{KEYRING} was not found; {what} is checked by it", "Install it: apt install debian-archive-keyring."
        )


def _furnish(area: Path, source: str) -> None:
    for name in ("lists/partial", "archives/partial", "nothing"):
        (area / name).mkdir(parents=True)
    (area / "status").touch()
    (area / "sources.list").write_text(source)
    (area / "apt.conf").write_text(CONFIGURATION.format(area=area))


def _apt(area: Path, what: str, *arguments: str) -> None:
    _run(["apt-get", "--quiet", f"--config-file={area / 'apt.conf'}", *arguments], what)


def _run(command: list[str], what: str) -> None:
    environment = {**os.environ, "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, env=environment
    )
    if done.returncode:
        complaints = [line for line in done.stderr.splitlines() if line.startswith("E:")] or [done.stdout, done.stderr]
        raise ServerError("\n".join([f"{command[0]} could not fetch {what} from Debian:", *complaints]), REACH)
