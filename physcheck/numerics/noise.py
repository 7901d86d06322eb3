"""The resolution of a computed function, from values on an evenly spaced line."""

from __future__ import annotations

import math

import numpy as np

from physcheck.system import Floats

__all__ = ["UNIFORM_SD", "difference_table_noise", "grid_spacing", "rounding_floor"]

#: Standard deviation of an error that is uniform over one unit: ``1/sqrt(12)``.
UNIFORM_SD = 1.0 / math.sqrt(12.0)

# Three levels of differences, beyond the first, need so many values.
_FEWEST_VALUES = 5
# Decimals that a code may have cut its numbers to: fewer are no rounding, more are float64's own.
_DECIMALS = range(3, 11)
# Significant bits of a float32 number, and the most that count as those of a shorter kind.
_FLOAT32_BITS, _SHORT_BITS = 24, 16
# So many different values tell cut decimals from numbers that are round by themselves.
_FEWEST_DIFFERENT = 4
# Levels agree within this factor.
_AGREEMENT = 2


def difference_table_noise(values: Floats) -> tuple[float, bool]:
    """Noise of a function from m >= 5 values at evenly spaced points (ECNoise).

    With T_k the k-th forward differences, noise of standard deviation e gives
    ``E[T_k^2] = (2k)!/(k!)^2 e^2``, while a smooth part dies with k.  The estimate is that of the
    first level k >= 2 from which the next two levels agree within a factor of 2 (4 in Moré and
    Wild, who have one component; the pooled levels of many components scatter less).

    Parameters
    ----------
    values : (m,) or (m, c) float
        m values of c components, pooled in rms.

    Returns
    -------
    noise : float
        Standard deviation of a component, same unit as ``values``.
    plateau : bool
        False if no level agreed with the next: the last level is then returned, an upper bound.

    Raises
    ------
    ValueError
        Fewer than 5 values: there are no three levels to compare.

    Source: Moré and Wild, SIAM J. Sci. Comput. 33, 1292 (2011).
    """
    table = np.asarray(values, dtype=np.float64).reshape(len(values), -1)
    if len(table) < _FEWEST_VALUES:
        raise ValueError(f"{len(table)} values on the line, should be {_FEWEST_VALUES} or more")
    levels = []
    for k in range(1, len(table) - 1):
        table = np.diff(table, axis=0)
        # The inverse of the variance (2k)!/(k!)^2 of a k-th difference.
        gamma = math.factorial(k) ** 2 / math.factorial(2 * k)
        levels.append(math.sqrt(gamma * float(np.mean(table**2))))
    # levels[0] is that of the first differences, which a slope spoils.
    for k in range(1, len(levels) - 2):
        run = levels[k : k + 3]
        if min(run) > 0 and max(run) <= _AGREEMENT * min(run):
            return float(np.median(run)), True
    return levels[-1], False


def rounding_floor(magnitude: float, dtype: str) -> float:
    """Standard deviation of rounding a number of this magnitude once: ``ulp/sqrt(12)``."""
    # The error is uniform over one unit in the last place: variance ulp^2/12.
    kind = np.float32 if dtype == "float32" else np.float64
    return float(np.spacing(kind(abs(magnitude)))) * UNIFORM_SD


def grid_spacing(values: Floats) -> float:
    """Spacing of the coarsest grid on which all values lie, at the largest of them; 0 for none.

    The grids are those of float32 and shorter numbers (float16, bfloat16, TF32), and of 3 to 10
    decimals (energies read from a text).
    Float64 numbers that were computed lie on neither: the chance is 2^-29 a value for float32.
    Values of moved atoms must be given, since those of a symmetric structure may be round numbers.

    Parameters
    ----------
    values : (m, ...) float
    """
    flat = np.unique(np.asarray(values, dtype=np.float64))
    size = float(np.abs(flat).max(initial=0.0))
    if not (0 < size < float(np.finfo(np.float32).max)):
        return 0.0
    spacings = [0.0]
    if np.array_equal(flat, flat.astype(np.float32)):
        digits = _significant_bits(flat) if len(flat) >= _FEWEST_DIFFERENT else _FLOAT32_BITS
        missing = _FLOAT32_BITS - (digits if digits <= _SHORT_BITS else _FLOAT32_BITS)
        spacings.append(float(np.spacing(np.float32(size))) * 2.0**missing)
    if len(flat) >= _FEWEST_DIFFERENT:
        cut = (k for k in _DECIMALS if np.array_equal(flat, np.round(flat, k)))
        spacings += [10.0**-k for k in cut]
    return max(spacings)


def _significant_bits(values: Floats) -> int:
    """The most that any of these float32 numbers has, from its first bit to its last."""
    whole = np.ldexp(np.frexp(values[values != 0])[0], _FLOAT32_BITS).astype(np.int64)
    trailing = np.log2(whole & -whole).astype(np.int64)
    return _FLOAT32_BITS - int(trailing.min(initial=_FLOAT32_BITS))
