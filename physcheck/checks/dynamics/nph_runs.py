"""The trajectories behind ``nph_drift``: replicas whose cells a piston scales."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from ase.units import fs, kB

from physcheck.checks.conservation.strain_loop_work import measure_strain_loop_work
from physcheck.checks.dynamics.loop_closing import gap_along, inner_places
from physcheck.checks.dynamics.nve_runs import PER_PS, Look, Runs
from physcheck.checks.dynamics.replicas import Followed
from physcheck.dynamics.constant_pressure import (
    ConstantPressure,
    Piston,
    generalised_forces,
    scaled,
)
from physcheck.dynamics.shadow import WindowMoment
from physcheck.model import Meter
from physcheck.resolution import Resolution
from physcheck.system import Configurations, Floats

__all__ = [
    "PISTON_EVALUATIONS",
    "STRAIN_LOOP_EVALUATIONS",
    "FittedPiston",
    "PressureRuns",
    "fitted_piston",
]

#: What :func:`fitted_piston` costs.
PISTON_EVALUATIONS = 3
# Loops of strain for the evidence of no potential.
_LOOPS = 4
#: What they cost at most: the stress' noise, and 16 points a loop and for the confirmation.
STRAIN_LOOP_EVALUATIONS = 6 + 16 * (_LOOPS + 1)
# Change of the logarithm of lengths for the stiffness: as in thermal motion of small cells.
_STRAIN = 5e-3
# The largest rms change of lengths: a spring keeps soft and unstable structures near their size.
_WIDEST = 0.01
# Advance of the piston's own oscillation in a step of the fine runs, rad: slower than the atoms'
# fastest, and once around within the shortest run.
_PISTON_PHASE = 0.15
# Variance of an integrator's error at twice the timestep over that of the fine runs, less one.
_COARSE_VARIANCE = 4.0**2 - 1.0


@dataclass(frozen=True, slots=True)
class FittedPiston:
    """A piston that fits a structure.

    Attributes
    ----------
    piston : Piston
    stiffness : float, eV
        Second derivative of the enthalpy by the logarithm of lengths.
    period_fs : float
        Of its own oscillation.
    """

    piston: Piston
    stiffness: float
    period_fs: float

    def thermal_rate(self, temperature_K: float) -> float:
        """rms of e', 1/(ASE time)."""
        return math.sqrt(kB * temperature_K / self.piston.mass)

    def thermal_scale(self, temperature_K: float) -> float:
        """rms of e, the logarithm of lengths."""
        return math.sqrt(kB * temperature_K / self.stiffness)


def fitted_piston(
    meter: Meter, start: Configurations, timestep_fs: float, temperature_K: float
) -> FittedPiston:
    """A piston as fast as the timestep affords, at the pressure that the structure has already.

    ``3 P V = 3 N kT - V tr(sigma)``, so that the cell neither shrinks nor swells.  The stiffness is
    from central differences; where it lets lengths change by more than a percent, or is negative, a
    spring adds what is lacking.

    Cost: 3 evaluations.
    """
    n = start.n_coordinates
    ends = np.zeros((3, n + 1))
    ends[:, :-1] = start.positions.ravel()
    ends[:, -1] = _STRAIN * np.array([-1.0, 0.0, 1.0])
    there = scaled(start, ends)
    answer = meter.evaluate(there, want=frozenset({"forces", "stress"}))
    forces, stress = answer.require_forces(), answer.require_stress()
    volume = float(start.volumes()[0])
    pressure = n * kB * temperature_K / (3 * volume) - float(np.trace(stress[1])) / 3
    along = generalised_forces(start, ends, forces, stress, Piston(1.0, pressure))[:, -1]
    own = float(along[0] - along[2]) / (2 * _STRAIN)
    stiffness = max(own, 2 * kB * temperature_K / _WIDEST**2)
    mass = stiffness * (timestep_fs * fs / _PISTON_PHASE) ** 2
    period_fs = 2 * math.pi / _PISTON_PHASE * timestep_fs
    return FittedPiston(Piston(mass, pressure, stiffness - own), stiffness, period_fs)


