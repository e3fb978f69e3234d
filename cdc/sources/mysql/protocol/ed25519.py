"""Ed25519 signatures as MariaDB makes them: the password, of any length, takes the place of the 32 bytes of a private key.

Arithmetic: RFC 8032, section 5.1. No library takes such a key. A signature is made once a connection; it takes a few milliseconds, and not a
time that is independent of the password, which is acceptable for a client that signs what its own server sends.
"""

from __future__ import annotations

import hashlib
from typing import Final, TypeAlias

P: Final = 2**255 - 19
ORDER: Final = 2**252 + 27742317777372353535851937790883648493
D: Final = -121665 * pow(121666, -1, P) % P

Point: TypeAlias = tuple[int, int, int, int]
"""Extended coordinates X, Y, Z, T with x = X/Z, y = Y/Z, x·y = T/Z."""

BASE_Y: Final = 4 * pow(5, -1, P) % P
BASE_X: Final = 15112221349535400772501151409588531511454012693041857206046113283949847762202
BASE: Final[Point] = (BASE_X, BASE_Y, 1, BASE_X * BASE_Y % P)


def sign(password: bytes, message: bytes) -> bytes:
    """Return the 64 bytes that prove to know `password`."""
    digest = hashlib.sha512(password).digest()
    secret = int.from_bytes(digest[:32], "little") & ((1 << 254) - 8) | 1 << 254
    public = _encoded(_times(secret, BASE))
    random = _hashed(digest[32:] + message)
    commitment = _encoded(_times(random, BASE))
    answer = (random + _hashed(commitment + public + message) * secret) % ORDER
    return commitment + answer.to_bytes(32, "little")


def _hashed(data: bytes) -> int:
    return int.from_bytes(hashlib.sha512(data).digest(), "little") % ORDER


def _sum(one: Point, other: Point) -> Point:
    a = (one[1] - one[0]) * (other[1] - other[0]) % P
    b = (one[1] + one[0]) * (other[1] + other[0]) % P
    c = 2 * one[3] * other[3] * D % P
    d = 2 * one[2] * other[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def _times(number: int, point: Point) -> Point:
    result: Point = (0, 1, 1, 0)
    while number:
        if number & 1:
            result = _sum(result, point)
        point = _sum(point, point)
        number >>= 1
    return result


def _encoded(point: Point) -> bytes:
    inverse = pow(point[2], -1, P)
    x, y = point[0] * inverse % P, point[1] * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, "little")
