"""Property tables and what is wrong with a configuration, in the shape and the words of Kafka Connect's REST API.

The shapes are `ConfigKeyInfo` and `ConfigInfos` of `connect-runtime` 4.3, the words those of Kafka's `ConfigDef`, since clients look for
them. Beyond Connect, a name that no property has is an error, with the nearest one.

What a provider brought is in no answer: a value is shown with its references as they were written, a password never.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from cdc.config.definition import Definition, InvalidConfig
from cdc.config.property import Problem, Property, Status, Type, Value, nearest
from cdc.config.providers import PROVIDERS, Provider, resolve
from cdc.config.secret import MASK, Secret
from cdc.connect.connector_properties import LOOKS, Look
from cdc.connect.herder import RequestError
from cdc.model.position import Json

ConfigInfos: TypeAlias = Mapping[str, Json]
"""The answer to `PUT /connector-plugins/{plugin}/config/validate`: name, error_count, groups, configs."""

_NUMBERS: Final = (Type.INT, Type.LONG, Type.DOUBLE)


def config_keys(definition: Definition) -> list[dict[str, Json]]:
    """Return what `GET /connector-plugins/{plugin}/config` answers: the plugin's own properties, then the runtime's."""
    listed = [each for each in definition.properties if not each.is_template]
    places = _places(listed)
    return [_key(each, places[each.name]) for each in sorted(listed, key=lambda each: each.name in LOOKS)]


def _places(properties: Iterable[Property]) -> dict[str, int]:
    """Return the place of each property in its group, from 1; -1 without a group, as in Connect."""
    counted: dict[str, int] = {}
    places: dict[str, int] = {}
    for each in properties:
        counted[each.group] = counted.get(each.group, 0) + 1
        places[each.name] = counted[each.group] if each.group else -1
    return places


def _key(row: Property, place: int, default: str | None = None) -> dict[str, Json]:
    look = LOOKS.get(row.name) or Look(place, "MEDIUM" if row.group else "NONE", row.name)
    own = row.default if isinstance(row.default, str) else None
    return {
        "name": row.name,
        "type": row.type.value,
        "required": row.required,
        "default_value": own if default is None else default,
        "importance": row.importance.value,
        "documentation": row.doc,
        "group": row.group or None,
        "order_in_group": look.order,
        "width": look.width,
        "display_name": look.display_name,
        "dependents": [],
    }


def validate(
    class_name: str,
    definition: Definition,
    config: Mapping[str, str],
    problems: Iterable[Problem] = (),
    *,
    providers: Mapping[str, Provider] = PROVIDERS,
    inherited: Mapping[str, str] | None = None,
    defaults: Mapping[str, str] | None = None,
    recommended: Mapping[str, Sequence[str]] | None = None,
) -> ConfigInfos:
    """Return everything that is wrong with a configuration, and what it means, property by property.

    `config` is as it was given, references included; `problems` are further ones that somebody has found with the references replaced
    (the connector's own `validate`). `inherited` is what the worker adds, which counts and is not shown. `defaults` are shown in place of
    those of the table: what the worker has for a property that is its to decide. `recommended` are values to choose from, by property.
    """
    given = _Given.read(config, providers, inherited or {})
    errors = _errors(definition, given, problems)
    listed = [each for each in definition.properties if not each.is_template]
    places = _places(listed)
    known = {each.name for each in listed}
    configs: list[Json] = [_unknown(name, found) for name, found in errors.items() if name not in known]
    for each in listed:
        default = (defaults or {}).get(each.name)
        value: dict[str, Json] = {
            "name": each.name,
            "value": _shown(definition, each, given, default),
            "recommended_values": list((recommended or {}).get(each.name, ())),
            "errors": list(errors.get(each.name, ())),
            "visible": True,
        }
        configs.append({"definition": _key(each, places[each.name], default), "value": value})
    return {
        "name": class_name,
        "error_count": sum(map(len, errors.values())),
        "groups": list(dict.fromkeys(each.group for each in listed if each.group)),
        "configs": configs,
    }


def errors_of(infos: ConfigInfos) -> list[str]:
    """Return all error texts of an answer, in its order."""
    configs: Any = infos["configs"]
    return [error for config in configs for error in config["value"]["errors"]]


def failure(problems: Iterable[Problem | str]) -> RequestError:
    """Return the error that refuses a configuration, in Connect's words; `errors_of` has the texts of an answer."""
    texts = [each.sentence() if isinstance(each, Problem) else each for each in problems]
    return RequestError(
        f"Connector configuration is invalid and contains the following {len(texts)} error(s):\n"
        + "\n".join(texts)
        + "\nYou can also find the above list of errors at the endpoint `/connector-plugins/{connectorType}/config/validate`"
    )


@dataclass(frozen=True, slots=True)
class _Given:
    """A configuration as it was written and with its references replaced.

    `values` has what the worker adds, too. `secret` names the properties whose text is not to be shown, `faults` holds why a reference
    could not be replaced, by property, and `brought` is all that providers brought.
    """

    written: Mapping[str, str]
    values: Mapping[str, str]
    secret: frozenset[str]
    faults: Mapping[str, Problem]
    brought: frozenset[str]

    @classmethod
    def read(cls, config: Mapping[str, str], providers: Mapping[str, Provider], inherited: Mapping[str, str]) -> _Given:
        brought: set[str] = set()
        keeping = {name: _keeping(provider, brought) for name, provider in providers.items()}
        values = {**inherited, **config}
        secret = set(inherited) - set(config)
        faults: dict[str, Problem] = {}
        for name, text in config.items():
            try:
                resolved = resolve({name: text}, keeping)
            except InvalidConfig as error:
                faults[name] = _without_providers(error.problems[0]) if not providers else error.problems[0]
                continue
            values[name] = resolved.values[name]
            secret |= resolved.secret
        return cls(config, values, frozenset(secret), faults, frozenset(filter(None, brought)))

    def hidden(self, definition: Definition) -> re.Pattern[str]:
        """Return the pattern of what must be in no answer: what providers brought, and passwords."""
        passwords = {
            text
            for name, text in self.values.items()
            if (row := definition.find(name)) is not None and row.type is Type.PASSWORD
        }
        whole = {self.values[name] for name in self.secret & self.written.keys()}
        words = sorted({*self.brought, *passwords, *whole} - {""}, key=len, reverse=True)
        return re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, words)) or '(?!)'})(?!\w)")


