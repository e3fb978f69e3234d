"""How one connector's values are published, and what maps a type under it: what the tables of types are written with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from cdc.config.settings import BinaryMode, DecimalMode, HstoreMode, IntervalMode, PostgresSettings, TimeMode
from cdc.model.schema import Schema
from cdc.sources.columns.resolved import Mapped
from cdc.sources.columns.values import ValueDecoder


@dataclass(frozen=True, slots=True)
class ValueHandling:
    """How the values of one connector are published.

    `money_fraction_digits` is the scale of money. With `include_unknown`, columns of types that are not mapped are published as bytes.
    """

    decimal: DecimalMode = DecimalMode.PRECISE
    time: TimeMode = TimeMode.ADAPTIVE
    binary: BinaryMode = BinaryMode.BYTES
    interval: IntervalMode = IntervalMode.NUMERIC
    hstore: HstoreMode = HstoreMode.JSON
    money_fraction_digits: int = 2
    include_unknown: bool = False

    @classmethod
    def of(cls, settings: PostgresSettings) -> ValueHandling:
        """Return what a connector's settings say."""
        return cls(
            settings.decimal_mode,
            settings.time_mode,
            settings.binary_mode,
            settings.interval_mode,
            settings.hstore_mode,
            settings.money_fraction_digits,
            settings.include_unknown_types,
        )


#: Maps a type under a handling and a type modifier (`pg_attribute.atttypmod`, -1 where there is none).
Mapper = Callable[[ValueHandling, int], Mapped]


def always(schema: Schema, decoder: ValueDecoder) -> Mapper:
    """Return the mapper of a type that is the same under every handling."""
    return lambda _handling, _typmod: (schema, decoder)