class PressureRuns(Runs):
    """As :class:`~physcheck.checks.dynamics.nve_runs.Runs`, at constant pressure.

    Half of the replicas begin with a cell that swells, half with one that shrinks.
    """

    law: ClassVar[str] = "nph_drift"

    def __init__(
        self,
        meter: Meter,
        start: Configurations,
        rng: np.random.Generator,
        fine_fs: float,
        temperature_K: float,
        replicas: int,
        control_steps: int,
        phase: float,
        *,
        piston: FittedPiston,
        stress_noise: float,
    ) -> None:
        self.piston, self._stress_noise = piston, stress_noise
        super().__init__(meter, start, rng, fine_fs, temperature_K, replicas, control_steps, phase)

    def _rates(self, count: int, first: int) -> Floats:
        signs = np.where((first + np.arange(count)) % 2 == 0, 1.0, -1.0)
        rates: Floats = self.piston.thermal_rate(2 * self.temperature_K) * signs
        return rates

    def _launch(self, velocities: Floats, timestep_fs: float, first: int = 0) -> ConstantPressure:
        return ConstantPressure(
            self.meter,
            self.start,
            velocities,
            self._rates(len(velocities), first),
            timestep_fs=timestep_fs,
            piston=self.piston.piston,
        )

    def again(self, replica: int, timestep_fs: float) -> ConstantPressure:
        """A fine replica from its start, at another timestep."""
        return self._launch(self.velocities[replica : replica + 1], timestep_fs, replica)

    def continued(self, run: Followed, timestep_fs: float) -> Followed | None:
        """Not to be had: a run begins with the cell of the start."""
        return None

    def _integrator_share(self, state: Look) -> float:
        """Its errors are four times as large in the coarse runs at least, work is the same there.

        The drifts' variances then give it; loops that do work are asked for besides.
        """
        excess = self.control_rms**2 - state.rms**2
        return math.sqrt(max(excess, 0.0) / _COARSE_VARIANCE)

    def _noise_power(self, force_noise: float) -> float:
        """Of forces and stress, eV/atom/ps."""
        volume, n_atoms = float(self.start.volumes()[0]), self.start.n_atoms
        rate = self.piston.thermal_rate(2 * self.temperature_K) * PER_PS
        stress = math.sqrt(3) * self._stress_noise * volume * rate / n_atoms
        return math.hypot(super()._noise_power(force_noise), stress)

    def _gaps(self, begin: WindowMoment, end: WindowMoment, short: bool) -> tuple[Floats, Floats]:
        """``H(end) - H(begin)`` and the work along straight lines back, in atoms and cell."""
        places = inner_places(begin, end, short=short)
        flat = places.reshape(-1, places.shape[-1]).copy()
        flat[:, :-1] += self.start.positions.ravel()
        there = scaled(self.start, flat)
        answer = self.meter.evaluate(there, want=frozenset({"forces", "stress"}))
        forces = answer.require_forces()
        share = (self.start.system.masses / self.start.system.masses.sum())[:, None]
        forces = forces - share * forces.sum(axis=1, keepdims=True)
        inner = generalised_forces(
            self.start, flat, forces, answer.require_stress(), self.piston.piston
        )
        return gap_along(begin, end, inner.reshape(places.shape), short=short)

    def belongs_together(self) -> bool:
        """Never taken for granted: a stress may be off that no line of atoms can tell."""
        return False

    def no_potential(self, resolution: Resolution | None) -> tuple[bool, dict[str, Any]]:
        """Whether loops of strain and atoms, or of atoms alone, certainly do work.

        Of strain, any work counts that noise and truncation don't explain (1e-4): how much is too
        much, the drift itself says.

        Cost: 86 evaluations, and 60 more where those don't show it.
        """
        figures: dict[str, Any] = {}
        assert isinstance(self.fine, ConstantPressure)
        if self._has_room(STRAIN_LOOP_EVALUATIONS):
            # Where heat has taken a replica: a perfect crystal hides what couples atoms and cell.
            place = self.start.at(self.fine.positions[:1], self.fine.cells[:1])
            found = measure_strain_loop_work(
                self.meter, place, rng=self.rng, resolution=resolution, loops=_LOOPS
            )
            figures["strain_loop_work"] = [found.value, found.interval[0]]
            if found.interval[0] > 0:
                return True, figures
        shown, more = super().no_potential(resolution)
        return shown, figures | more

    def _has_room(self, evaluations: int) -> bool:
        return self.meter.remaining is None or self.meter.remaining >= evaluations

    def largest_scale(self) -> float:
        """The largest relative change of a replica's lengths that is seen at the end."""
        assert isinstance(self.fine, ConstantPressure)
        return float(np.abs(np.expm1(self.fine.scale)).max())
