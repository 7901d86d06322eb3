"""The shadow energy, which velocity Verlet itself conserves.

E + K swings with the timestep although nothing is wrong.  The shadow energy doesn't (to dt^4 or
dt^8), so that what is left of its change comes from the forces.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from math import factorial

import numpy as np
from numpy.typing import NDArray

from physcheck.system import Floats

__all__ = [
    "HALF_WINDOW",
    "ShadowWindow",
    "WindowMoment",
    "central_weights",
    "potential_weights",
    "shadow_correction",
    "work_weights",
]

# Steps to either side that the shadow energy looks at; 4 makes it accurate to dt^8.
HALF_WINDOW = 4


def shadow_correction(
    velocities: Floats,
    forces_before: Floats,
    forces: Floats,
    forces_after: Floats,
    masses: Floats,
    timestep: float,
) -> Floats:
    """(B,) the term that makes E + K of velocity Verlet a shadow energy to dt^4, eV.

    ``dt² (v.V''v/12 - sum F²/(24 m))`` with ``v.V''v = -v.(F(t+dt) - F(t-dt))/(2 dt)``.

    Parameters
    ----------
    velocities, forces_before, forces, forces_after : (B, N, 3)
        At t, t - dt, t and t + dt; ASE's units.
    masses : (N,) amu
    timestep : float
        ASE's unit.

    Source: Engle, Skeel, Drees, J. Comput. Phys. 206, 432 (2005).
    """
    curvature = -np.einsum("bna,bna->b", velocities, forces_after - forces_before) / (2 * timestep)
    squares = np.einsum("bna,bna,n->b", forces, forces, 1.0 / masses)
    correction: Floats = timestep**2 * (curvature / 12 - squares / 24)
    return correction


def central_weights(half: int) -> Floats:
    """(2 half + 1,) weights of a central difference over dt, exact to degree 2 half.

    ``f' = sum_k c_k (f(t + k dt) - f(t - k dt))/dt``.
    """
    side = _one_side(half)
    return np.concatenate([-side[::-1], [0.0], side])


def potential_weights(half: int) -> Floats:
    """(2 half + 1,) weights of the moments' potential energies in a shadow energy; their sum is 1.

    The central difference of trapezoid sums: ``w_0 = sum_k c_k``, ``w_m = c_|m|/2 + sum over k >
    |m| of c_k``.
    """
    central = _one_side(half)
    tail = np.array([central[k:].sum() for k in range(half + 1)])
    side = central / 2 + tail[1:]
    return np.concatenate([side[::-1], [tail[0]], side])


def _one_side(half: int) -> Floats:
    """(half,) c_k of :func:`central_weights`."""
    top = factorial(half) ** 2
    return np.array(
        [
            (-1) ** (k + 1) * top / (k * factorial(half - k) * factorial(half + k))
            for k in range(1, half + 1)
        ]
    )


@dataclass(frozen=True, slots=True, eq=False)
class WindowMoment:
    """The middle step of a window, to compare its energies with the work of the forces.

    Attributes
    ----------
    positions, forces : (B, N, 3)
        Å and eV/Å, of the middle step itself.
    energies : (B,) eV
        The model's energies in the weighting of the shadow energy, ``sum_m w_m E_m``.
    work : (B,) eV
        The work of the forces from the middle step on, in the same weighting: for the energy whose
        gradient they are, ``energies = E_middle - work``.
    """

    positions: Floats
    forces: Floats
    energies: Floats
    work: Floats


@cache
def work_weights(weights: tuple[float, ...], half: int) -> Floats:
    """(n, n) W: ``sum_ij W_ij F_i.q_j`` is the weighted work from the middle, by interpolation."""
    from numpy.polynomial import Polynomial

    nodes = np.arange(-half, half + 1, dtype=np.float64)
    basis = [
        Polynomial.fromroots(np.delete(nodes, i)) / float(np.prod(nodes[i] - np.delete(nodes, i)))
        for i in range(len(nodes))
    ]
    table = np.empty((len(nodes), len(nodes)))
    for i, force in enumerate(basis):
        for j, place in enumerate(basis):
            table[i, j] = float(np.array(weights) @ (force * place.deriv()).integ()(nodes))
    return table


class ShadowWindow:
    """Shadow energies of velocity Verlet, one step at a time; each is known ``half`` steps later.

    With q' the derivative of the polynomial through 2 half + 1 positions, and w the weights of the
    same derivative applied to the trapezoid sums of the potential part,

        H~_n = q'_n.p_n/2 + sum_m w_m [U_m + (q_m - q_n).F_m/2].

    At half = 2 it equals :func:`shadow_correction` to its order; at half = 4 the error falls as
    dt^8. For forces without an energy's gradient it changes by their work, as E + K does.

    Source: Engle, Skeel, Drees, J. Comput. Phys. 206, 432 (2005), sec. 3.

    Parameters
    ----------
    reference : (B, N, 3) Å
        Positions from which others are counted, so that no digits are lost far from the origin.
    masses : (N,) amu
    timestep : float
        ASE's unit.
    """

    def __init__(
        self, reference: Floats, masses: Floats, timestep: float, half: int = HALF_WINDOW
    ) -> None:
        self.half, self.timestep, self.masses = half, timestep, masses
        self.size = 2 * half + 1
        shape = (self.size, reference.size)
        self._reference = reference.copy()
        self._shape = reference.shape
        self._positions, self._momenta, self._forces = (np.zeros(shape) for _ in range(3))
        self._scalars = np.zeros((self.size, len(reference)))
        self._energies = np.zeros_like(self._scalars)
        self._count = 0
        self._slope = central_weights(half)
        self._weights = potential_weights(half)

    def _order(self) -> NDArray[np.intp]:
        """For each row of the ring buffer, its place in the window (0 is the oldest step)."""
        return (np.arange(self.size) - (self._count % self.size)) % self.size

    def moment(self) -> WindowMoment:
        """The step that the last shadow energies belong to."""
        n_batch = self._shape[0]
        middle = (self._count - 1 - self.half) % self.size
        rows = np.argsort(self._order())
        forces = self._forces[rows].reshape(self.size, n_batch, -1)
        places = self._positions[rows].reshape(self.size, n_batch, -1)
        places = places - places[self.half]
        products = np.einsum("ibx,jbx->bij", forces, places)
        return WindowMoment(
            positions=self._reference + self._positions[middle].reshape(self._shape),
            forces=self._forces[middle].reshape(self._shape).copy(),
            energies=self._weights @ self._energies[rows],
            work=np.einsum("ij,bij->b", work_weights(tuple(self._weights), self.half), products),
        )

    def push(
        self, positions: Floats, velocities: Floats, forces: Floats, energies: Floats
    ) -> Floats | None:
        """Add step n and return the shadow energies (B,), eV, of step n - half.

        None while there are too few steps.
        """
        row = self._count % self.size
        moved = positions - self._reference
        self._positions[row] = moved.ravel()
        self._momenta[row] = (velocities * self.masses[:, None]).ravel()
        self._forces[row] = forces.ravel()
        self._energies[row] = energies
        self._scalars[row] = energies + 0.5 * np.einsum("bna,bna->b", moved, forces)
        self._count += 1
        if self._count < self.size:
            return None
        # Rows are a ring buffer: the oldest is the one after the newest.
        order = self._order()
        weights, slope = self._weights[order], self._slope[order]
        middle = (self._count - 1 - self.half) % self.size
        speed = (slope @ self._positions) / self.timestep
        pull = weights @ self._forces
        n_batch = self._shape[0]
        momenta = self._momenta[middle].reshape(n_batch, -1)
        places = self._positions[middle].reshape(n_batch, -1)
        inner = np.einsum("bi,bi->b", momenta, speed.reshape(n_batch, -1))
        inner -= np.einsum("bi,bi->b", places, pull.reshape(n_batch, -1))
        shadow: Floats = 0.5 * inner + weights @ self._scalars
        return shadow
