"""An ordered table of properties, and what reading a configuration by it gives."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, TypeVar

from cdc.config.property import Problem, Property, Status, Type, Value, nearest
from cdc.config.secret import MASK, Secret
from cdc.errors import ConfigError

_T = TypeVar("_T")

_SENSITIVE: Final = re.compile(r"password|secret|token|credential|salt|jaas|user\.info", re.IGNORECASE)


class InvalidConfig(ConfigError):
    """A configuration with at least one problem: the first is the sentence, `problems` holds them all, in order."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: tuple[Problem, ...] = tuple(problems)
        first, *others = self.problems
        more = f" {len(others)} more to mend: {', '.join(dict.fromkeys(p.name for p in others))}." if others else ""
        super().__init__(first.fact, first.remedy + more)


@dataclass(frozen=True, slots=True)
class Prefix:
    """Names that are handed on unread, because something else reads them: a transform, a topic, another client.

    With `when`, only in configurations of which it is true.
    """

    name: str
    doc: str
    when: Callable[[Mapping[str, str]], bool] = lambda _: True


class Config(Mapping[str, Value]):
    """The values by property name, defaults filled in; names under a prefix or a template stand as they were given.

    Immutable. A value is None when the property is not set and has no default.
    """

    __slots__ = ("_shown", "_values", "without_effect")

    def __init__(
        self, values: Mapping[str, Value], shown: Mapping[str, tuple[str, str]], without_effect: Sequence[str] = ()
    ) -> None:
        """Take the values, and for each that was given its name and text as they may be shown."""
        self._values = MappingProxyType(dict(values))
        self._shown = MappingProxyType(dict(shown))
        self.without_effect = tuple(without_effect)

    def __getitem__(self, name: str) -> Value:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def is_set(self, name: str) -> bool:
        """Whether the property was given, and not blank; one whose value was refused counts."""
        return name in self._shown and self._values[name] not in ("", (), Secret())

    def string(self, name: str) -> str:
        """Return a STRING or CLASS; "" when it is not set and has no default."""
        return _expect(str, name, self[name], "")

    def integer(self, name: str) -> int:
        """Return an INT or LONG."""
        return _expect(int, name, self[name])

    def number(self, name: str) -> float:
        """Return a DOUBLE."""
        return _expect(float, name, self[name])

    def boolean(self, name: str) -> bool:
        """Return a BOOLEAN."""
        return _expect(bool, name, self[name])

    def list(self, name: str) -> tuple[str, ...]:
        """Return the items of a LIST; none when it is not set."""
        return _expect(tuple, name, self[name], ())

    def password(self, name: str) -> Secret:
        """Return a PASSWORD; an empty one when it is not set."""
        return _expect(Secret, name, self[name], Secret())

    def beneath(self, prefix: str) -> Mapping[str, str]:
        """Return what was given under a pass-through prefix, by the rest of the name."""
        return {
            name.removeprefix(prefix): str(value)
            for name, value in self.items()
            if name.startswith(prefix) and name in self._shown
        }

    def masked(self) -> Mapping[str, str]:
        """Return what was given, as it may be logged: secrets are asterisks, in values and in names."""
        return dict(self._shown.values())

    def notice(self) -> str:
        """Return one line about the properties that were accepted and have no effect; "" when there are none."""
        if not self.without_effect:
            return ""
        return f"Accepted, but without effect here: {', '.join(self.without_effect)}."


Rule = Callable[[Config], Iterable[Problem]]
"""A condition over several properties; it may meet a value that is None because it was refused."""


