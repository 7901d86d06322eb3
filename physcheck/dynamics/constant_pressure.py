"""Replicas at constant pressure: Andersen's piston, which scales the whole cell."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from physcheck.dynamics.canonical_shadow import CanonicalWindow
from physcheck.dynamics.replica_run import ReplicaRun
from physcheck.dynamics.shadow import HALF_WINDOW, WindowMoment
from physcheck.dynamics.trace import Trace
from physcheck.model import Meter
from physcheck.system import Configurations, Floats

__all__ = ["ConstantPressure", "Piston", "generalised_forces", "scaled"]


@dataclass(frozen=True, slots=True)
class Piston:
    """What scales the cell.

    Attributes
    ----------
    mass : float, eV (ASE time)²
        W, the inertia of the logarithm of lengths.
    pressure : float, eV/Å³
        P, outside.
    spring : float, eV
        k, of a spring that draws the cell back to its first size.
    """

    mass: float
    pressure: float
    spring: float = 0.0

    def energies(self, volumes: Floats, scale: Floats) -> Floats:
        """(B,) ``P V + k e²/2``, eV."""
        found: Floats = self.pressure * volumes + 0.5 * self.spring * scale**2
        return found


def scaled(start: Configurations, coordinates: Floats) -> Configurations:
    """The cell and atoms of ``start`` (B = 1) at coordinates (B, 3N + 1): y and e, see
    :class:`ConstantPressure`.
    """
    factor = np.exp(coordinates[:, -1])[:, None, None]
    places = coordinates[:, :-1].reshape(-1, start.n_atoms, 3)
    return start.at(factor * places, factor * start.cells)


def generalised_forces(
    start: Configurations,
    coordinates: Floats,
    forces: Floats,
    stress: Floats,
    piston: Piston,
) -> Floats:
    """(B, 3N + 1) minus the derivatives of E + P V + k e²/2 by y and e, eV/Å and eV.

    ``exp(e) F`` and ``-V (tr(sigma) + 3 P) - k e``.

    Parameters
    ----------
    start : Configurations with B = 1
        At e = 0.
    coordinates : (B, 3N + 1)
    forces : (B, N, 3) eV/Å
    stress : (B, 3, 3) eV/Å³
    piston : Piston
    """
    scale = coordinates[:, -1]
    volumes = float(start.volumes()[0]) * np.exp(3 * scale)
    flat = np.exp(scale)[:, None] * forces.reshape(len(forces), -1)
    along = -volumes * (np.trace(stress, axis1=1, axis2=2) + 3 * piston.pressure)
    along = along - piston.spring * scale
    return np.concatenate([flat, along[:, None]], axis=1)


class ConstantPressure(ReplicaRun):
    """Replicas at constant enthalpy and pressure, whose cells are scaled by ``exp(e)``.

    With positions ``r = exp(e) y``, momenta pi of y and p of e, volume ``V = V0 exp(3 e)``,

        H = sum pi²/(2 m exp(2 e)) + E(exp(e) y, V) + P V + k e²/2 + p²/(2 W)

    is a Hamiltonian, so that it is conserved exactly where F = -dE/dr and sigma = dE/d(strain)/V.
    One step is B(1/2) C(1/2) A C(1/2) B(1/2), each part solved exactly:

        B: pi += dt exp(e) F,  p -= dt [V (tr(sigma) + 3 P) + k e]
        C: e += dt p/W
        A: y += dt pi/(m exp(2 e)),  p += 2 dt K

    It is symplectic, reversible and of second order; its shadow energy is known to dt^8
    (:class:`~physcheck.dynamics.canonical_shadow.CanonicalWindow`).  The net force is taken off.
    All but the model's arithmetic is float64; a step costs B evaluations, the start too.

    Parameters
    ----------
    model : Meter
        With energy, forces and stress.
    start : Configurations with B = 1, periodic in three directions
    velocities : (B, N, 3)
        ASE's unit.
    rates : (B,) 1/(ASE time)
        e' at the start.
    timestep_fs : float
    piston : Piston

    Raises
    ------
    ModelError, NonFiniteOutput, AllotmentExceeded
        From the model; the trace up to that step stays.

    Attributes
    ----------
    coordinates, momenta : (B, 3N + 1)
        y, less the start's positions, and e; pi and p.
    forces : (B, 3N + 1)
        As :func:`generalised_forces`.

    Source: Andersen, J. Chem. Phys. 72, 2384 (1980), with the logarithm of lengths in place
    of V, and a spring.
    """

    def __init__(
        self,
        model: Meter,
        start: Configurations,
        velocities: Floats,
        rates: Floats,
        *,
        timestep_fs: float,
        piston: Piston,
    ) -> None:
        count = len(velocities)
        super().__init__(
            start.at(np.repeat(start.positions, count, axis=0)),
            velocities,
            timestep_fs=timestep_fs,
            bath=None,
            rng=None,
            atom_kinetic=False,
        )
        self.model, self.start, self.piston = model, start, piston
        self.coordinates = np.zeros((count, start.n_coordinates + 1))
        inertia = np.repeat(self.masses, 3)
        self._inertia = inertia
        self.momenta = np.concatenate(
            [self.velocities.reshape(count, -1) * inertia, (piston.mass * rates)[:, None]], axis=1
        )
        self._scalar = np.zeros(count)
        self._window = CanonicalWindow(self.timestep)
        self.shadow_start: WindowMoment | None = None
        self._first_energies: Floats | None = None
        self._evaluate()
        self._record_moment()

    @property
    def shadow_end(self) -> WindowMoment | None:
        """The last moment whose shadow energy is known; None without one."""
        return None if self.shadow_start is None else self._window.moment()

    @property
    def scale(self) -> Floats:
        """(B,) e, the logarithm of the cell's lengths over the start's."""
        return self.coordinates[:, -1]

    def _absolute(self) -> Floats:
        """y and e, y from the same origin as the start's positions."""
        moved = self.coordinates.copy()
        moved[:, :-1] += self.start.positions.ravel()
        return moved

    def _evaluate(self) -> None:
        """Forces and U = E + P V + k e²/2 at the coordinates, and what these stand for."""
        absolute = self._absolute()
        there = scaled(self.start, absolute)
        self.positions, self.cells = there.positions, there.cells
        answer = self.model.evaluate(there, want=frozenset({"energy", "forces", "stress"}))
        forces = self._without_net_force(answer.require_forces())
        self.forces = generalised_forces(
            self.start, absolute, forces, answer.require_stress(), self.piston
        )
        self.energies = answer.require_energy() + self.piston.energies(there.volumes(), self.scale)

    def _atoms_kinetic(self) -> Floats:
        flat = self.momenta[:, :-1]
        kinetic: Floats = (flat**2 / (2 * self._inertia)).sum(axis=1) * np.exp(-2 * self.scale)
        return kinetic

    def _step(self) -> None:
        dt, mass = self.timestep, self.piston.mass
        self._kick()
        self.coordinates[:, -1] += 0.5 * dt * self.momenta[:, -1] / mass
        kinetic = self._atoms_kinetic()
        flow = self.momenta[:, :-1] / self._inertia * np.exp(-2 * self.scale)[:, None]
        self.coordinates[:, :-1] += dt * flow
        self.momenta[:, -1] += 2 * dt * kinetic
        # A's part of b: K depends on e, and is of degree two in pi.
        self._scalar = self._scalar - 2 * dt * self.scale * kinetic
        self._account.middle.append(kinetic)
        self.coordinates[:, -1] += 0.5 * dt * self.momenta[:, -1] / mass
        self._evaluate()
        self._kick()
        self.steps += 1
        self._record_moment()

    def _kick(self) -> None:
        """Half of B."""
        half = 0.5 * self.timestep
        self.momenta = self.momenta + half * self.forces
        virial = (self.coordinates * self.forces).sum(axis=1)
        self._scalar = self._scalar - half * (2 * self._raised() + virial)

    def _raised(self) -> Floats:
        """U less that of the start, so that no digits are lost."""
        if self._first_energies is None:
            self._first_energies = self.energies
        return self.energies - self._first_energies

    def _record_moment(self) -> None:
        account, raised = self._account, self._raised()
        kinetic = self._atoms_kinetic()
        speeds = self.momenta[:, :-1] / self._inertia * np.exp(-self.scale)[:, None]
        self.velocities = speeds.reshape(self.velocities.shape)
        account.potential.append(self.energies + self.momenta[:, -1] ** 2 / (2 * self.piston.mass))
        account.kinetic.append(kinetic)
        account.heat.append(self._heat)
        account.work.append(kinetic - account.kinetic[0])
        known = self._window.push(
            self.coordinates.copy(), self.momenta, self._scalar, self.forces, raised
        )
        if known is not None:
            if self.shadow_start is None:
                self.shadow_start = self._window.moment()
            assert self._first_energies is not None
            account.shadow.append(known + self._first_energies)

    def trace(self) -> Trace:
        """The account of the moments so far; ``potential`` is all of H but the atoms' K."""
        return self._account.trace(self.timestep_fs, HALF_WINDOW, self._middle_shape)
