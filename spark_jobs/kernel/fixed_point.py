"""Money in integer paise and weights in integer 1/10,000: sums are exact in any order."""

import decimal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

PAISE = 100
WEIGHT_UNITS = 10_000

# Sums of larger weights could overflow 64 bits.
MAX_WEIGHT = 1e10

# How far a product of floats may be from the product of the texts, relative to it; a float is within 2**-53.
_INEXACT = 2.0**-48
_DECIMAL = pa.decimal128(38, 20)
# pyarrow silently misreads texts of more digits than a decimal has.
_SHORT = 30
# No text is as long, so that nothing is rounded before it is rounded to units.
_EXACT = decimal.Context(prec=1_000_000, rounding=decimal.ROUND_HALF_EVEN, Emin=decimal.MIN_EMIN, Emax=decimal.MAX_EMAX)


def to_paise(texts: pa.Array | pa.ChunkedArray, rupees: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return amounts in paise, halves to even, as their decimal texts say: 1.015 becomes 102.

    Args:
        texts: the amounts as decimal text.
        rupees: the same amounts as floats.
    """
    return _to_units(texts, rupees, PAISE)


def to_weight_units(texts: pa.Array | pa.ChunkedArray, weights: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return weights in 1/10,000; arguments and rounding as those of `to_paise`."""
    return _to_units(texts, weights, WEIGHT_UNITS)


def _to_units(texts: pa.Array | pa.ChunkedArray, values: NDArray[np.float64], units: int) -> NDArray[np.int64]:
    """Round floats; where these are too close to a half to tell, round the texts."""
    scaled = values * units
    rounded = np.rint(scaled).astype(np.int64)
    from_half = np.abs(np.abs(scaled - np.trunc(scaled)) - 0.5)
    unclear = np.flatnonzero(from_half <= np.abs(scaled) * _INEXACT)
    if len(unclear):
        taken = texts.take(pa.array(unclear))
        one = taken.combine_chunks() if isinstance(taken, pa.ChunkedArray) else taken
        rounded[unclear] = _round_texts(pc.utf8_trim_whitespace(one), units)
    return rounded


def _round_texts(texts: pa.Array, units: int) -> NDArray[np.int64] | list[int]:
    digits = len(str(units)) - 1
    exact = _cast_short(texts)
    if exact is None:
        products = (_EXACT.multiply(decimal.Decimal(text), decimal.Decimal(units)) for text in texts.to_pylist())
        return [int(product.to_integral_value(decimal.ROUND_HALF_EVEN)) for product in products]
    rounded = pc.round(exact, digits, round_mode="half_to_even").cast(pa.decimal128(38, digits))
    # A decimal is an integer of 128 bits with a point; all of these fit the lower 64.
    return np.frombuffer(rounded.buffers()[1], np.int64, 2 * len(rounded), 16 * rounded.offset)[::2]


def _cast_short(texts: pa.Array) -> pa.Array | None:
    """Return texts as decimals, or None if one is long or has more than 20 digits after the point."""
    if pc.max(pc.utf8_length(texts)).as_py() > _SHORT:
        return None
    try:
        return texts.cast(_DECIMAL)
    except pa.ArrowInvalid:
        return None
