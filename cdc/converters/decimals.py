"""Exact decimals as Java's BigDecimal has them: an unscaled integer by a power of ten, 10^-scale."""

from __future__ import annotations

import decimal

from cdc.model.schema import Decimal


def parts(value: decimal.Decimal | Decimal) -> tuple[int, int]:
    """Return unscaled value and scale of a finite decimal."""
    if isinstance(value, Decimal):
        return value.unscaled, value.scale
    sign, digits, exponent = value.as_tuple()
    unscaled = int("".join(map(str, digits)))
    return -unscaled if sign else unscaled, -int(exponent)


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
    """Return what `BigDecimal.toString` prints: plain where the scale is not negative and the number not below 10^-6, else with exponent."""
    sign, digits = "-" if unscaled < 0 else "", str(abs(unscaled))
    power = len(digits) - 1 - scale
    if scale == 0:
        return sign + digits
    if scale > 0 and power >= -6:
        digits = digits.rjust(scale + 1, "0")
        return f"{sign}{digits[:-scale]}.{digits[-scale:]}"
    fraction = f".{digits[1:]}" if len(digits) > 1 else ""
    return f"{sign}{digits[0]}{fraction}" + (f"E{power:+d}" if power else "")
