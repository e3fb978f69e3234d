"""The console script `cdc-stream`: one file a command, heavy imports inside the commands."""

from cdc.cli.app import main

__all__ = ["main"]
