"""Closed loops through the positions with the forces found around them, and the work these do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from physcheck.checks.conservation.subject import Subject
from physcheck.numerics.quadrature import periodic_integral
from physcheck.probes.loops import Circle, RigidRotation, StrainedTurn
from physcheck.system import Floats

__all__ = ["WalkedLoop", "stiffness_squared", "walk_loops"]


@dataclass(frozen=True, slots=True, eq=False)
class WalkedLoop:
    """A loop with the forces found at its points.

    Attributes
    ----------
    loop : Circle, RigidRotation or StrainedTurn
    positions : (T, N, 3) float, Å
    tangents : (T, N, 3) float, Å
        dx/dt for t from 0 to 2 pi.
    forces : (T, N, 3) float, eV/Å
    """

    loop: Circle | RigidRotation | StrainedTurn
    positions: Floats
    tangents: Floats
    forces: Floats

    @property
    def circle(self) -> Circle:
        """The loop, where it is a circle in 3N space."""
        assert isinstance(self.loop, Circle)
        return self.loop

    @property
    def integrand(self) -> Floats:
        """F.dx/dt at the points, eV."""
        values: Floats = np.einsum("tia,tia->t", self.forces, self.tangents)
        return values

    @property
    def work(self) -> float:
        """The work around the loop, eV."""
        return periodic_integral(self.integrand)

    def noise(self, force_noise: float) -> float:
        """Standard deviation of the work, eV, from a noise of the force components."""
        # Independent noise at the points adds in squares, weighted by the tangents.
        spacing = 2 * np.pi / len(self.tangents)
        return spacing * force_noise * float(np.linalg.norm(self.tangents))

    @property
    def path_length(self) -> float:
        """Length of the loop in 3N space, Å."""
        return float(2 * np.pi * np.linalg.norm(self.tangents, axis=(1, 2)).mean())

    def stiffness_squared(self) -> float:
        """(|J u|^2 + |J v|^2)/2 of a circle in the plane u, v, (eV/Å²)².

        The first harmonic of the forces around the circle is radius (J u - i J v).
        """
        # Constant forces and the second harmonic, which curvature makes, drop out of the first.
        n = len(self.forces)
        t = 2 * np.pi * np.arange(n) / n
        harmonic = 2 / n * np.tensordot(np.exp(1j * t), self.forces, axes=(0, 0))
        return float(np.sum(np.abs(harmonic) ** 2)) / (2 * self.circle.radius**2)


def walk_loops(
    subject: Subject, loops: Sequence[Circle | RigidRotation | StrainedTurn], n_points: int
) -> list[WalkedLoop]:
    """The forces around each loop through the start. Cost: ``n_points`` evaluations a loop."""
    if not loops:
        return []
    start = subject.start
    paths = [loop.path(start.positions[0], n_points) for loop in loops]
    # All loops at once, so that the random order mixes their points.
    everywhere = start.at(np.concatenate([positions for positions, _ in paths]))
    forces = np.split(subject.evaluate(everywhere, "forces").require_forces(), len(loops))
    return [WalkedLoop(loop, x, dx, f) for loop, (x, dx), f in zip(loops, paths, forces)]


def stiffness_squared(walked: Sequence[WalkedLoop]) -> float:
    """|J|_F^2/n, the mean square of J along the planes of circles, (eV/Å²)²."""
    return float(np.mean([loop.stiffness_squared() for loop in walked]))
