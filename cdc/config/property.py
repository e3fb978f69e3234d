"""One configuration property: what it is called, what it takes, what it means, and how far it is supported.

The rows of the table that parsing, validation over REST, the help texts and the reference pages are all made from.
"""

from __future__ import annotations

import difflib
import enum
import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Final

from cdc.config.secret import MASK, Secret

Value = bool | int | float | str | tuple[str, ...] | Secret | None
"""What the text of a property becomes; None when it is not set and has no default."""

LONGEST_SHOWN: Final = 120


class Type(enum.StrEnum):
    """The types of Kafka Connect's `ConfigDef.Type`."""

    BOOLEAN = "BOOLEAN"
    STRING = "STRING"
    INT = "INT"
    LONG = "LONG"
    DOUBLE = "DOUBLE"
    LIST = "LIST"
    CLASS = "CLASS"
    PASSWORD = "PASSWORD"  # noqa: S105


class Importance(enum.StrEnum):
    """How much a property matters to somebody who sets up a connector."""

    HIGH = "HIGH"
    MEDIUM = "MEDIUM"
    LOW = "LOW"


class Status(enum.StrEnum):
    """How far a property is supported."""

    SUPPORTED = "supported"
    PLANNED = "planned"
    """Known; any value but the default is refused, since leaving it out would change the data in silence."""
    WITHOUT_EFFECT = "without effect"
    """Accepted and reported: it cannot change the data, and what it tunes does not exist here."""


class Required(enum.Enum):
    """The type of `REQUIRED`."""

    REQUIRED = "required"


REQUIRED: Final = Required.REQUIRED
"""In place of a default: the property must be set."""


