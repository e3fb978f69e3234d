"""The converters and transforms that a connector's configuration names, made and configured."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from cdc.config.definition import InvalidConfig
from cdc.config.post_processors import LIST as POST_PROCESSORS
from cdc.config.post_processors import is_reselect, properties_of, type_of
from cdc.config.property import Problem, split_list
from cdc.connect.effective import Effective
from cdc.connect.herder import RequestError
from cdc.connect.plugin import Plugin
from cdc.connect.plugins import Plugins
from cdc.connect.post_processing import PostProcessing
from cdc.connect.transformation import TransformationChain
from cdc.converters.base import Converter, HeaderConverter
from cdc.errors import ConfigError
from cdc.sources.columns.converter import ColumnConverter, ColumnConverters
from cdc.transforms.base import PostProcessor, Predicate, Transformation

_OWN: Final = ("type", "predicate", "negate")


@dataclass(frozen=True, slots=True)
class Conversion:
    """What a connector's records go through; one for each task, since converters have one caller. `columns` are those of its source."""

    key: Converter
    value: Converter
    header: HeaderConverter
    chain: TransformationChain
    columns: ColumnConverters = field(default_factory=ColumnConverters)


def conversion(plugins: Plugins, found: Effective) -> Conversion:
    """Return the converters and transforms of a connector.

    Raises:
        InvalidConfig: with every one that cannot be made, at the property that names it.
    """
    making = _Making(plugins, found.values)
    columns = ColumnConverters(making.column_converters())
    key, value, header = making.converter("key"), making.converter("value"), making.header_converter()
    chain = TransformationChain([*making.post_processors(), *making.steps()])
    if making.problems or key is None or value is None or header is None:
        raise InvalidConfig(making.problems)
    return Conversion(key, value, header, chain, columns)


class _Making:
    """One pass over a configuration: what cannot be made becomes a problem, and the rest goes on."""

    def __init__(self, plugins: Plugins, values: Mapping[str, str]) -> None:
        self._plugins = plugins
        self._values = values
        self.problems: list[Problem] = []

    def converter(self, side: str) -> Converter | None:
        """Return the converter of keys or values."""
        name = f"{side}.converter"
        made: Converter | None = self._make(name, self._plugins.converter)
        if made is not None:
            self._configure(name, lambda: made.configure(self._beneath(f"{name}."), is_key=side == "key"))
        return made

    def header_converter(self) -> HeaderConverter | None:
        """Return the converter of header values."""
        name = "header.converter"
        made: HeaderConverter | None = self._make(name, self._plugins.header_converter)
        if made is not None:
            self._configure(name, lambda: made.configure(self._beneath(f"{name}.")))
        return made

    def post_processors(self) -> list[tuple[Transformation, Predicate | None, bool]]:
        """Return the post processors that are plugins, in their order, as steps before the transforms."""
        made = (self._post_processor(alias) for alias in split_list(self._values.get(POST_PROCESSORS, "")))
        return [(PostProcessing(each), None, False) for each in made if each is not None]

    def _post_processor(self, alias: str) -> PostProcessor | None:
        name, class_name = type_of(self._values, alias)
        if is_reselect(class_name):
            return None
        made: PostProcessor | None = self._make(name, self._plugins.post_processor)
        if made is not None:
            self._configure(name, lambda: made.configure(properties_of(self._values, alias)))
        return made

    def column_converters(self) -> list[ColumnConverter]:
        """Return the custom converters of columns, in their order."""
        found = (self._column_converter(alias) for alias in split_list(self._values.get("converters", "")))
        return [each for each in found if each is not None]

    def _column_converter(self, alias: str) -> ColumnConverter | None:
        name = f"{alias}.type"
        made: ColumnConverter | None = self._make(name, self._plugins.column_converter)
        if made is not None:
            properties = {each: text for each, text in self._beneath(f"{alias}.").items() if each != "type"}
            self._configure(name, lambda: made.configure(properties))
        return made

    def steps(self) -> list[tuple[Transformation, Predicate | None, bool]]:
        """Return the transforms in their order, each with its predicate."""
        predicates = {alias: self._predicate(alias) for alias in split_list(self._values.get("predicates", ""))}
        steps = [self._step(alias, predicates) for alias in split_list(self._values.get("transforms", ""))]
        return [step for step in steps if step is not None]

    def _step(
        self, alias: str, predicates: Mapping[str, Predicate | None]
    ) -> tuple[Transformation, Predicate | None, bool] | None:
        prefix = f"transforms.{alias}."
        made: Transformation | None = self._make(f"{prefix}type", self._plugins.transformation)
        if made is None:
            return None
        properties = {name: text for name, text in self._beneath(prefix).items() if name not in _OWN}
        self._configure(f"{prefix}type", lambda: made.configure(properties))
        chosen = self._values.get(f"{prefix}predicate", "")
        if chosen and chosen not in predicates:
            self._problem(f"{prefix}predicate", f"{chosen} is none of predicates", "Add it there, or correct the name.")
        negate = self._values.get(f"{prefix}negate", "false").strip().lower()
        if negate not in {"true", "false"}:
            self._problem(f"{prefix}negate", f"{prefix}negate = {negate} is not a boolean", "Give true or false.")
        return made, predicates.get(chosen), negate == "true"

    def _predicate(self, alias: str) -> Predicate | None:
        prefix = f"predicates.{alias}."
        made: Predicate | None = self._make(f"{prefix}type", self._plugins.predicate)
        if made is not None:
            properties = {name: text for name, text in self._beneath(prefix).items() if name != "type"}
            self._configure(f"{prefix}type", lambda: made.configure(properties))
        return made

    def _make(self, name: str, find: Callable[[str], Plugin]) -> Any:
        """Return an instance of the class that a property names; None, and a problem, when there is none."""
        text = self._values.get(name, "")
        if not text.strip():
            self._problem(name, f"{name} is not set", "Name a class.")
            return None
        try:
            return find(text).load()()
        except RequestError as error:
            self._problem(name, str(error), error.remedy)
        except Exception as error:  # noqa: BLE001 (whatever a plugin raises is a problem of this configuration)
            self._problem(name, f"{text} cannot be made: {type(error).__name__}: {error}", "Mend the plugin.")
        return None

    def _configure(self, name: str, configure: Callable[[], None]) -> None:
        prefix = name.removesuffix("type") if name.endswith(".type") else f"{name}."
        try:
            configure()
        except InvalidConfig as error:
            self.problems += [each.beneath(prefix) for each in error.problems]
        except ConfigError as error:
            self._problem(name, str(error), error.remedy)

    def _beneath(self, prefix: str) -> dict[str, str]:
        return {name.removeprefix(prefix): text for name, text in self._values.items() if name.startswith(prefix)}

    def _problem(self, name: str, fact: str, remedy: str) -> None:
        self.problems.append(Problem(name, fact, remedy))
