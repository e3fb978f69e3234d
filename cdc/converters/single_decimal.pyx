# cython: cdivision=True
"""Decimals of single-precision numbers: the digits that Java's `Float.toString` prints before JDK 19.

They read back as the same number, but are not always the fewest that do: 3.0000001E10 is 3E10 too. Source: the behaviour of
`jdk.internal.math.FloatingDecimal` in JDK 17, compared for every float. It is the digit generation of G. Steele and J. White, "How to
print floating-point numbers accurately" (1990), with bounds that are the same on both sides, and a rule of its own for whole numbers.
"""

from libc.math cimport floor
from libc.stdint cimport uint32_t, uint64_t
from libc.string cimport memcpy

cdef extern from *:
    """
    static inline int zeros_above(uint32_t value) { return __builtin_clz(value); }
    static inline int zeros_below(uint32_t value) { return __builtin_ctz(value); }
    """
    ctypedef unsigned long long wide "unsigned __int128"
    int zeros_above(uint32_t value) noexcept nogil
    int zeros_below(uint32_t value) noexcept nogil

cdef enum:
    BITS = 24
    BIAS = 127
    # Whole numbers from 2^63 on do not fit Java's long.
    LARGEST_WHOLE = 62
    POWERS = 47

cdef wide[POWERS] POW5
cdef int[POWERS] POW5_BITS

cdef wide LONG = 0xFFFFFFFFFFFFFFFF


cdef void fill_powers() noexcept:
    cdef int power
    POW5[0], POW5_BITS[0] = 1, 0
    for power in range(1, POWERS):
        POW5[power] = POW5[power - 1] * 5
        # Java's table ends at 26; behind it the bits are guessed, which decides how it computes.
        POW5_BITS[power] = int(5 ** power).bit_length() if power < 27 else 3 * power


fill_powers()


cdef uint64_t single_digits(float value, int *exponent) noexcept nogil:
    """Return the digits of a finite positive number, which is digits × 10^exponent; there may be zeros at the end."""
    cdef uint32_t word, fraction
    cdef int binary, significant = BITS
    memcpy(&word, &value, 4)
    fraction, binary = word & 0x7FFFFF, <int> (word >> 23) - BIAS
    if binary == -BIAS:
        significant = 32 - zeros_above(fraction)
        fraction <<= BITS - significant
        binary += significant - BITS + 1
    else:
        fraction |= 0x800000
    if binary <= LARGEST_WHOLE and BITS - zeros_below(fraction) <= binary + 1:
        return whole(fraction, binary, exponent)
    return part(fraction, binary, significant, exponent)


cdef uint64_t whole(uint64_t fraction, int binary, int *exponent) noexcept nogil:
    """Return the digits of a whole number without those at the end that its distance to its neighbours makes meaningless."""
    cdef int left_out = (binary - BITS - 1) * 30103 // 100000 if binary > BITS else 0
    cdef uint64_t ten = <uint64_t> POW5[left_out] << left_out
    fraction = fraction << binary - BITS + 1 if binary >= BITS else fraction >> BITS - 1 - binary
    exponent[0] = left_out
    return (fraction + ten // 2) // ten


cdef uint64_t part(uint32_t fraction, int binary, int significant, int *exponent) noexcept nogil:
    """Return the digits of any other number, of whose size numbers can have so many significant bits."""
    cdef int bits = BITS - zeros_below(fraction)
    cdef int tiny = max(0, bits - binary - 1)
    # The exponent may be one too large. No float is so close to the edge that the rounding of this sum decides.
    cdef int ten = <int> floor((fraction * 2.0 ** -23 - 1.5) * 0.289529654 + 0.176091259 + binary * 0.301029995663981)
    cdef int b5 = max(0, -ten), s5 = max(0, ten)
    cdef int b2 = b5 + tiny + binary - bits + 1, s2 = s5 + tiny
    # Below a power of two the next number is only half as far.
    cdef int m2 = b5 + tiny + binary - significant - (1 if bits == 1 else 0)
    cdef int common = min(b2, s2, m2)
    cdef wide b = POW5[b5] * (fraction >> BITS - bits) << b2 - common
    cdef wide s = POW5[s5] << s2 - common
    cdef wide m = POW5[b5] << m2 - common
    exponent[0] = ten
    if bits + b2 - common + POW5_BITS[b5] < 64 and s2 - common + 1 + POW5_BITS[s5 + 1] < 64:
        return divided(b, s, m, LONG, exponent)
    return divided(b, s, m, ~<wide> 0, exponent)


cdef uint64_t divided(wide b, wide s, wide m, wide mask, int *exponent) noexcept nogil:
    """Return the digits of b / s × 10^exponent, whose neighbours are twice m / s × 10^exponent away.

    Division goes on until what is left lies within that bound; the last digit is rounded. `mask` has the bits that Java computes with: a
    long, whose overflow decides about some digits, or big integers.
    """
    cdef wide tens = s * 10, half = (mask >> 1) + 1, above
    cdef bint low = False, high = False, overflown, first = True
    cdef uint64_t digit, digits = 0
    cdef int place
    while not (low or high):
        digit = <uint64_t> (b // s)
        digits = digits * 10 + digit
        b = (b - s * digit) * 10
        m = m * 10 & mask
        above = b + m & mask
        # What overflows a long is negative to Java: it minds that of m alone. Its big integers may reach the bound, too.
        overflown = m >= half
        low = overflown or b < m
        high = overflown or tens < above < half or (above == tens and mask != LONG)
        if first:
            place = exponent[0] - 1 if digit == 0 and not high else exponent[0]
            low, high = low and -3 <= place < 8, high and -3 <= place < 8  # with an exponent there are two digits
            first = False
        else:
            exponent[0] -= 1
    if high and (not low or b * 2 > tens or (b * 2 == tens and digits & 1)):
        digits += 1
    return digits
