"""Documents whose code blocks are run, in order: what a page shows is what happens.

    bash        in one bash a document (`set -e`), which begins in the root of the repository
    python      in one namespace a document
    sql         in the document's database, as its superuser
    text        must be what the block before it has printed on stdout; … stands for anything, alone on a line for any lines
    json        must parse, and hold known properties if it names a connector.class
    properties  likewise

A block without a language is not run, nor is one under a comment such as `<!-- not run: it would wait for a broker -->`.
"""

from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout, suppress
from functools import partial
from pathlib import Path
from typing import IO

from sybil import Document, Example, Region, Sybil
from sybil.evaluators.python import PythonEvaluator
from sybil.parsers.markdown.lexers import FencedCodeBlockLexer

from cdc.config import ConnectorConfig, load
from cdc.config.providers import PROVIDERS
from tests.support.database import Database

ROOT = Path(__file__).resolve().parents[2]
NOT_RUN = re.compile(r"<!-- not run: [^>]+ -->\s*\Z")


class Shell:
    """One bash for many blocks: variables, folder and background jobs stay from one to the next. Ended with all its jobs."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self._folder = folder
        self._process = subprocess.Popen(
            ["bash", "-e"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
            env=dict(environment),
            text=True,
            start_new_session=True,
        )
        self._blocks = 0

    def run(self, block: str) -> str:
        """Run a block and return what it printed on stdout; raises `AssertionError` when a command fails."""
        self._blocks += 1
        script, out, err = (self._folder / f"block-{self._blocks}.{kind}" for kind in ("sh", "out", "err"))
        script.write_text(block)
        self._write(f". {script} </dev/null >{out} 2>{err}\necho done\n")
        assert self._read() == "done\n", f"a command failed; stdout:\n{out.read_text()}\nstderr:\n{err.read_text()}"
        return out.read_text()

    def close(self) -> None:
        """End bash and everything that it started, but for what has a session of its own."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.communicate()

    def _write(self, text: str) -> None:
        stream = _open(self._process.stdin)
        stream.write(text)
        stream.flush()

    def _read(self) -> str:
        return _open(self._process.stdout).readline()


def _open(stream: IO[str] | None) -> IO[str]:
    assert stream is not None
    return stream


@contextmanager
def shell(folder: Path, **variables: str) -> Iterator[Shell]:
    """Lend a shell with the project's programs in PATH and these variables."""
    own = {key: value for key, value in os.environ.items() if not key.startswith(("MAKE", "PYTEST"))}
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    lent = Shell(folder, {**own, "PATH": path, **variables})
    try:
        yield lent
    finally:
        lent.close()


class Runner:
    """Runs the blocks of one document; `folder` takes the configurations that it shows."""

    def __init__(self, folder: Path, bash: Shell, database: Database) -> None:
        self._folder = folder
        self._bash = bash
        self._database = database
        self._printed = ""
        self._python = PythonEvaluator()

    def run(self, path: Path) -> None:
        """Run a document from its first block to its last; raises an error that names the line of the block."""
        document = Sybil([self._blocks]).parse(path)
        for example in document:
            try:
                example.evaluate()
            except Exception as error:
                error.add_note(f"in the block at {path}:{example.line}")
                raise

    def _blocks(self, document: Document) -> Iterator[Region]:
        """Yield the blocks that have a language; a parser in sybil's sense."""
        for region in FencedCodeBlockLexer(r"\w+")(document):
            if not NOT_RUN.search(document.text[: region.start]):
                evaluate = partial(self._run, str(region.lexemes["language"]))
                yield Region(region.start, region.end, parsed=region.lexemes["source"], evaluator=evaluate)

    def _run(self, language: str, example: Example) -> None:
        run: Callable[[Example], None] | None = getattr(self, f"_run_{language}", None)
        assert run is not None, f"there is no way to run a block of {language}"
        run(example)

    def _run_bash(self, example: Example) -> None:
        self._printed = self._bash.run(example.parsed)

    def _run_python(self, example: Example) -> None:
        with redirect_stdout(io.StringIO()) as printed:
            self._python(example)
        self._printed = printed.getvalue()

    def _run_sql(self, example: Example) -> None:
        self._database.execute(example.parsed)

    def _run_text(self, example: Example) -> None:
        shown = "".join(f"{line.rstrip()}\n" for line in self._printed.strip().splitlines())
        assert re.fullmatch(_pattern(example.parsed), shown), f"expected:\n{example.parsed}\nprinted:\n{shown}"

    def _run_json(self, example: Example) -> None:
        json.loads(example.parsed)
        self._run_properties(example, ".json")

    def _run_properties(self, example: Example, suffix: str = ".properties") -> None:
        if "connector.class" in example.parsed:
            file = (self._folder / "connector").with_suffix(suffix)
            file.write_text(example.parsed)
            name, raw = load(file)
            ConnectorConfig.from_raw({"name": name, **raw}, dict.fromkeys(PROVIDERS, lambda _path, _key: "1"))


def _pattern(expected: str) -> str:
    lines = expected.strip().splitlines()
    return "".join(
        r"(?:.*\n)*?" if line.strip() == "…" else re.escape(line.rstrip()).replace("…", ".*") + r"\n" for line in lines
    )
