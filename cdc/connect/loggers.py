"""The levels of Python's loggers, in the words of Connect."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

LEVELS: Final = {
    "ALL": 1,
    "TRACE": 5,
    "DEBUG": logging.DEBUG,
    "INFO": logging.INFO,
    "WARN": logging.WARNING,
    "ERROR": logging.ERROR,
    "FATAL": logging.CRITICAL,
    "OFF": logging.CRITICAL + 10,
}
"""Log4j's levels, from the most talkative, as numbers of `logging`."""


@dataclass(frozen=True, slots=True)
class LoggerLevel:
    """A level, and when it was set here: milliseconds since 1970, or None."""

    level: str
    last_modified: int | None


class Loggers:
    """Reads and sets the levels of this process's loggers; `root` is the root's name, in any case.

    `clock` gives seconds since 1970.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._modified: dict[str, int] = {}

    def all(self) -> dict[str, LoggerLevel]:
        """Return the loggers whose level is set, in the order of their names."""
        return {logger.name: self._level(logger) for logger in _existing("root") if logger.level}

    def level(self, name: str) -> LoggerLevel | None:
        """Return the level that holds for a logger, its own or an ancestor's; None when there is no such logger."""
        found = next((logger for logger in _existing(name) if logger.name == _name(name)), None)
        return None if found is None else self._level(found)

    def set_level(self, name: str, level: str) -> list[str]:
        """Set the level of a logger and of those below it; return the names of the loggers that changed, in order.

        Those below it that have no level of their own go on to have none. Raises KeyError for a word that is no level.
        """
        number = LEVELS[level.upper()]
        target = logging.getLogger(None if _name(name) == "root" else name)
        before = {logger: logger.getEffectiveLevel() for logger in _existing(name)}
        for logger in before:
            if logger.level or logger is target:
                logger.setLevel(number)
        changed = [logger.name for logger, old in before.items() if old != number]
        self._modified.update(dict.fromkeys(changed, int(self._clock() * 1000)))
        return changed

    def _level(self, logger: logging.Logger) -> LoggerLevel:
        number = logger.getEffectiveLevel()
        word = next((word for word, least in reversed(LEVELS.items()) if number >= least), "ALL")
        return LoggerLevel(word, self._modified.get(logger.name))


def _name(name: str) -> str:
    return "root" if name.lower() == "root" else name


def _existing(namespace: str) -> Iterator[logging.Logger]:
    """Yield the loggers of that name and below, in the order of their names."""
    known = [logger for logger in logging.root.manager.loggerDict.values() if isinstance(logger, logging.Logger)]
    prefix = f"{namespace}."
    for logger in sorted([*known, logging.root], key=lambda logger: logger.name):
        if _name(namespace) == "root" or logger.name == namespace or logger.name.startswith(prefix):
            yield logger
