"""The command line: commands, and errors as a person wants them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from cdc.errors import CdcError

app = typer.Typer(
    name="cdc-stream",
    help="Change data capture: PostgreSQL to Kafka, exactly once, in Debezium's words.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

ConnectorFile = Annotated[
    Path,
    typer.Argument(
        metavar="CONNECTOR", help="A connector configuration: JSON (flat or with name and config) or .properties."
    ),
]
BootstrapServers = Annotated[
    str | None,
    typer.Option(help="Kafka brokers, host:port separated by commas; instead of bootstrap.servers in the file."),
]


@app.callback(invoke_without_command=True)
def options(
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    """Change data capture: PostgreSQL to Kafka, exactly once, in Debezium's words."""
    if version:
        import cdc  # noqa: PLC0415

        typer.echo(cdc.__version__)
        raise typer.Exit


@app.command()
def run(connector: ConnectorFile, bootstrap_servers: BootstrapServers = None) -> None:
    """Run one connector until it is stopped by Ctrl-C or SIGTERM."""
    from cdc.cli.run import run_connector  # noqa: PLC0415

    raise typer.Exit(run_connector(connector, bootstrap_servers))


def main() -> None:
    """Run the command line; an error of ours becomes one line and its exit code."""
    try:
        app()
    except CdcError as error:
        print(f"cdc-stream: {error.sentence()}", file=sys.stderr)
        sys.exit(error.exit_code)
