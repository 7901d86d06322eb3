"""The shadow energy of any splitting of a Hamiltonian, from what was written down of a run."""

from __future__ import annotations

import numpy as np

from physcheck.dynamics.shadow import (
    HALF_WINDOW,
    WindowMoment,
    central_weights,
    potential_weights,
    work_weights,
)
from physcheck.system import Floats

__all__ = ["CanonicalWindow"]


class CanonicalWindow:
    """Shadow energies of a splitting, one step at a time; each is known four steps later.

    Coordinates q, momenta p and a scalar b of the Hamiltonian that is made homogeneous of degree
    two, ``a² H(q/a, p/a)`` at a = 1, with ``b' = -(2 H - q.dH/dq - p.dH/dp)`` of whichever part of
    H acts.  That the splitting is symplectic in all of these makes its own Hamiltonian

        H~ = (p.q' - q.p' - b')/2

    with derivatives along the numerical trajectory; from central differences of nine moments the
    error falls as dt^8.  For forces without an energy's gradient it changes by their work.

    Source: Skeel, Hardy, SIAM J. Sci. Comput. 23, 1172 (2001); Engle, Skeel, Drees, J. Comput.
    Phys. 206, 432 (2005).

    Parameters
    ----------
    timestep : float
        ASE's unit.
    """

    def __init__(self, timestep: float) -> None:
        self.timestep = timestep
        self._slope = central_weights(HALF_WINDOW)
        self._weights = potential_weights(HALF_WINDOW)
        self._rows: list[tuple[Floats, Floats, Floats, Floats, Floats]] = []

    def push(
        self, places: Floats, momenta: Floats, scalar: Floats, forces: Floats, energies: Floats
    ) -> Floats | None:
        """Add a moment; the shadow energies (B,), eV, of the one four steps ago, None before.

        Parameters
        ----------
        places, momenta, forces : (B, D)
            q, p and -dU/dq of the potential part U.
        scalar, energies : (B,)
            b, and U in eV.
        """
        size = 2 * HALF_WINDOW + 1
        self._rows = [*self._rows[1 - size :], (places, momenta, scalar, forces, energies)]
        if len(self._rows) < size:
            return None
        q, p, b = (np.array([row[k] for row in self._rows]) for k in range(3))
        middle = HALF_WINDOW
        speed, pull, change = (
            np.tensordot(self._slope, values, axes=1) / self.timestep for values in (q, p, b)
        )
        here = q[middle]
        shadow: Floats = 0.5 * ((p[middle] * speed).sum(1) - (here * pull).sum(1) - change)
        return shadow

    def moment(self) -> WindowMoment:
        """The moment that the last shadow energies belong to; places and forces are (B, D)."""
        places, forces = (np.array([row[k] for row in self._rows]) for k in (0, 3))
        energies = np.array([row[4] for row in self._rows])
        here = places[HALF_WINDOW]
        products = np.einsum("ibx,jbx->bij", forces, places - here)
        return WindowMoment(
            positions=here,
            forces=forces[HALF_WINDOW],
            energies=self._weights @ energies,
            work=np.einsum("ij,bij->b", work_weights(tuple(self._weights), HALF_WINDOW), products),
        )
