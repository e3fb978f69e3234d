"""How one connector's values are published: what the tables of types are written with."""

from __future__ import annotations

from dataclasses import dataclass

from cdc.config.mysql_settings import MySqlSettings, UnsignedMode
from cdc.config.settings import BinaryMode, DecimalMode, TimeMode


@dataclass(frozen=True, slots=True)
class ValueHandling:
    """How the values of one connector are published; with `adjusts_years`, years below 100 are those from 1970 to 2069."""

    decimal: DecimalMode = DecimalMode.PRECISE
    time: TimeMode = TimeMode.ADAPTIVE_TIME_MICROSECONDS
    binary: BinaryMode = BinaryMode.BYTES
    unsigned: UnsignedMode = UnsignedMode.LONG
    adjusts_years: bool = True

    @classmethod
    def of(cls, settings: MySqlSettings) -> ValueHandling:
        """Return what a connector's settings say."""
        return cls(
            settings.decimal_mode,
            settings.time_mode,
            settings.binary_mode,
            settings.unsigned_mode,
            settings.adjusts_years,
        )
