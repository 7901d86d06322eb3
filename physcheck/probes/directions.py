"""Random directions in configuration space."""

from __future__ import annotations

import numpy as np

from physcheck.system import Floats

__all__ = ["orthonormal_directions"]


def orthonormal_directions(dimension: int, count: int, rng: np.random.Generator) -> Floats:
    """(count, dimension) unit vectors, orthonormal, uniform over all such frames.

    Raises
    ------
    ValueError
        More directions than dimensions.
    """
    if count > dimension:
        raise ValueError(f"{count} orthonormal directions in {dimension} dimensions")
    # The signs of R make the distribution uniform (Haar) whatever the convention of QR.
    q, r = np.linalg.qr(rng.standard_normal((dimension, count)))
    return np.ascontiguousarray((q * np.sign(np.diag(r))).T)
