"""Shortest decimals of doubles: the digits that Java's `Double.toString` prints (JDK 19).

Among the decimals that read back as the same number, the one with the fewest digits, and of those the closest. Two digits are
always allowed, as Java prints at least two. Source: R. Giulietti, "The Schubfach way to render doubles" (2021); the names are his.
"""

from libc.stdint cimport int64_t, uint64_t
from libc.string cimport memcpy

cdef extern from *:
    """
    static inline uint64_t high_product(uint64_t a, uint64_t b) {
        return (uint64_t) (((unsigned __int128) a * b) >> 64);
    }
    """
    uint64_t high_product(uint64_t a, uint64_t b) noexcept nogil

cdef enum:
    SMALLEST_POWER = -324
    LARGEST_POWER = 292
    # The exponent of the smallest number; below so many of it one digit would be the whole precision, and ten times as much is rendered.
    SMALLEST = -1074
    TINY = 3

cdef uint64_t MASK_63 = 0x7FFFFFFFFFFFFFFF
cdef uint64_t MASK_52 = 0xFFFFFFFFFFFFF
# Logarithms as fractions: of 10 to the base 2 over 2^38; of 2 and of 3/4 to the base 10 over 2^41.
cdef int64_t LOG2_OF_10 = 913_124_641_741
cdef int64_t LOG10_OF_2 = 661_971_961_083
cdef int64_t LOG10_OF_3_4 = -274_743_187_321
cdef uint64_t[617] G_HIGH
cdef uint64_t[617] G_LOW


cdef int64_t floor_log2_pow10(int64_t exponent) noexcept nogil:
    """Return floor(log2(10^exponent))."""
    return exponent * LOG2_OF_10 >> 38


cdef void fill_powers():
    """Fill the table of 10^-k with 126 significant bits, rounded up."""
    for k in range(SMALLEST_POWER, LARGEST_POWER + 1):
        shift = floor_log2_pow10(-k) - 125
        numerator, denominator = (10 ** -k, 1) if k <= 0 else (1, 10 ** k)
        numerator, denominator = (numerator, denominator << shift) if shift >= 0 else (numerator << -shift, denominator)
        g = numerator // denominator + 1
        G_HIGH[k - SMALLEST_POWER] = g >> 63
        G_LOW[k - SMALLEST_POWER] = g & MASK_63


fill_powers()


cdef uint64_t scaled(int k, uint64_t cp) noexcept nogil:
    """Return cp × 10^-k in the table's scale, rounded to odd: the last bit tells that something was cut off."""
    cdef uint64_t high = G_HIGH[k - SMALLEST_POWER], low = G_LOW[k - SMALLEST_POWER]
    cdef uint64_t z = (high * cp >> 1) + high_product(low, cp)
    cdef uint64_t w = high_product(high, cp) + (z >> 63)
    return w | ((z & MASK_63) + MASK_63) >> 63


cdef uint64_t shortest(int q, uint64_t c, bint regular, int *exponent) noexcept nogil:
    """Return the digits of c × 2^q. `regular` is false where the next smaller number is only half as far as the next larger one."""
    cdef uint64_t odd = c & 1, middle, lower, upper, s, ten
    cdef int k = <int> (q * LOG10_OF_2 + (0 if regular else LOG10_OF_3_4) >> 41)
    cdef int h = <int> (q + floor_log2_pow10(-k) + 2)
    cdef bint lower_fits, upper_fits
    middle = scaled(k, c << 2 << h)
    lower = scaled(k, (c << 2) - (2 if regular else 1) << h) + odd
    upper = scaled(k, (c << 2) + 2 << h)
    s = middle >> 2
    exponent[0] = k
    if s >= 100:
        ten = s - s % 10
        lower_fits = lower <= ten << 2
        upper_fits = (ten + 10 << 2) + odd <= upper
        if lower_fits != upper_fits:
            return ten if lower_fits else ten + 10
    lower_fits = lower <= s << 2
    upper_fits = (s + 1 << 2) + odd <= upper
    if lower_fits != upper_fits:
        return s if lower_fits else s + 1
    # Both neighbours read back as the number: take the closer one, or the even one.
    middle -= s << 2
    return s if middle < 2 or (middle == 2 and s & 1 == 0) else s + 1


cdef uint64_t shortest64(double value, int *exponent) noexcept nogil:
    """Return the digits of a finite positive number, which is digits × 10^exponent."""
    cdef uint64_t word, fraction, digits, one = <uint64_t> 1 << 52
    cdef int biased, q
    memcpy(&word, &value, 8)
    fraction, biased = word & MASK_52, <int> (word >> 52 & 0x7FF)
    if biased == 0:
        if fraction >= TINY:
            return shortest(SMALLEST, fraction, True, exponent)
        digits = shortest(SMALLEST, fraction * 10, True, exponent)
        exponent[0] -= 1
        return digits
    q = SMALLEST - 1 + biased
    if -52 <= q <= 0 and (one | fraction) & ((<uint64_t> 1 << -q) - 1) == 0:
        exponent[0] = 0
        return (one | fraction) >> -q
    return shortest(q, one | fraction, fraction != 0 or biased == 1, exponent)