def _keeping(provider: Provider, brought: set[str]) -> Provider:
    def fetch(path: str, key: str) -> str:
        value = provider(path, key)
        brought.update((value, value.strip()))
        return value

    return fetch


def _without_providers(problem: Problem) -> Problem:
    remedy = "The worker has no config.providers: set them in its file, such as config.providers=env with config.providers.env.class."
    return Problem(problem.name, problem.fact, remedy)


def _errors(definition: Definition, given: _Given, more: Iterable[Problem]) -> dict[str, list[str]]:
    """Return all error texts by the name that each is shown at, in the order in which they were found."""
    config, found = definition.examine(given.values, given.secret)
    ruled = [problem for rule in definition.rules for problem in rule(config)]
    texts = _texts(definition, given)
    errors: dict[str, list[str]] = {}
    for problem in found[: len(found) - len(ruled)]:
        row = definition.find(problem.name)
        words = _words(row, texts.get(row.name)) if row and not row.is_template else []
        errors.setdefault(_listed_as(definition, problem.name), []).extend(words or [problem.sentence()])
    for problem in (*ruled, *more):
        errors.setdefault(_listed_as(definition, problem.name), []).append(problem.sentence())
    errors |= {_listed_as(definition, name): [problem.sentence()] for name, problem in given.faults.items()}
    hidden = given.hidden(definition)
    return {name: [hidden.sub(MASK, text) for text in dict.fromkeys(each)] for name, each in errors.items()}


def _listed_as(definition: Definition, name: str) -> str:
    """Return the first name of a property, under which it stands in an answer."""
    row = definition.find(name)
    return row.name if row and not row.is_template else name


@dataclass(frozen=True, slots=True)
class _Text:
    """The text of a property, and as it may be shown."""

    text: str
    shown: str = field(default=MASK)


