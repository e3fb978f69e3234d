"""What holds for plugins of every kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from cdc.config.definition import Definition
from cdc.errors import CdcError, ConfigError

UNKNOWN = {"no.such.property": "x"}


def assert_documented(definition: object) -> None:
    """Assert that it is a `Definition` whose properties say what they are for, and take their own defaults."""
    assert isinstance(definition, Definition), f"{definition!r} is no cdc.config.definition.Definition"
    for row in definition.properties:
        assert row.name == row.name.strip() != "", f"{row.name!r} is not the name of a property"
        assert row.doc.strip(), f"the property {row.name} has no doc"
        try:
            row.default_value()
        except ValueError as error:
            raise AssertionError(f"the default of {row.name} {error}") from error


def assert_remedy(error: CdcError) -> None:
    """Assert that an error tells a person what happened and what to do."""
    assert str(error).strip(), f"{error!r} does not say what happened"
    assert error.remedy.strip(), f"{error} does not say what to do"


def assert_configurable(new: Callable[[], Any], properties: Mapping[str, str]) -> None:
    """Assert that `configure` takes the properties, refuses one that is unknown, and says what is missing if there are none."""
    new().configure(dict(properties))
    with pytest.raises(ConfigError, match=r"no\.such\.property"):
        new().configure({**properties, **UNKNOWN})
    try:
        new().configure({})
    except ConfigError as error:
        assert_remedy(error)


def configured(new: Callable[[], Any], properties: Mapping[str, str]) -> Any:
    """Return a new plugin, configured."""
    made = new()
    made.configure(dict(properties))
    return made
