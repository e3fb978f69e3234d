"""`cdc-stream deadletters`: see the records that connectors have given up, and put them back."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from cdc.errors import ConfigError

letters = typer.Typer(no_args_is_help=True, help="See the records that connectors have given up, and put them back.")

Topic = Annotated[str, typer.Argument(metavar="TOPIC", help="The dead letter topic.")]
ClientFile = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE",
        help="Properties with bootstrap.servers, TLS and login: those of a Kafka client, or of a worker.",
    ),
]
Brokers = Annotated[
    str | None,
    typer.Option(
        "--bootstrap-servers",
        metavar="BROKERS",
        help="Kafka brokers, host:port separated by commas; instead of bootstrap.servers in the file.",
    ),
]
Connector = Annotated[str | None, typer.Option(metavar="NAME", help="Only those that this connector has given up.")]
Stage = Annotated[str | None, typer.Option(metavar="STAGE", help="Only those of this stage, such as VALUE_CONVERTER.")]


@letters.command("list")
def show_list(
    topic: Topic,
    *,
    connector: Connector = None,
    stage: Stage = None,
    limit: Annotated[int, typer.Option(metavar="NUMBER", min=0, help="Only the last so many of each partition.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")] = False,
    config: ClientFile = None,
    bootstrap_servers: Brokers = None,
) -> None:
    """List the letters of a topic: where they stand, where they come from, what failed, and which were put back."""
    from cdc.cli.connection import kafka_settings  # noqa: PLC0415
    from cdc.cli.letters.listing import list_letters  # noqa: PLC0415
    from cdc.connect.dead_letter_reader import Selection  # noqa: PLC0415

    settings = kafka_settings("deadletters", config, bootstrap_servers)
    asyncio.run(list_letters(settings, topic, Selection((), connector or "", stage or ""), limit, as_json=as_json))


@letters.command()
def show(
    topic: Topic,
    places: Annotated[
        list[str], typer.Argument(metavar="PARTITION:OFFSET …", help="Where the letters stand, as list shows it.")
    ],
    config: ClientFile = None,
    bootstrap_servers: Brokers = None,
) -> None:
    """Show all that letters hold: key, value, headers, and what failed, with its stack trace."""
    from cdc.cli.connection import kafka_settings  # noqa: PLC0415
    from cdc.cli.letters.view import show_letters  # noqa: PLC0415
    from cdc.connect.dead_letter_reader import Selection  # noqa: PLC0415

    selection = Selection.at(places)
    settings = kafka_settings("deadletters", config, bootstrap_servers)
    asyncio.run(show_letters(settings, topic, selection))


@letters.command()
def replay(
    topic: Topic,
    places: Annotated[
        list[str] | None,
        typer.Argument(metavar="[PARTITION:OFFSET …]", help="Where the letters stand, as list shows it."),
    ] = None,
    *,
    every: Annotated[bool, typer.Option("--all", help="All letters of the topic, instead of single ones.")] = False,
    to: Annotated[
        str | None, typer.Option(metavar="TOPIC", help="Put them into this topic instead of those that they come from.")
    ] = None,
    source_config: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Configuration of a source connector: its letters are transformed and converted anew, as on the worker of --config.",
        ),
    ] = None,
    connector: Connector = None,
    stage: Stage = None,
    again: Annotated[bool, typer.Option("--again", help="Also those that were put back before.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and write nothing.")] = False,
    config: ClientFile = None,
    bootstrap_servers: Brokers = None,
) -> None:
    """Put letters back into the topics that they were read from, or that their source meant them for, each exactly once."""
    from cdc.cli.connection import kafka_settings  # noqa: PLC0415
    from cdc.cli.letters.putting_back import Source, put_back  # noqa: PLC0415
    from cdc.connect.dead_letter_reader import Selection  # noqa: PLC0415

    _check_choice(places or [], narrowed=bool(connector or stage), every=every)
    selection = Selection.at(places or []) if not every else Selection((), connector or "", stage or "")
    settings = kafka_settings("deadletters", config, bootstrap_servers)
    source = Source.load(source_config, config) if source_config else None
    asyncio.run(put_back(settings, topic, selection, to or "", source, again=again, dry_run=dry_run))


def _check_choice(places: list[str], *, narrowed: bool, every: bool) -> None:
    """Raise ConfigError unless either single letters or all of a kind are meant."""
    if every and places:
        raise ConfigError(f"--all and {places[0]} are both given", "Name single letters, or give --all.")
    if not every and not places:
        raise ConfigError("No letter is named", "Give PARTITION:OFFSET for each, as list shows it, or --all.")
    if places and narrowed:
        raise ConfigError(
            f"--connector and --stage do not go with {places[0]}", "Give them with --all, or name single letters alone."
        )