def _texts(definition: Definition, given: _Given) -> dict[str, _Text]:
    """Return what was given for each property, whichever of its names was used."""
    texts: dict[str, _Text] = {}
    for name, text in given.values.items():
        row = definition.find(name)
        if row is not None:
            hidden = row.type is Type.PASSWORD or name in given.secret
            texts.setdefault(row.name, _Text(text, MASK if hidden else text))
    return texts


def _words(row: Property, given: _Text | None) -> list[str]:
    """Return what Kafka's `ConfigDef` says of a value that cannot be read; nothing where it has no words of its own."""
    if row.required and (given is None or not given.text.strip()):
        return [f'Missing required configuration "{row.name}" which has no default value.']
    fault = _fault(row, given.text) if given and row.status is Status.SUPPORTED else ""
    if given is None or not fault:
        return []
    invalid = f"Invalid value {given.shown} for configuration {row.name}"
    if row.choices:
        return [f"{invalid}: {_of_choices(row, fault, given)}"]
    if _fault(_bare(row), given.text):
        words = (
            "Expected value to be either true or false"
            if row.type is Type.BOOLEAN
            else f"Not a number of type {row.type}"
        )
        null = f"Invalid value null for configuration {row.name}: Value must be non-null"
        return [f"{invalid}: {words}", *([null] if row.validator and row.type in _NUMBERS else [])]
    # A validator may quote the value, so nothing of what it says about one from a provider is kept.
    quiet = given.shown == MASK and row.type is not Type.PASSWORD
    said = f"Give {row.accepts}." if quiet else f"it {fault}. Give {row.accepts}."
    return [f"{invalid}: {_of_range(row, given.text) or said}"]


def _of_choices(row: Property, fault: str, given: _Text) -> str:
    """Return what Kafka's `ValidString` says, and beyond it whether the value is planned, or which one was meant."""
    said = f"String must be one of: {', '.join(row.choices)}"
    if given.shown == MASK:
        return said
    near = nearest(given.text.strip().lower(), list(row.choices))
    late = " (it is not supported yet)" if fault == "is not supported yet" else ""
    return said + (f". Did you mean {near}?" if near else late)


def _of_range(row: Property, text: str) -> str:
    """Return what Kafka's `Range` says of a number outside the bounds that a validator asks for, or ""."""
    bounds = re.match(
        r"a whole number (?:of (-?\d+) or more|from (-?\d+) to (-?\d+))",
        row.validator.requirement if row.validator else "",
    )
    if bounds is None:
        return ""
    low = int(bounds[1] or bounds[2])
    return f"Value must be at least {low}" if int(text) < low else f"Value must be no more than {bounds[3]}"


def _fault(row: Property, text: str) -> str:
    try:
        row.read(text)
    except ValueError as error:
        return str(error)
    return ""


def _bare(row: Property) -> Property:
    """Return a property that takes any value of the same type."""
    return Property(row.name, row.type, None, row.doc)


def _shown(definition: Definition, row: Property, given: _Given, default: str | None) -> str | None:
    """Return a property's value as text: None when it is not set or cannot be read, as Connect has it."""
    name = next((name for name in given.written if definition.find(name) is row), "")
    if not name:
        return default if default is not None else _text(row.default_value())
    if row.type is Type.PASSWORD:
        return MASK
    if name in given.secret or name in given.faults:
        return given.written[name]
    value = given.values[name] if row.status is Status.WITHOUT_EFFECT else _value(row, given.values[name])
    return _text(value)


def _value(row: Property, text: str) -> Value:
    """Return a value; one that breaks a rule is shown all the same, and what is no number or boolean has none."""
    return _bare(row).read(text) if not _fault(_bare(row), text) else None


def _text(value: Value) -> str | None:
    if value is None:
        return None
    if isinstance(value, Secret):
        return MASK
    if isinstance(value, bool):
        return str(value).lower()
    return ",".join(value) if isinstance(value, tuple) else str(value)


def _unknown(name: str, errors: Sequence[str]) -> dict[str, Json]:
    """Return what is wrong at a name that is in no table: Connect, too, answers without a definition then."""
    value: dict[str, Json] = {
        "name": name,
        "value": None,
        "recommended_values": [],
        "errors": list(errors),
        "visible": True,
    }
    return {"definition": None, "value": value}
