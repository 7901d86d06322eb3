"""The trajectories behind ``mts_tandem``.

The fast model alone, the accurate one alone, and the pair at each stride.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from ase.data import chemical_symbols
from ase.units import kB

from physcheck.checks.dynamics.replicas import Moving, blown_up, slopes_of
from physcheck.dynamics import (
    Langevin,
    MultipleTimeStepping,
    Simulation,
    StochasticVelocityRescaling,
    Trace,
    degrees_of_freedom,
    draw_velocities,
)
from physcheck.errors import NonFiniteOutput
from physcheck.model import Meter
from physcheck.numerics.quantiles import FALSE_FAIL, FALSE_PASS
from physcheck.numerics.sequential import student_half_width
from physcheck.system import Configurations, Floats, System

__all__ = ["BOOKING", "Drift", "Pair", "Row", "Temperature", "drift_of"]

# Steps between the accurate model's energies where the fast one runs alone.
BOOKING = 8
# The slope of a mean curve that swings but keeps its level is off by no more than this many times
# rms/length: 2.7 for one period of a sine, the worst of all sines.
_SWING = 3.0
# Chance at which a line of the table is called faulty: that costs a stride, and fails no record.
_FALSE_FAULT = 1e-3
# Degree of what isn't a swing.
_SMOOTH = 3
# A strong local bath brings every mode to its share; a weak global one then can't hide a species'
# own temperature.
_EQUILIBRATION_FS, _GLOBAL_FS = 15.0, 10.0


@dataclass(frozen=True, slots=True)
class Drift:
    """How fast E + K rises, eV/atom/ps, at one stride (or of one model alone).

    Attributes
    ----------
    rates : (B,) float
        Slope of each replica's shadow energy.
    allowance : float
        What a swing of all replicas together may feign.
    blow_up_fs : float or None
        When a replica ran away.
    """

    rates: Floats
    allowance: float
    blow_up_fs: float | None = None

    @property
    def mean(self) -> float:
        """Mean slope; infinite after a blow-up."""
        return math.inf if self.blow_up_fs is not None else float(self.rates.mean())

    @property
    def error(self) -> float:
        """Standard error over the replicas."""
        return float(np.std(self.rates, ddof=1)) / math.sqrt(len(self.rates))

    @property
    def limit(self) -> float:
        """The smallest drift that would have been called one; infinite after a blow-up."""
        if self.blow_up_fs is not None:
            return math.inf
        return student_half_width(self.rates, FALSE_FAIL) + self.allowance

    def suspect(self, target: float) -> bool:
        """Whether a drift above ``target`` is likely, if not certain.

        By more than two standard errors.
        """
        return abs(self.mean) - 2 * math.hypot(self.error, self.allowance) > target

    def exceeds(self, target: float) -> bool:
        """Whether a stride with this drift is out of the question.

        More than ``target`` but for a chance of 1e-3.
        """
        if self.blow_up_fs is not None:
            return True
        width = student_half_width(self.rates, _FALSE_FAULT) + self.allowance
        return abs(self.mean) - width > target

    @property
    def interval(self) -> tuple[float, float]:
        """Of |drift|: missed with a chance of 1e-4 below, 2.5 % above."""
        if self.blow_up_fs is not None:
            return math.inf, math.inf
        value = abs(self.mean)
        high = value + student_half_width(self.rates, 2 * FALSE_PASS) + self.allowance
        return max(0.0, value - self.limit), high


@dataclass(frozen=True, slots=True, eq=False)
class Temperature:
    """Kinetic temperature of a species in each replica, (B,) K."""

    each: Floats

    @property
    def mean(self) -> float:
        """Over the replicas."""
        return float(self.each.mean())

    @property
    def error(self) -> float:
        """Standard error over the replicas."""
        return float(np.std(self.each, ddof=1)) / math.sqrt(len(self.each))

    def above(self, other: Temperature) -> float:
        """How much hotter or colder than ``other``, from the same starts, this is at least.

        0 unless beyond doubt.
        """
        apart = self.each - other.each
        return max(0.0, abs(float(apart.mean())) - student_half_width(apart, _FALSE_FAULT))


def drift_of(time_ps: Floats, energies: Floats) -> Drift:
    """The drift of energies (T, B) in eV/atom.

    The swing common to all replicas is what a cubic leaves of their mean: heating that grows or
    saturates isn't one.
    """
    mean = energies.mean(axis=1)
    scaled = np.linspace(-1.0, 1.0, len(mean))
    rest = mean - np.polynomial.polynomial.polyval(
        scaled, np.polynomial.polynomial.polyfit(scaled, mean, _SMOOTH)
    )
    rms = math.sqrt(float(rest @ rest) / max(len(rest) - _SMOOTH - 1, 1))
    return Drift(slopes_of(time_ps, energies), _SWING * rms / float(time_ps[-1] - time_ps[0]))


@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """The two models, and replicas at the asked temperature from which every run starts.

    Attributes
    ----------
    fast, accurate : Meter
    start : Configurations
        B replicas, equilibrated.
    velocities : (B, N, 3)
    timestep_fs, temperature_K : float
    rng : numpy Generator
    both_forces : (2, B, N, 3) float, eV/Å
        Of the fast and of the accurate model at ``start``, net forces taken off.
    """

    fast: Meter
    accurate: Meter
    start: Configurations
    velocities: Floats
    timestep_fs: float
    temperature_K: float  # noqa: N815
    rng: np.random.Generator
    both_forces: Floats

    @classmethod
    def equilibrated(
        cls,
        fast: Meter,
        accurate: Meter,
        start: Configurations,
        rng: np.random.Generator,
        *,
        timestep_fs: float,
        temperature_K: float,
        replicas: int,
        steps: int,
    ) -> Pair:
        """Replicas that a strong Langevin bath brought to the temperature, by the pair at stride 2.

        Without it all of them would swing alike, from the same place.
        """
        velocities = draw_velocities(start.system, replicas, temperature_K, rng)
        equilibration = MultipleTimeStepping(
            fast,
            accurate,
            start.at(np.repeat(start.positions, replicas, axis=0)),
            velocities,
            timestep_fs=timestep_fs,
            stride=2,
            bath=Langevin(temperature_K, max(_EQUILIBRATION_FS, 10 * timestep_fs)),
            rng=rng,
        )
        equilibration.run(steps // 2)
        places = start.at(equilibration.positions)
        forces = equilibration.forces
        return cls(
            fast, accurate, places, equilibration.velocities, timestep_fs, temperature_K, rng,
            np.array([forces, forces + equilibration.correction]),
        )  # fmt: skip

    @property
    def cost_ratio(self) -> float:
        """Seconds of an evaluation of the accurate model over those of the fast one."""
        each = [m.seconds / max(m.evaluations, 1) for m in (self.accurate, self.fast)]
        return each[0] / each[1] if each[1] > 0 else math.inf

    def alone(self, steps: int) -> tuple[Drift, dict[str, Temperature]]:
        """The fast model alone."""
        run = self._pair(BOOKING, correct=False)
        return self._followed(run, steps // BOOKING, BOOKING)

    def accurate_alone(self, steps: int) -> tuple[Drift, dict[str, Temperature]]:
        """The accurate model alone, at the same timestep."""
        run = Simulation(
            self.accurate,
            self.start,
            self.velocities,
            timestep_fs=self.timestep_fs,
            atom_kinetic=True,
        )
        return self._followed(run, steps, 1)

    def at(self, stride: int, steps: int) -> tuple[Drift, dict[str, Temperature]]:
        """The pair at a stride."""
        return self._followed(self._pair(stride), steps // stride, stride)

    def sampled(self, stride: int | None, steps: int) -> dict[str, Temperature]:
        """Temperatures under a global bath (SVR, 10 fs).

        Of the pair, or of the fast model alone; empty if it runs away.
        """
        bath = StochasticVelocityRescaling(self.temperature_K, _GLOBAL_FS)
        every = BOOKING if stride is None else stride
        run = self._pair(every, correct=stride is not None, bath=bath)
        if _ran_away(run, steps // every) is not None:
            return {}
        return self._temperatures(run.trace())

    def _pair(
        self,
        stride: int,
        *,
        correct: bool = True,
        bath: StochasticVelocityRescaling | None = None,
    ) -> MultipleTimeStepping:
        return MultipleTimeStepping(
            self.fast,
            self.accurate,
            self.start,
            self.velocities,
            timestep_fs=self.timestep_fs,
            stride=stride,
            correct=correct,
            bath=bath,
            rng=self.rng if bath is not None else None,
            atom_kinetic=True,
        )

    def _followed(
        self, run: MultipleTimeStepping | Simulation, outer_steps: int, stride: int
    ) -> tuple[Drift, dict[str, Temperature]]:
        if (failed := _ran_away(run, outer_steps)) is not None:
            return Drift(
                np.zeros(len(self.velocities)), 0.0, failed * stride * self.timestep_fs
            ), {}
        trace = run.trace()
        known = np.isfinite(trace.shadow[:, 0])
        energies = trace.shadow[known] / len(self.start.system)
        return drift_of(1e-3 * trace.time_fs[known], energies), self._temperatures(trace)

    def _temperatures(self, trace: Trace) -> dict[str, Temperature]:
        system = self.start.system
        found = {}
        for name, members in _species(system).items():
            energies = trace.middle[:, :, members].sum(axis=2).mean(axis=0)
            each = 2 * energies / (kB * degrees_of_freedom(system, members))
            found[name] = Temperature(each)
        return found


def _species(system: System) -> dict[str, np.ndarray]:
    return {chemical_symbols[z]: system.numbers == z for z in sorted(set(system.numbers.tolist()))}


def _ran_away(run: Moving, steps: int) -> int | None:
    """The step at which a replica ran away, or a model gave no number; None if all is calm."""
    for step in range(steps):
        try:
            if blown_up(run, 1) is not None:
                return step + 1
        except NonFiniteOutput:
            return step + 1
    return None


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table.

    Attributes
    ----------
    name : str
        ``model alone``, ``reference alone`` or the stride.
    stride : int or None
    step_fs : float
        Between corrections (outer timestep), or the timestep of a model alone.
    drift : Drift
    temperatures : mapping of symbol to Temperature
        In the constant-energy runs.
    fault : str
        What is wrong with it, beyond doubt; empty if nothing is.
    speed_up : float or None
        Over the reference alone, at the measured pace of both.
    """

    name: str
    stride: int | None
    step_fs: float
    drift: Drift
    temperatures: Mapping[str, Temperature]
    fault: str = ""
    speed_up: float | None = None
