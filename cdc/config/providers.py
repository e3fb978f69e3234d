"""Values that a configuration fetches from elsewhere: `${env:NAME}`, `${file:/path:key}`, `${dir:/path:file}`.

The words are Kafka's: EnvVarConfigProvider, FileConfigProvider and DirectoryConfigProvider. A reference may stand anywhere in a value;
what it brings is not searched for further references.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cdc.config.definition import InvalidConfig
from cdc.config.files import is_text, parse_properties, read_text
from cdc.config.property import Problem, nearest
from cdc.errors import ConfigError

Provider = Callable[[str, str], str]
"""Takes path ("" when none was written) and key, and returns the value, or raises ConfigError, which never holds a value.

What else holds is said by `cdc.config.config_provider.ConfigProvider`, of which this is `get`."""

_REFERENCE: Final = re.compile(r"\$\{([^}:]*):([^}]*)\}")


@dataclass(frozen=True, slots=True)
class Resolved:
    """A configuration with its references replaced; `secret` names the properties that had one."""

    values: Mapping[str, str]
    secret: frozenset[str]


def environment(path: str, key: str) -> str:
    """Return an environment variable: `${env:NAME}`."""
    if path or not key:
        raise ConfigError(
            f"the provider env takes one name, not {':'.join(filter(None, (path, key))) or 'nothing'}",
            "Write ${env:NAME}.",
        )
    value = os.environ.get(key)
    if value is None:
        raise ConfigError(
            f"the environment variable {key} is not set", f"Set {key} for the process, or check the name."
        )
    if not is_text(value):
        raise ConfigError(f"the environment variable {key} is not UTF-8", "Set it to text in UTF-8.")
    return value


def properties_file(path: str, key: str) -> str:
    """Return the value of a key in a file of Java properties: `${file:/path:key}`."""
    if not path:
        raise ConfigError("the provider file needs a path and a key", "Write ${file:/path:key}.")
    values = parse_properties(read_text(Path(path)), path)
    if key not in values:
        near = nearest(key, list(values))
        raise ConfigError(f"{path} has no key {key!r}", f"Did you mean {near}?" if near else "Add it to the file.")
    return values[key]


def directory(path: str, key: str) -> str:
    """Return the text of a file in a directory: `${dir:/path:file}`, as secrets are mounted into containers.

    One line end at the end of the file is left out, since editors add it.
    """
    if not path or not key:
        raise ConfigError("the provider dir needs a path and a file name", "Write ${dir:/path:file}.")
    if "/" in key or key in {".", ".."}:
        raise ConfigError(
            f"{key} is not the name of a file in {path}", "Give the directory as the path, and a plain name as the key."
        )
    return re.sub(r"\r?\n\Z", "", read_text(Path(path) / key))


PROVIDERS: Final[Mapping[str, Provider]] = {
    "env": environment,
    "file": properties_file,
    "dir": directory,
    "directory": directory,
}


def resolve(raw: Mapping[str, str], providers: Mapping[str, Provider] = PROVIDERS) -> Resolved:
    """Return the configuration with its references replaced.

    Raises:
        InvalidConfig: a reference names an unknown provider, or one that has no such value; all of them are listed.
    """
    values: dict[str, str] = {}
    problems: list[Problem] = []
    for name, text in raw.items():
        try:
            values[name] = _REFERENCE.sub(lambda found: _fetch(found, providers), text)
        except ConfigError as error:
            problems.append(Problem(name, f"{name} cannot be resolved: {error}", error.remedy))
    if problems:
        raise InvalidConfig(problems)
    return Resolved(values, frozenset(name for name, text in raw.items() if _REFERENCE.search(text)))


def _fetch(found: re.Match[str], providers: Mapping[str, Provider]) -> str:
    provider = providers.get(found[1])
    if provider is None:
        known = ", ".join(providers)
        raise ConfigError(
            f"there is no provider {found[1]!r}",
            f"Use one of {known}. A value that only looks like a reference must itself come from a provider.",
        )
    # As in Kafka, the first colon ends the path.
    path, colon, key = found[2].partition(":")
    return provider(path, key) if colon else provider("", path)
