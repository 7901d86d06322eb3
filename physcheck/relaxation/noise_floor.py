"""How far down a relaxation can get before it meets the noise of the forces."""

from __future__ import annotations

import math

from physcheck.numerics.quantiles import FALSE_PASS
from physcheck.resolution import Resolution

__all__ = ["achievable_fmax"]


def achievable_fmax(resolution: Resolution, n_atoms: int) -> float:
    """The fmax, eV/Å, that noise alone shows at a perfect minimum, but for a chance of 2.5 %.

    The longest of N vectors of three components with the measured noise, whose own error is allowed
    for: ``sigma sqrt(3 F)``, F the quantile of Fisher's distribution with (3, dof) at 0.975^(1/N).
    An optimiser told to go below walks about at random.
    """
    from scipy.special import fdtri

    share = (1.0 - FALSE_PASS) ** (1.0 / n_atoms)
    return resolution.force_noise * math.sqrt(3.0 * float(fdtri(3, resolution.dof, share)))