class Definition:
    """The properties of one connector or client, in the order in which people read them.

    `prefixes` are handed on unread; `list_prefixes` name LIST properties each of whose items is such a prefix (`converters=a` lets
    `a.type` through); `renamed` maps names that are no longer read to the present one; `rules` look at several properties at once.
    """

    def __init__(
        self,
        properties: Iterable[Property],
        prefixes: Iterable[Prefix] = (),
        list_prefixes: Iterable[str] = (),
        renamed: Mapping[str, str] | None = None,
        rules: Iterable[Rule] = (),
    ) -> None:
        """Index the table; a name that stands in it twice is a ValueError."""
        self.properties = tuple(properties)
        self.prefixes = tuple(prefixes)
        self.list_prefixes = tuple(list_prefixes)
        self.renamed = dict(renamed or {})
        self.rules = tuple(rules)
        self._templates = tuple((pattern, p) for p in self.properties if (pattern := p.template) is not None)
        self._by_name: dict[str, Property] = {}
        for each in self.properties:
            for name in (each.name, *each.also):
                if self._by_name.setdefault(name, each) is not each:
                    raise ValueError(f"{name} stands in the table twice")

    def find(self, name: str) -> Property | None:
        """Return the property that this name means, by name, by another accepted name or by template; None if unknown."""
        found = self._by_name.get(name)
        return found or next((p for pattern, p in self._templates if pattern.fullmatch(name)), None)

    def parse(self, raw: Mapping[str, str], secret: Iterable[str] = ()) -> Config:
        """Return the values of a configuration; see `examine`.

        Raises:
            InvalidConfig: with every problem there is.
        """
        config, problems = self.examine(raw, secret)
        if problems:
            raise InvalidConfig(problems)
        return config

    def examine(self, raw: Mapping[str, str], secret: Iterable[str] = ()) -> tuple[Config, tuple[Problem, ...]]:
        """Return the values of a configuration and everything that is wrong with it: unknown names, then values, then rules.

        `secret` names the properties whose text came from a secret provider, and is masked like a password's.
        """
        reading = _Reading(self, raw, frozenset(secret))
        for name, text in raw.items():
            reading.take(name, text)
        for each in self.properties:
            reading.read(each)
        config = Config(reading.values, reading.shown, reading.without_effect)
        return config, (*reading.problems, *(p for rule in self.rules for p in rule(config)))

    def unknown(self, name: str) -> Problem:
        """Return the problem that no property has this name, with the nearest one."""
        near = self.renamed.get(name) or nearest(name, list(self._by_name))
        remedy = f"Did you mean {near}?" if near else "Remove it; the reference page of properties lists all names."
        # A mistyped mask holds its salt in the name.
        shown = re.sub(r"(salt\.).+", lambda found: found[1] + MASK, name)
        return Problem(shown, f"{shown} is not a known property", remedy)


class _Reading:
    """One pass over one configuration."""

    def __init__(self, definition: Definition, raw: Mapping[str, str], secret: frozenset[str]) -> None:
        self.definition = definition
        self.secret = secret
        self.given: dict[str, tuple[str, str]] = {}
        self.values: dict[str, Value] = {}
        self.shown: dict[str, tuple[str, str]] = {}
        self.without_effect: list[str] = []
        self.problems: list[Problem] = []
        items = (item for name in definition.list_prefixes for item in raw.get(name, "").split(","))
        self.prefixes = (
            *(p.name for p in definition.prefixes if p.when(raw)),
            *(f"{item.strip()}." for item in items if item.strip()),
        )

    def take(self, name: str, text: str) -> None:
        """Find what the name means, and keep the text for it."""
        found = self.definition.find(name)
        if found is not None:
            self._assign(found, name, text)
        elif name.startswith(self.prefixes):
            self.values[name] = text
            hidden = name in self.secret or _SENSITIVE.search(name)
            self.shown[name] = (name, MASK if hidden else text)
        else:
            self.problems.append(self.definition.unknown(name))

    def _assign(self, found: Property, name: str, text: str) -> None:
        if found.is_template:
            # The name may hold a salt, so the template's name stands for it wherever it is shown.
            self._read_given(found, name, found.name, text)
            return
        other, earlier = self.given.setdefault(found.name, (name, text))
        if earlier != text:
            fact = f"{other} and {name} are the same property with different values"
            self.problems.append(Problem(found.name, fact, "Keep one of them."))

    def read(self, found: Property) -> None:
        """Read the value that was given for a property, or its default."""
        if found.is_template:
            return
        name, text = self.given.get(found.name, (found.name, ""))
        if found.required and not text.strip():
            self.values[found.name] = None
            self.problems.append(Problem(found.name, f"{found.name} is not set", f"Set it: {found.doc}"))
        elif found.name in self.given:
            self._read_given(found, found.name, name, text)
        else:
            self.values[found.name] = found.default_value()

    def _read_given(self, found: Property, key: str, label: str, text: str) -> None:
        hidden = label in self.secret or key in self.secret
        self.shown[key] = (label, MASK if hidden or found.type is Type.PASSWORD else text)
        idle = found.status is Status.WITHOUT_EFFECT
        if idle:
            self.without_effect.append(label)
        self.values[key], fault = (None, "") if idle and not text.strip() else found.try_read(text)
        shown = f"{label} = {MASK if hidden else found.show(text)}"
        if found.status is Status.PLANNED and (fault or self.values[key] != found.default_value()):
            self.problems.append(_planned(found, shown))
        elif fault:
            # A validator may quote the value, so nothing of what it says about a hidden one is kept.
            quiet = hidden and found.type is not Type.PASSWORD
            fact = f"{shown} {'is not accepted' if quiet else fault}"
            self.problems.append(Problem(found.name, fact, found.hint("" if hidden else text)))


def _planned(found: Property, shown: str) -> Problem:
    keep = f", or leave it at its default {found.default}" if isinstance(found.default, str) and found.default else ""
    because = f" {found.reason}" if found.reason else ""
    return Problem(found.name, f"{shown} is not supported yet", f"Remove it{keep}.{because}")


def _expect(kind: type[_T], name: str, value: object, unset: _T | None = None) -> _T:
    if value is None and unset is not None:
        return unset
    if not isinstance(value, kind):
        raise TypeError(f"{name} is not of the type {kind.__name__}")
    return value
