"""What brings values into a configuration from elsewhere: the contract, and Kafka's three (`org.apache.kafka.common.config.provider`)."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Final, Protocol

from cdc.config.definition import Definition
from cdc.config.property import Property, Type, Validator
from cdc.config.providers import directory, environment, properties_file
from cdc.config.regex import RegexError, compile_java
from cdc.errors import ConfigError


class ConfigProvider(Protocol):
    """Brings the values of `${name:path:key}`, for the worker and all its connectors.

    Made without arguments, configured once, and kept as long as the worker lives. Order: the references of a configuration are asked for
    one after another, as they stand there. Durability: nothing is kept of what it brings; a task that is started asks again, so a secret
    that was changed takes effect then. Concurrency: one caller at a time, on the event loop, so `get` must not wait: one that
    asks a server keeps what it has fetched, and fetches anew in a thread.
    """

    #: What it takes beneath `config.providers.<name>.param.`.
    definition: ClassVar[Definition]

    def configure(self, properties: Mapping[str, str]) -> None:
        """Take the properties under `config.providers.<name>.param.`, without that prefix; raises ConfigError."""

    def get(self, path: str, key: str) -> str:
        """Return one value; `path` is "" where none was written. It stands as it is, even if it looks like a reference.

        Raises:
            ConfigError: there is no such value, or it must not be brought; the sentence names path or key, and never holds a value.
        """


def _relative(paths: tuple[str, ...]) -> str:
    first = next((path for path in paths if not Path(path).is_absolute()), None)
    return "" if first is None else f"has the relative path {first!r}"


def _regex_fault(text: str) -> str:
    try:
        compile_java(text)
    except RegexError as error:
        return f"is not a regular expression: {error}"
    return ""


_ALLOWED_PATHS: Final = Definition(
    [
        Property(
            "allowed.paths",
            Type.LIST,
            "",
            "Files and folders beneath which it may read; without them it reads all that the worker's user may.",
            validator=Validator("absolute paths", _relative),
        )
    ]
)
_ALLOWLIST: Final = Definition(
    [
        Property(
            "allowlist.pattern",
            Type.STRING,
            "",
            "Regular expression that the whole name of a variable must match; without it all are brought.",
            validator=Validator("a regular expression", _regex_fault),
        )
    ]
)


class _OfAllowedPaths:
    """What providers that read files share: the folders that they may read, all if none is named."""

    definition: ClassVar[Definition] = _ALLOWED_PATHS

    def configure(self, properties: Mapping[str, str]) -> None:
        """See `ConfigProvider.configure`; raises InvalidConfig."""
        self._allowed = _paths(self.definition.parse(properties).list("allowed.paths"))


class FileConfigProvider(_OfAllowedPaths):
    """A `ConfigProvider` of keys in files of Java properties: `${name:/path:key}`."""

    def get(self, path: str, key: str) -> str:
        """See `ConfigProvider.get`."""
        _check_path(path, self._allowed)
        return properties_file(path, key)


class DirectoryConfigProvider(_OfAllowedPaths):
    """A `ConfigProvider` of whole files, as secrets are mounted into containers: `${name:/path:file}`."""

    def get(self, path: str, key: str) -> str:
        """See `ConfigProvider.get`."""
        _check_path(os.path.join(path, key), self._allowed)  # noqa: PTH118 (what is joined is only compared here)
        return directory(path, key)


class EnvVarConfigProvider:
    """A `ConfigProvider` of environment variables: `${name:VARIABLE}`."""

    definition: ClassVar[Definition] = _ALLOWLIST

    def configure(self, properties: Mapping[str, str]) -> None:
        """See `ConfigProvider.configure`; raises InvalidConfig."""
        pattern = self.definition.parse(properties).string("allowlist.pattern")
        # Filters take no account of case, and names of variables do.
        self._allowed = re.compile(compile_java(pattern).pattern, re.ASCII) if pattern else None

    def get(self, path: str, key: str) -> str:
        """See `ConfigProvider.get`."""
        if self._allowed is not None and not self._allowed.fullmatch(key):
            raise ConfigError(f"{key} does not match allowlist.pattern of the provider", "Name a variable that does.")
        return environment(path, key)


def _paths(allowed: tuple[str, ...]) -> tuple[Path, ...]:
    return tuple(Path(path).resolve() for path in allowed)


def _check_path(path: str, allowed: tuple[Path, ...]) -> None:
    """Raise ConfigError for a file that is not beneath what is allowed, symbolic links followed."""
    if not path or not allowed:
        return
    try:
        found = Path(path).resolve()
    except (ValueError, RuntimeError, OSError) as error:
        raise ConfigError(f"{path!r} cannot be the path of a file: {error}", "Correct the path.") from error
    if not any(found.is_relative_to(each) for each in allowed):
        raise ConfigError(f"{path} is outside allowed.paths of the provider", "Name a file beneath them.")
