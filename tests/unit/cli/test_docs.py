"""The reference pages of the command line, of connectors, of the errors and of the metrics are those of the code."""

from pathlib import Path

import pytest

from cdc.cli import docs

REFERENCE = Path(__file__).resolve().parents[3] / "docs" / "reference"


@pytest.mark.parametrize("name", docs.pages())
def test_the_reference_pages_are_those_of_the_code(name):
    written = (REFERENCE / name).read_text(encoding="utf-8")
    assert written == docs.pages()[name], "stale: run `make docs`"


def test_each_command_shows_its_arguments_and_options():
    page = docs.commands_page()
    assert "cdc-stream run CONNECTOR [OPTIONS]" in page
    assert "| `--for TIME` |" in page
    assert "| `CONNECTOR` | required |" in page


def test_the_tree_of_errors_says_what_a_class_decides():
    page = docs.errors_page()
    assert "\n    - `SlotInUse`: Another session reads the replication slot. (retriable)\n" in page
    assert "\n  - `ConfigError`: The configuration cannot be used; nothing was started. (exit code 2)\n" in page


def test_the_pages_can_be_written_elsewhere(tmp_path):
    docs.main(tmp_path / "new")
    written = sorted(path.name for path in (tmp_path / "new").iterdir())
    assert written == ["cli.md", "connectors.md", "errors.md", "metrics.md"]
