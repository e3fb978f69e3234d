"""`cdc-stream offsets`: see where a connector stands, and decide where it goes on."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

offsets = typer.Typer(no_args_is_help=True, help="See the stored offset of a connector, set it, or remove it.")

ConnectorFile = Annotated[
    Path,
    typer.Argument(metavar="CONNECTOR", help="The configuration that `cdc-stream run` takes: JSON or .properties."),
]
Brokers = Annotated[
    str | None,
    typer.Option(
        "--bootstrap-servers",
        metavar="BROKERS",
        help="Kafka brokers, host:port separated by commas; instead of bootstrap.servers in the file.",
    ),
]
Yes = Annotated[bool, typer.Option("--yes", help="Do it without a question.")]
Fence = Annotated[
    bool, typer.Option("--fence", help="Shut out an instance that still runs: it ends when it writes next.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


@offsets.command()
def show(connector: ConnectorFile, *, as_json: AsJson = False, bootstrap_servers: Brokers = None) -> None:
    """Show the stored offset, what the server says of it, and whether the connector can go on."""
    from cdc.cli.positions.stand import connector_config, look  # noqa: PLC0415
    from cdc.cli.positions.view import as_document, as_text  # noqa: PLC0415

    stand = asyncio.run(look(connector_config(connector, bootstrap_servers)))
    typer.echo(as_document(stand) if as_json else as_text(stand))


@offsets.command("set")
def set_offset(
    connector: ConnectorFile,
    where: Annotated[
        str,
        typer.Argument(
            metavar="WHERE",
            help="A place in the log, as in 0/16B3748 or binlog.000003:4711; `slot` for where PostgreSQL's slot stands; a set of MySQL's GTIDs; or a"
            " whole offset as JSON, such as Debezium's.",
        ),
    ],
    *,
    yes: Yes = False,
    fence: Fence = False,
    as_json: AsJson = False,
    bootstrap_servers: Brokers = None,
) -> None:
    """Let the connector go on behind another place in the log. What lies between is left out, or comes again."""
    from cdc.cli.positions.changing import set_position  # noqa: PLC0415
    from cdc.cli.positions.stand import connector_config  # noqa: PLC0415

    config = connector_config(connector, bootstrap_servers)
    set_position(config, where, yes=yes, fence=fence, as_json=as_json)


@offsets.command()
def reset(
    connector: ConnectorFile,
    *,
    yes: Yes = False,
    fence: Fence = False,
    as_json: AsJson = False,
    bootstrap_servers: Brokers = None,
) -> None:
    """Remove the stored offset: the connector begins anew, with a snapshot if snapshot.mode says so."""
    from cdc.cli.positions.changing import remove_position  # noqa: PLC0415
    from cdc.cli.positions.stand import connector_config  # noqa: PLC0415

    config = connector_config(connector, bootstrap_servers)
    remove_position(config, yes=yes, fence=fence, as_json=as_json)
