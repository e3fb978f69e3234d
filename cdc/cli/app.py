"""The command line: commands, and errors as a person wants them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from cdc.cli.deadletters import letters
from cdc.cli.offsets import offsets
from cdc.errors import CdcError

app = typer.Typer(
    name="cdc-stream",
    help="Change data capture: PostgreSQL and MySQL to Kafka, exactly once, in Debezium's words.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

workers = typer.Typer(no_args_is_help=True, help="Run connectors on a worker with Kafka Connect's REST API.")
app.add_typer(workers, name="connect")
app.add_typer(letters, name="deadletters")
app.add_typer(offsets, name="offsets")

ConnectorFile = Annotated[
    Path,
    typer.Argument(
        metavar="CONNECTOR", help="A connector configuration: JSON (flat or with name and config) or .properties."
    ),
]
BootstrapServers = Annotated[
    str | None,
    typer.Option(
        metavar="BROKERS",
        help="Kafka brokers, host:port separated by commas; instead of bootstrap.servers in the file.",
    ),
]

Duration = Annotated[
    str | None,
    typer.Option(
        "--for", metavar="TIME", help="How long, as in 500ms, 20s or 2m; else until Ctrl-C (30s without a terminal)."
    ),
]


@app.callback(invoke_without_command=True)
def options(
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    """Change data capture: PostgreSQL and MySQL to Kafka, exactly once, in Debezium's words."""
    if version:
        import cdc  # noqa: PLC0415

        typer.echo(cdc.__version__)
        raise typer.Exit


@app.command()
def run(connector: ConnectorFile, bootstrap_servers: BootstrapServers = None) -> None:
    """Run one connector until it is stopped by Ctrl-C or SIGTERM."""
    from cdc.cli.run import run_connector  # noqa: PLC0415

    raise typer.Exit(run_connector(connector, bootstrap_servers))


@app.command()
def doctor(
    connector: ConnectorFile,
    bootstrap_servers: BootstrapServers = None,
    worker: Annotated[
        Path | None,
        typer.Option(
            metavar="WORKER",
            help="The properties of the worker that is to run it: its Kafka settings, topic of offsets and config providers count.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Look at what a connector needs, before it starts: the server, rights, tables, slot, Kafka; change nothing, and say what to mend.

    The exit code is 1 when something would stop or endanger the stream.
    """
    from cdc.cli.doctor import run_doctor  # noqa: PLC0415

    raise typer.Exit(run_doctor(connector, worker, bootstrap_servers, as_json=as_json))


@workers.command()
def standalone(
    worker: Annotated[
        Path,
        typer.Argument(metavar="WORKER", help="The worker's properties, as for Kafka Connect's connect-standalone."),
    ],
    connectors: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[CONNECTOR …]",
            help="Connector configurations: JSON (flat or with name and config) or .properties.",
        ),
    ] = None,
) -> None:
    """Run connectors on one worker, with its REST API, until it is stopped by Ctrl-C or SIGTERM."""
    from cdc.cli.connect import run_standalone  # noqa: PLC0415

    raise typer.Exit(run_standalone(worker, connectors or []))


@workers.command()
def distributed(
    worker: Annotated[
        Path,
        typer.Argument(metavar="WORKER", help="The worker's properties, as for Kafka Connect's connect-distributed."),
    ],
) -> None:
    """Run a worker as one of a cluster, until it is stopped by Ctrl-C or SIGTERM; connectors are put through its REST API."""
    from cdc.cli.connect import run_distributed  # noqa: PLC0415

    raise typer.Exit(run_distributed(worker))


@app.command()
def status(
    url: Annotated[
        str, typer.Option("--url", metavar="URL", envvar="CDC_STREAM_URL", help="The REST API of a worker.")
    ] = "http://127.0.0.1:8083",
    *,
    watch: Annotated[
        bool | None,
        typer.Option("--watch/--once", help="Show it anew until Ctrl-C, or once; else as there is a terminal or not."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print it once, as one JSON document.")] = False,
    interval: Annotated[float, typer.Option(min=0.2, metavar="SECONDS", help="How often it is shown anew.")] = 2.0,
    token: Annotated[
        str, typer.Option(metavar="TOKEN", envvar="CDC_STREAM_TOKEN", help="A token, if the worker demands one.")
    ] = "",
    user: Annotated[
        str,
        typer.Option(
            metavar="NAME:PASSWORD", envvar="CDC_STREAM_USER", help="A name and a password, if it demands those."
        ),
    ] = "",
    ca_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Certificates to trust (PEM), if not the system's.")
    ] = None,
) -> None:
    """Show what the connectors and tasks of a worker do: state, records, lag, and why one has failed."""
    from cdc.cli.status import show_status  # noqa: PLC0415
    from cdc.cli.worker_client import WorkerClient  # noqa: PLC0415
    from cdc.config.secret import Secret  # noqa: PLC0415

    client = WorkerClient(url, Secret(token), Secret(user), ca_file)
    show_status(client, watch=watch, as_json=as_json, interval=interval)


@app.command()
def demo(
    duration: Duration = None,
    rate: Annotated[float, typer.Option(metavar="NUMBER", help="Transactions a second that the shop does.")] = 100.0,
    keep: Annotated[
        bool, typer.Option("--keep", help="Leave the servers, the database and the topics as they are.")
    ] = False,
    database: Annotated[
        str, typer.Option("--db", metavar="NAME", help="Where the shop is: postgres or mysql.")
    ] = "postgres",
) -> None:
    """Show a small shop's changes on their way from a real PostgreSQL or MySQL to a real Kafka, and prove that each arrives once."""
    from cdc.cli.demo.command import run_demo  # noqa: PLC0415

    raise typer.Exit(run_demo(duration, rate, database, keep=keep))


def main() -> None:
    """Run the command line; an error of ours becomes one line and its exit code."""
    try:
        app()
    except CdcError as error:
        print(f"cdc-stream: {error.sentence()}", file=sys.stderr)
        sys.exit(error.exit_code)
