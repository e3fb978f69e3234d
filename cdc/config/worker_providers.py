"""The config providers of a worker: those that `config.providers` names, made and configured."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

from cdc.config.config_provider import (
    ConfigProvider,
    DirectoryConfigProvider,
    EnvVarConfigProvider,
    FileConfigProvider,
)
from cdc.config.definition import InvalidConfig
from cdc.config.property import Problem, nearest, split_list
from cdc.config.providers import Provider
from cdc.errors import CdcError, ConfigError

NewProvider = Callable[[], ConfigProvider]
"""A class of providers."""

_PROVIDERS: Final[Mapping[str, NewProvider]] = {
    f"org.apache.kafka.common.config.provider.{each.__name__}": each
    for each in (FileConfigProvider, DirectoryConfigProvider, EnvVarConfigProvider)
}


def build_providers(
    raw: Mapping[str, str], plugin: Callable[[str], NewProvider] | None = None
) -> tuple[Mapping[str, Provider], tuple[Problem, ...]]:
    """Return the providers that `config.providers` names, by name, and everything that is wrong with their properties.

    `plugin` returns the class of a plugin that a name means, or raises CdcError.
    """
    providers: dict[str, Provider] = {}
    problems: list[Problem] = []
    names = split_list(raw.get("config.providers", ""))
    for name in names:
        try:
            providers[name] = _provider(name, raw, plugin)
        except InvalidConfig as error:
            problems += error.problems
    stray = re.compile(rf"config\.providers\.(?!(?:{'|'.join(map(re.escape, names)) or '(?!)'})\.).*")
    problems += [_stray_provider(name) for name in raw if stray.fullmatch(name)]
    return providers, tuple(problems)


def _stray_provider(name: str) -> Problem:
    return Problem(name, f"{name} belongs to no provider in config.providers", "Add its name there, or remove it.")


def _provider(name: str, raw: Mapping[str, str], plugin: Callable[[str], NewProvider] | None) -> Provider:
    """Return one provider; raises InvalidConfig."""
    prefix = f"config.providers.{name}."
    made = _made(f"{prefix}class", raw.get(f"{prefix}class", "").strip(), plugin)
    beneath = {each.removeprefix(prefix): text for each, text in raw.items() if each.startswith(prefix)}
    properties = {each.removeprefix("param."): text for each, text in beneath.items() if each.startswith("param.")}
    unknown = [each for each in beneath if each != "class" and not each.startswith("param.")]
    if unknown:
        remedy = f"What a provider takes is written as {prefix}param.…"
        raise InvalidConfig(
            [Problem(f"{prefix}{each}", f"{prefix}{each} is not a known property", remedy) for each in unknown]
        )
    try:
        made.configure(properties)
    except InvalidConfig as error:
        raise InvalidConfig(each.beneath(f"{prefix}param.") for each in error.problems) from error
    except ConfigError as error:
        raise InvalidConfig([Problem(f"{prefix}class", str(error), error.remedy)]) from error
    except Exception as error:
        fact = f"{prefix}class cannot be configured: {type(error).__name__}: {error}"
        raise InvalidConfig([Problem(f"{prefix}class", fact, "Mend the plugin.")]) from error
    return _careful(name, made)


def _careful(name: str, provider: ConfigProvider) -> Provider:
    """Return how the values of a provider are fetched; whatever else a plugin does is an error of the configuration that asks."""

    def fetch(path: str, key: str) -> str:
        try:
            value: object = provider.get(path, key)
        except ConfigError:
            raise
        except Exception as error:
            # What it says may hold the value.
            fact = f"the provider {name} raised {type(error).__name__}"
            raise ConfigError(fact, "Mend the plugin, or what it asks.") from error
        if not isinstance(value, str):
            raise ConfigError(f"the provider {name} brought a {type(value).__name__}, not a text", "Mend the plugin.")
        return value

    return fetch


def _made(name: str, given: str, plugin: Callable[[str], NewProvider] | None) -> ConfigProvider:
    """Return a new provider of the class that a property names; raises InvalidConfig."""
    known = {word.lower(): full for full in _PROVIDERS for word in (full, full.rpartition(".")[2])}
    full = known.get(given.lower())
    if full is not None:
        return _PROVIDERS[full]()
    if given and plugin is not None:
        try:
            return plugin(given)()
        except CdcError as error:
            raise InvalidConfig([Problem(name, f"{name} = {given!r}: {error}", error.remedy)]) from error
        except Exception as error:
            fact = f"{name} = {given!r} cannot be made: {type(error).__name__}: {error}"
            raise InvalidConfig([Problem(name, fact, "Mend the plugin.")]) from error
    near = nearest(given.lower(), list(known))
    fact = f"{name} = {given!r} is not a known class" if given else f"{name} is not set"
    remedy = f"Did you mean {known[near]}?" if near else f"Give one of {', '.join(_PROVIDERS)}."
    raise InvalidConfig([Problem(name, fact, remedy)])
