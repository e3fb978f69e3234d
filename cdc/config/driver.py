"""Properties that Debezium hands to the Java driver of the database: existing configurations have them, and nothing here reads them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from cdc.config.definition import Config
from cdc.config.property import Problem, Property, Type, without_effect


def driver_property(reason: str) -> Property:
    """Return the property that stands for all those of the driver, which have capitals in their names where the connector's have dots."""
    return without_effect(
        "database.<driverProperty>",
        Type.PASSWORD,  # some are
        "",
        "Properties of the Java driver, such as database.serverTimezone or database.allowPublicKeyRetrieval.",
        reason,
    )


def no_disguised_names(config: Config, properties: Iterable[Property]) -> Iterator[Problem]:
    """Yield a problem for each name that would be taken for the driver's and is one of the connector's, written another way."""
    known = {_letters(each.name): each.name for each in properties}
    for name in config:
        meant = known.get(_letters(name))
        if name.startswith("database.") and meant not in (None, name):
            yield Problem(name, f"{name} is not a known property", f"Did you mean {meant}?")


def _letters(name: str) -> str:
    return name.replace(".", "").lower()
