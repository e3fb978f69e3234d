"""The config providers of a worker: those that `config.providers` names, each held to what it may bring."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cdc.config.definition import InvalidConfig
from cdc.config.property import Problem, nearest, split_list
from cdc.config.providers import Provider, directory, environment, properties_file
from cdc.config.regex import RegexError, compile_java
from cdc.errors import ConfigError


def _provider_file(limits: _Limits) -> Provider:
    def read(path: str, key: str) -> str:
        limits.check_path(path)
        return properties_file(path, key)

    return read


def _provider_directory(limits: _Limits) -> Provider:
    def read(path: str, key: str) -> str:
        limits.check_path(os.path.join(path, key))  # noqa: PTH118 (what is joined is only compared here)
        return directory(path, key)

    return read


def _provider_environment(limits: _Limits) -> Provider:
    def read(path: str, key: str) -> str:
        limits.check_name(key)
        return environment(path, key)

    return read


@dataclass(frozen=True, slots=True)
class _Limits:
    """What a provider may bring: files beneath `paths` (None: all), variables that `names` matches as a whole (None: all)."""

    paths: tuple[Path, ...] | None = None
    names: re.Pattern[str] | None = None

    def check_path(self, path: str) -> None:
        """Raise ConfigError for a file that is outside, symbolic links followed."""
        if (
            path
            and self.paths is not None
            and not any(Path(path).resolve().is_relative_to(each) for each in self.paths)
        ):
            raise ConfigError(f"{path} is outside allowed.paths of the provider", "Name a file beneath them.")

    def check_name(self, name: str) -> None:
        """Raise ConfigError for a variable that is not on the list."""
        if self.names is not None and not self.names.fullmatch(name):
            raise ConfigError(f"{name} does not match allowlist.pattern of the provider", "Name a variable that does.")


_PROVIDERS: Final = {
    "org.apache.kafka.common.config.provider.FileConfigProvider": (_provider_file, "allowed.paths"),
    "org.apache.kafka.common.config.provider.DirectoryConfigProvider": (_provider_directory, "allowed.paths"),
    "org.apache.kafka.common.config.provider.EnvVarConfigProvider": (_provider_environment, "allowlist.pattern"),
}


def build_providers(raw: Mapping[str, str]) -> tuple[Mapping[str, Provider], tuple[Problem, ...]]:
    """Return the providers that `config.providers` names, by name, and everything that is wrong with their properties."""
    providers: dict[str, Provider] = {}
    problems: list[Problem] = []
    names = split_list(raw.get("config.providers", ""))
    for name in names:
        try:
            providers[name] = _provider(name, raw)
        except InvalidConfig as error:
            problems += error.problems
    stray = re.compile(rf"config\.providers\.(?!(?:{'|'.join(map(re.escape, names)) or '(?!)'})\.).*")
    problems += [_stray_provider(name) for name in raw if stray.fullmatch(name)]
    return providers, tuple(problems)


def _stray_provider(name: str) -> Problem:
    return Problem(name, f"{name} belongs to no provider in config.providers", "Add its name there, or remove it.")


def _provider(name: str, raw: Mapping[str, str]) -> Provider:
    """Return one provider; raises InvalidConfig."""
    prefix = f"config.providers.{name}."
    given = raw.get(f"{prefix}class", "").strip()
    known = {word.lower(): full for full in _PROVIDERS for word in (full, full.rpartition(".")[2])}
    full = known.get(given.lower())
    if full is None:
        near = nearest(given.lower(), list(known))
        fact = f"{prefix}class = {given!r} is not a known class" if given else f"{prefix}class is not set"
        remedy = f"Did you mean {known[near]}?" if near else f"Give one of {', '.join(_PROVIDERS)}."
        raise InvalidConfig([Problem(f"{prefix}class", fact, remedy)])
    make, limit = _PROVIDERS[full]
    names = (f"{prefix}class", f"{prefix}param.{limit}")
    unknown = [each for each in raw if each.startswith(prefix) and each not in names]
    if unknown:
        raise InvalidConfig(
            [Problem(each, f"{each} is not a known property", f"It takes {names[1]}.") for each in unknown]
        )
    return make(_limits(names[1], raw.get(names[1], "")))


def _limits(name: str, text: str) -> _Limits:
    if not text.strip():
        return _Limits()
    if name.endswith("allowed.paths"):
        relative = [path for path in split_list(text) if not Path(path).is_absolute()]
        if relative:
            raise InvalidConfig(
                [Problem(name, f"{name} has the relative path {relative[0]!r}", "Give absolute paths.")]
            )
        return _Limits(paths=tuple(Path(path).resolve() for path in split_list(text)))
    try:
        # Filters take no account of case, and names of variables do.
        return _Limits(names=re.compile(compile_java(text).pattern, re.ASCII))
    except RegexError as error:
        fact = f"{name} = {text!r} is not a regular expression: {error}"
        raise InvalidConfig([Problem(name, fact, "Correct it.")]) from error
