"""`cdc-stream deadletters replay`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cdc.cli.letters.wording import one_line
from cdc.config import load
from cdc.config.files import parse_properties, read_text
from cdc.config.settings import KafkaSettings
from cdc.config.worker import WorkerSettings
from cdc.connect.dead_letter_reader import Selection
from cdc.connect.effective import Effective, effective
from cdc.connect.plugins import Plugins
from cdc.connect.replaying import AsItWas, Fate, Forwarder, NotReplayable, Outcome, Partitions, replay
from cdc.connect.source_replaying import ConvertedAnew


async def put_back(
    settings: KafkaSettings,
    topic: str,
    selection: Selection,
    to: str,
    source: Source | None = None,
    *,
    again: bool = False,
    dry_run: bool = False,
) -> None:
    """Put the chosen letters of a topic back, and print a line for each and one that sums up.

    Raises:
        NotReplayable: some could not be put back.
        SinkError: as `replay`.
        InvalidConfig: the configuration of the source connector cannot be used.
    """
    as_it_was = AsItWas(Partitions(settings), to)
    forwarder: Forwarder = (
        as_it_was if source is None else ConvertedAnew.by_config(source.plugins, source.found, as_it_was)
    )
    await as_it_was.check()
    account = Account(dry_run=dry_run)
    await replay(settings, topic, selection, forwarder, account.enter, again=again, dry_run=dry_run)
    account.close()


@dataclass(frozen=True, slots=True)
class Source:
    """A source connector's configuration on a worker, and the plugins that it may name."""

    plugins: Plugins
    found: Effective

    @classmethod
    def load(cls, connector: Path, worker: Path | None) -> Source:
        """Return what two files say; where no worker's is given, its defaults count. Imports plugins. Raises ConfigError."""
        raw = parse_properties(read_text(worker), str(worker)) if worker and worker.suffix != ".json" else {}
        settings = WorkerSettings.from_raw(raw)
        name, config = load(connector)
        found = effective(name, config, settings.converters, {}, settings.providers)
        return cls(Plugins.discover(settings.plugin_path), found)


class Account:
    """What became of the letters so far."""

    def __init__(self, *, dry_run: bool) -> None:
        self._word = "would be put back" if dry_run else "put back"
        self._counts = dict.fromkeys(Fate, 0)
        self._first_refused: Outcome | None = None

    def enter(self, outcome: Outcome) -> None:
        """Print what became of a letter."""
        self._counts[outcome.fate] += 1
        if outcome.error is not None and self._first_refused is None:
            self._first_refused = outcome
        print(f"{outcome.letter.place} {self._line(outcome)}", flush=True)

    def close(self) -> None:
        """Print the sum; raises NotReplayable if a letter was refused."""
        done, before, refused = (self._counts[fate] for fate in Fate)
        more = f", {before} put back before (--again does it once more)" if before else ""
        more += f", {refused} cannot be put back" if refused else ""
        print(f"{done} {self._word}{more}")
        first = self._first_refused
        if first is not None and first.error is not None:
            fact = f"{refused} of {sum(self._counts.values())} letters cannot be put back; the first is {first.letter.place}: {first.error}"
            raise NotReplayable(fact, first.error.remedy) from first.error

    def _line(self, outcome: Outcome) -> str:
        if outcome.fate is Fate.PUT_BACK:
            topics = sorted({topic for batch in outcome.batches for topic in batch.topics})
            return f"{self._word} to {', '.join(topics) or 'nowhere: a transform drops it'}"
        return one_line(f"cannot be put back: {outcome.error}") if outcome.error else outcome.fate.value
