"""The rows of properties that several converters of single values share."""

from __future__ import annotations

from typing import Final

from cdc.config.property import Type, in_group, without_effect

COMMON: Final = in_group(
    "Common",
    without_effect(
        "converter.type",
        Type.STRING,
        None,
        "Whether it converts keys, values or headers.",
        "the property that names the converter says so already",
    ),
    without_effect(
        "plugin.version",
        Type.STRING,
        None,
        "Version of the converter plugin.",
        "there is one version of every plugin: the installed one",
    ),
)

WITHOUT_SCHEMAS: Final = (
    *COMMON,
    without_effect(
        "schemas.enable",
        Type.BOOLEAN,
        None,
        "Whether schemas are written; a property of the JSON converter.",
        "this converter writes no schemas; configurations often carry the line all the same",
    ),
)
"""What the converters take that write bare values."""
