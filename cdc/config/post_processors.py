"""Post processors: what is done with events behind the decoder and before the transforms. Properties and settings.

Source: Debezium's documentation, "Post processors" and "Reselect columns".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from cdc.config.definition import Config, Definition, InvalidConfig
from cdc.config.filters import NameFilter
from cdc.config.property import Problem, Property, Type
from cdc.config.secret import MASK
from cdc.config.validators import PATTERNS

LIST: Final = "post.processors"
_RESELECT: Final = "io.debezium.processors.reselect.ReselectColumnsPostProcessor"
_NAMES: Final = frozenset(
    name.lower() for name in (_RESELECT, "ReselectColumnsPostProcessor", "ReselectColumns", "reselect")
)


def _one_list(config: Config) -> Iterable[Problem]:
    include, exclude = "reselect.columns.include.list", "reselect.columns.exclude.list"
    if config.is_set(include) and config.is_set(exclude):
        yield Problem(include, f"{include} and {exclude} are both set", "Keep one of them.")


RESELECT: Final = Definition(
    (
        Property(
            "reselect.columns.include.list",
            Type.STRING,
            "",
            "Columns to read again, as regular expressions over schema.table:column (MySQL: database.table:column). Excludes reselect.columns.exclude.list.",
            validator=PATTERNS,
        ),
        Property(
            "reselect.columns.exclude.list",
            Type.STRING,
            "",
            "Columns not to read again; all others are.",
            validator=PATTERNS,
        ),
        Property(
            "reselect.unavailable.values",
            Type.BOOLEAN,
            "true",
            "Whether values are read again that the log does not repeat, as an update left them unchanged, or whose column it leaves out.",
        ),
        Property("reselect.null.values", Type.BOOLEAN, "true", "Whether nulls are read again."),
        Property(
            "reselect.use.event.key",
            Type.BOOLEAN,
            "false",
            "Whether the row is found by the record key, as message.key.columns may have chosen it, and not by the primary key.",
        ),
        Property(
            "reselect.error.handling.mode",
            Type.STRING,
            "warn",
            "What happens when the row is gone or the server refuses: warn publishes the event as it is, fail stops the connector.",
            choices=("warn", "fail"),
        ),
    ),
    rules=(_one_list,),
)


@dataclass(frozen=True, slots=True)
class ReselectSettings:
    """Which values of inserted and updated rows are read from the database again, before they are published.

    `columns` passes names as `schema.table:column` (MySQL: `database.table:column`). With `fail`, a row that is gone is an error.
    """

    columns: NameFilter = field(default_factory=NameFilter)
    unavailable: bool = True
    nulls: bool = True
    use_event_key: bool = False
    fail: bool = False

    @classmethod
    def from_config(cls, config: Config) -> ReselectSettings | None:
        """Return what the configuration of a connector says; None where nothing is to be read again."""
        names = [name for name in config.list(LIST) if _is_reselect(config, name)]
        return cls._parse(RESELECT.parse(properties_of(config, names[0]))) if names else None

    @classmethod
    def _parse(cls, config: Config) -> ReselectSettings:
        include, exclude = (config.string(f"reselect.columns.{kind}.list") for kind in ("include", "exclude"))
        return cls(
            NameFilter.parse(include, exclude, "reselect.columns"),
            config.boolean("reselect.unavailable.values"),
            config.boolean("reselect.null.values"),
            config.boolean("reselect.use.event.key"),
            config.string("reselect.error.handling.mode") == "fail",
        )


def plugin_names(config: Config) -> tuple[str, ...]:
    """Return the names of the post processors that are plugins, in their order: all but the one that reads columns again."""
    return tuple(name for name in config.list(LIST) if not _is_reselect(config, name))


def is_reselect(class_name: str) -> bool:
    """Whether a `type` means the post processor that reads columns again, which is no plugin."""
    return class_name.strip().lower() in _NAMES


def properties_of(values: Mapping[str, object], name: str) -> dict[str, str]:
    """Return the properties of a post processor, without `type`: those under its name, and under `post.processors.` and its name."""
    found: dict[str, str] = {}
    for prefix in (f"{name}.", f"{LIST}.{name}."):
        beneath = (each for each in values if each.startswith(prefix))
        found |= {each.removeprefix(prefix): str(values[each]) for each in beneath}
    found.pop("type", None)
    return found


def type_of(values: Mapping[str, object], name: str) -> tuple[str, str]:
    """Return the property that names the class of a post processor, and the class, "" where there is none."""
    for each in (f"{LIST}.{name}.type", f"{name}.type"):
        if str(values.get(each) or "").strip():
            return each, str(values[each]).strip()
    return f"{LIST}.{name}.type", ""


def _is_reselect(config: Config, name: str) -> bool:
    return is_reselect(type_of(config, name)[1])


def usable_post_processors(config: Config) -> Iterator[Problem]:
    """Yield a problem for each post processor without a class, and for what the one that reads columns again does not take."""
    found = 0
    hidden = config.masked().get(LIST) == MASK  # the list came from a secret provider
    for name in config.list(LIST):
        prop, class_name = type_of(config, name)
        if not class_name:
            prop, shown = (f"{LIST}.{MASK}.type", MASK) if hidden else (prop, name)
            yield Problem(prop, f"{prop} is not set, and {LIST} names {shown}", "Set it to the name of a class.")
        elif is_reselect(class_name):
            found += 1
            yield from _faults(config, name, prop.removesuffix("type"))
    if found > 1:
        yield Problem(LIST, f"{LIST} names {found} that read columns again", "Join them in one.")


def _faults(config: Config, name: str, prefix: str) -> Iterator[Problem]:
    try:
        RESELECT.parse(properties_of(config, name))
    except InvalidConfig as error:
        yield from (each.beneath(prefix) for each in error.problems)
