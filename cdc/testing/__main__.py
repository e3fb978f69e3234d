"""`python -m cdc.testing`: start real servers and leave them running, to try things on.

    up [NAME …]      start those that do not run yet; one JSON line a server
    status [NAME …]  one JSON line for each that runs
    env [NAME …]     where they listen, for a shell: eval "$(python -m cdc.testing env)"
    down [NAME …]    stop them and delete their data
    fetch [NAME …]   only bring what they need onto this machine

NAME is postgres, kafka, mysql or mariadb; all of them when none is given.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from cdc.testing.servers import choice, standing
from cdc.testing.servers.base import Address, ServerError
from cdc.testing.servers.shell import exports

COMMANDS: dict[str, Callable[[str], Address | None]] = {
    "up": standing.up,
    "status": standing.find,
    "env": standing.find,
    "down": standing.down,
    "fetch": choice.fetch,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command on the named servers, all at once; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m cdc.testing", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("command", choices=COMMANDS)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one or more of: {', '.join(choice.NAMES)}")
    given = parser.parse_args(arguments)
    try:
        _run(given.command, given.names or choice.NAMES)
    except ServerError as error:
        print(f"cdc.testing: {error.sentence()}", file=sys.stderr)
        return 1
    return 0


def _run(command: str, names: Sequence[str]) -> None:
    for name in names:
        choice.known(name)
    shown = 0
    with ThreadPoolExecutor() as pool:
        for address in pool.map(COMMANDS[command], names):
            if address is not None:
                print(exports(address) if command == "env" else address.line(), flush=True)
                shown += 1
    if command == "env" and not shown:
        raise ServerError(f"no server runs that `up` started ({', '.join(names)})", "Run: python -m cdc.testing up.")


if __name__ == "__main__":
    sys.exit(main())