@dataclass(frozen=True, slots=True)
class Validator:
    """What a value must fulfil beyond its type.

    `requirement` completes the sentence "Give …"; `fault` returns a verb phrase that says what is wrong with the parsed value
    ("is out of range"), or "" when it is good. The fault of a PASSWORD property must not repeat the value.
    """

    requirement: str
    fault: Callable[[Any], str]


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with a configuration; `name` is the property that it is shown at."""

    name: str
    fact: str
    remedy: str

    def sentence(self) -> str:
        """Return fact and remedy as one line for a person."""
        return f"{self.fact}. {self.remedy}"

    def beneath(self, prefix: str) -> Problem:
        """Return the same of a property whose name has a prefix; a fact that begins with the name has the whole one then."""
        fact = f"{prefix}{self.fact}" if self.fact.startswith(f"{self.name} ") else self.fact
        return Problem(f"{prefix}{self.name}", fact, self.remedy)


@dataclass(frozen=True, slots=True)
class Property:
    """One row of the table of properties.

    `default` is text, as it would stand in a file. `choices` are the values it takes, in any case of letters; `planned` are those
    that Debezium knows and that are refused here as not supported yet; `former` maps older spellings to a choice. `also` lists
    other names under which the property is accepted. `debezium_default` is given where Debezium, or Kafka's client, has another
    default, and `why` says why ours differs. `<…>` in a name stands for any text, `<N>` for digits, `<driverProperty>` for a word
    with capitals in it.
    """

    name: str
    type: Type
    default: str | Required | None
    doc: str
    importance: Importance = Importance.MEDIUM
    group: str = ""
    choices: tuple[str, ...] = ()
    planned: tuple[str, ...] = ()
    former: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    validator: Validator | None = None
    also: tuple[str, ...] = ()
    debezium_default: str | None = None
    why: str = ""
    status: Status = Status.SUPPORTED
    reason: str = ""

    @property
    def required(self) -> bool:
        """Whether the property must be set."""
        return self.default is REQUIRED

    @property
    def is_template(self) -> bool:
        """Whether it stands for many names."""
        return "<" in self.name

    @property
    def template(self) -> re.Pattern[str] | None:
        """The pattern of the names it stands for, when its name has `<…>` in it."""
        if not self.is_template:
            return None
        parts = re.split(r"(<[^>]+>)", self.name)
        return re.compile("".join(_TEMPLATE_PARTS.get(p, ".+") if p[:1] == "<" else re.escape(p) for p in parts))

    @property
    def accepts(self) -> str:
        """What it takes, to complete "Give …"."""
        if self.choices:
            return self.choices[0] if len(self.choices) == 1 else f"one of {', '.join(self.choices)}"
        return self.validator.requirement if self.validator else _TYPE_TAKES[self.type]

    def read(self, text: str) -> Value:
        """Return the value that the text stands for.

        Raises:
            ValueError: with a verb phrase that says what is wrong, such as "is not a whole number".
        """
        value = self._chosen(text) if self.choices else _READERS[self.type](text)
        fault = self.validator.fault(value) if self.validator else ""
        if fault:
            raise ValueError(fault)
        return value

    def try_read(self, text: str) -> tuple[Value, str]:
        """Return the value that the text stands for and "", or None and what is wrong with it, as `read` says."""
        try:
            return self.read(text), ""
        except ValueError as error:
            return None, str(error)

    def default_value(self) -> Value:
        """Return the value of the default; None when there is none."""
        return self.read(self.default) if isinstance(self.default, str) else None

    def show(self, text: str) -> str:
        """Return the text as it may be printed: quoted, shortened, a password masked."""
        if self.type is Type.PASSWORD:
            return MASK
        return repr(text if len(text) <= LONGEST_SHOWN else text[:LONGEST_SHOWN] + "…")

    def hint(self, text: str) -> str:
        """Return the remedy for a value that was refused."""
        near = nearest(text.strip().lower(), self.choices)
        return f"Give {self.accepts}." + (f" Did you mean {near}?" if near else "")

    def _chosen(self, text: str) -> Value:
        if self.type is Type.LIST:
            if not split_list(text):
                raise ValueError("is empty")
            return tuple(self._choice(item) for item in split_list(text))
        return _READERS[self.type](self._choice(text.strip()))

    def _choice(self, text: str) -> str:
        word = text.lower()
        word = self.former.get(word, word)
        for choice in self.choices:
            if choice.lower() == word:
                return choice
        if word in self.planned:
            raise ValueError("is not supported yet")
        raise ValueError("is not one of its values")


def in_group(group: str, *properties: Property) -> tuple[Property, ...]:
    """Return the properties with their group set, in the order given."""
    return tuple(replace(each, group=group) for each in properties)


def varied(properties: Iterable[Property], name: str, **changes: Any) -> tuple[Property, ...]:
    """Return the properties with fields of one of them changed, as `dataclasses.replace` takes them; there must be one of the name."""
    found = tuple(properties)
    if not any(each.name == name for each in found):
        raise KeyError(name)
    return tuple(replace(each, **changes) if each.name == name else each for each in found)


def without(properties: Iterable[Property], name: str) -> tuple[Property, ...]:
    """Return the properties that do not have the name."""
    return tuple(each for each in properties if each.name != name)


def planned(name: str, kind: Type, default: str | None, doc: str, *, reason: str = "") -> Property:
    """Return a property of which only the default is accepted as yet; `reason` says what another value would do."""
    return Property(name, kind, default, doc, Importance.LOW, status=Status.PLANNED, reason=reason)


def without_effect(name: str, kind: Type, default: str | None, doc: str, reason: str, **more: Any) -> Property:
    """Return a property that is accepted and reported, and changes nothing; `reason` says why that is harmless.

    `more` are other fields; a value that Debezium would refuse is refused here too.
    """
    status = Status.WITHOUT_EFFECT
    return Property(name, kind, default, doc, Importance.LOW, status=status, reason=reason, **more)


def nearest(word: str, known: tuple[str, ...] | list[str]) -> str:
    """Return the known word that resembles this one most, or "" when none does."""
    found = difflib.get_close_matches(word, known, n=1, cutoff=0.7)
    return found[0] if found else ""


def split_list(text: str) -> tuple[str, ...]:
    """Return the comma-separated items, trimmed, empty ones left out."""
    return tuple(item for item in (part.strip() for part in text.split(",")) if item)


def _boolean(text: str) -> bool:
    word = text.strip().lower()
    if word not in {"true", "false"}:
        raise ValueError("is not a boolean")
    return word == "true"


def _integer(bits: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        # int() would also take 1_000 and digits of other scripts, which Kafka Connect refuses.
        if not re.fullmatch(r"\s*[+-]?[0-9]{1,20}\s*", text):
            raise ValueError("is not a whole number")
        number = int(text)
        if not -(1 << bits - 1) <= number < 1 << bits - 1:
            raise ValueError(f"does not fit into {bits} bits")
        return number

    return read


def _double(text: str) -> float:
    if not re.fullmatch(r"\s*[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,3})?\s*", text):
        raise ValueError("is not a number")
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("is out of range")
    return number


_TEMPLATE_PARTS: Final = {"<N>": "[0-9]+", "<driverProperty>": "[a-z]*[A-Z][A-Za-z0-9]*"}

_READERS: Final[Mapping[Type, Callable[[str], Value]]] = {
    Type.BOOLEAN: _boolean,
    Type.STRING: str.strip,
    Type.INT: _integer(32),
    Type.LONG: _integer(64),
    Type.DOUBLE: _double,
    Type.LIST: split_list,
    Type.CLASS: str.strip,
    Type.PASSWORD: Secret,
}

_TYPE_TAKES: Final[Mapping[Type, str]] = {
    Type.BOOLEAN: "true or false",
    Type.STRING: "a text",
    Type.INT: "a whole number of 32 bits",
    Type.LONG: "a whole number of 64 bits",
    Type.DOUBLE: "a number",
    Type.LIST: "a list separated by commas",
    Type.CLASS: "the name of a class",
    Type.PASSWORD: "a text",
}
