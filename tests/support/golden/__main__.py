"""Replay golden cases by hand: `python -m tests.support.golden [--folder FOLDER] postgres|mysql [CASE …]`.

Prints a line a case, with its first differences; the exit code is 1 when a case differs.
"""

from __future__ import annotations

import argparse
import logging
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from cdc.testing import servers
from cdc.testing.servers import Address, standing
from tests.support.golden.case import Case, load
from tests.support.golden.comparison import mismatches
from tests.support.golden.replay import replay

CASES = Path(__file__).parents[2] / "golden"


def main(arguments: Sequence[str] | None = None) -> int:
    """Replay the cases that are named, or all in the folder."""
    parser = argparse.ArgumentParser(prog="python -m tests.support.golden", description=__doc__)
    parser.add_argument("kind", choices=("postgres", "mysql"), help="which database's cases")
    parser.add_argument("cases", nargs="*", metavar="CASE")
    parser.add_argument("--folder", type=Path, default=CASES, help="where the case folders are (default: %(default)s)")
    parser.add_argument("--show", type=int, default=3, help="differences to print for each case (default: %(default)s)")
    parser.add_argument("--verbose", action="store_true", help="show what the connector logs")
    given = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO if given.verbose else logging.CRITICAL)
    folder = given.folder / given.kind
    names = given.cases or sorted(each.parent.name for each in folder.glob("*/connector.json"))
    with ExitStack() as stack:
        database, kafka = (_server(stack, name) for name in (given.kind, "kafka"))
        results = [_report(load(folder / name), database, kafka, given.show) for name in names]
    print(f"{sum(results)} of {len(results)} cases")
    return 0 if all(results) else 1


def _server(stack: ExitStack, name: str) -> Address:
    # The binlog is that of the whole server: what others write on a standing one would be told of as well.
    found = None if name == "mysql" else standing.find(name)
    return found or stack.enter_context(servers.create(name)).address


def _report(case: Case, server: Address, kafka: Address, show: int) -> bool:
    if case.excluded:
        print(f"--   {case.name}: not compared ({case.excluded})", flush=True)
        return True
    start = time.monotonic()
    found = _differences(case, server, kafka)
    print(
        f"{'FAIL' if found else 'ok  '} {case.name} ({time.monotonic() - start:.1f} s, {len(found)} differences)",
        flush=True,
    )
    for line in found[:show]:
        print(f"       {line}", flush=True)
    return not found


def _differences(case: Case, server: Address, kafka: Address) -> list[str]:
    """Return the differences of one run; an error of the run itself is one."""
    try:
        return mismatches(case, replay(case, server, kafka))
    except Exception as error:  # noqa: BLE001 - the next case is to be tried also
        return [f"{type(error).__name__}: {error}"]


if __name__ == "__main__":
    sys.exit(main())
