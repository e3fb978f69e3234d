"""Exact decimals as Java's BigDecimal has them: an unscaled integer by a power of ten, 10^-scale."""

from __future__ import annotations

import decimal
from typing import Final

from cdc.model.schema import Decimal

EXACT: Final = decimal.Context(prec=decimal.MAX_PREC, Emax=decimal.MAX_EMAX, Emin=decimal.MIN_EMIN)


def parts(value: decimal.Decimal | Decimal) -> tuple[int, int]:
    """Return unscaled value and scale of a finite decimal."""
    if isinstance(value, Decimal):
        return value.unscaled, value.scale
    exponent = int(value.as_tuple().exponent)
    return int(EXACT.scaleb(value, -exponent)), -exponent


def unscaled_bytes(unscaled: int) -> bytes:
    """Return the shortest big-endian two's complement, as `BigInteger.toByteArray`."""
    size = (unscaled if unscaled >= 0 else ~unscaled).bit_length() // 8 + 1
    return unscaled.to_bytes(size, "big", signed=True)


def rescaled(unscaled: int, scale: int, wanted: int) -> int:
    """Return the unscaled value at another scale; raises ValueError where digits would be lost."""
    factor: int = 10 ** abs(wanted - scale)
    if scale <= wanted:
        return unscaled * factor
    number, rest = divmod(unscaled, factor)
    if rest:
        raise ValueError(f"{decimal_text(unscaled, scale)} has more than {wanted} decimal places")
    return number


def decimal_text(unscaled: int, scale: int) -> str:
    """Return what `BigDecimal.toString` prints; Python's decimals follow the same rule for when to use an exponent."""
    return str(EXACT.scaleb(decimal.Decimal(unscaled), -scale))
