"""Replicas on their way.

Starting them, stopping them when they run away, and the slopes of their energies.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from ase.units import kB

from physcheck.checks.plotted import evenly, short
from physcheck.dynamics import Simulation, Trace, draw_velocities
from physcheck.dynamics.preparation import (
    relaxed_start,
    stable_timestep_fs,
    thermal_timestep_fs,
)
from physcheck.dynamics.shadow import WindowMoment
from physcheck.model import Meter
from physcheck.system import Configurations, Floats

__all__ = [
    "Followed",
    "Moving",
    "Rates",
    "blown_up",
    "launch",
    "launch_thermal",
    "rates_of",
    "runaway",
    "slopes_of",
    "take_step",
    "thinned",
]

# A replica has run away when its total energy changed by more than this, eV/atom ...
_RUNAWAY_ENERGY = 1.0
# ... or, where no energy is known, its kinetic energy is so many times that of 300 K.  A
# conservative model may well fall down its potential and get as hot as it likes: that is no fault
# of its dynamics.
_RUNAWAY_KINETIC = 300.0
_THERMAL = 1.5 * kB * 300.0


def launch(
    meter: Meter, start: Configurations, velocities: Floats, timestep_fs: float
) -> Simulation:
    """Replicas at one place with velocities (B, N, 3) of their own, without a bath."""
    places = start.at(np.repeat(start.positions, len(velocities), axis=0))
    return Simulation(meter, places, velocities, timestep_fs=timestep_fs)


def launch_thermal(
    meter: Meter,
    start: Configurations,
    replicas: int,
    temperature_K: float,
    phase: float,
    rng: np.random.Generator,
) -> tuple[Configurations, Simulation]:
    """The start a little relaxed, and replicas there with thermal velocities, without a bath.

    Parameters
    ----------
    temperature_K : float
        Velocities are drawn at twice that, as half goes to potential energy.
    phase : float, rad
        The most that the fastest mode may advance in a step.

    Cost: RELAXED_START_EVALUATIONS at most, and ``replicas``.
    """
    relaxed, frequency = relaxed_start(meter, start, rng)
    timestep_fs = min(
        stable_timestep_fs(frequency, phase), thermal_timestep_fs(start.system, 2 * temperature_K)
    )
    velocities = draw_velocities(start.system, replicas, 2 * temperature_K, rng, exact=True)
    return relaxed, launch(meter, relaxed, velocities, timestep_fs)


class Moving(Protocol):
    """Replicas on their way: a Simulation or a MultipleTimeStepping."""

    positions: Floats

    @property
    def last_unexplained(self) -> Floats:
        """(B,) change of E + K since the start that no bath accounts for, eV."""
        ...

    @property
    def last_total(self) -> Floats:
        """(B,) E + K now, eV."""
        ...

    @property
    def last_kinetic(self) -> Floats:
        """(B,) K now, eV."""
        ...

    def run(self, n_steps: int, /) -> None:
        """Take ``n_steps`` steps."""
        ...


class Followed(Moving, Protocol):
    """Replicas without a bath whose shadow energy is known: a Simulation or a ConstantPressure."""

    velocities: Floats
    steps: int
    timestep_fs: float
    shadow_start: WindowMoment | None

    @property
    def shadow_end(self) -> WindowMoment | None:
        """The last moment whose shadow energy is known; None without one."""
        ...

    @property
    def first_total(self) -> Floats:
        """(B,) E + K at the start, eV."""
        ...

    def trace(self) -> Trace:
        """The account of the moments so far."""
        ...


def take_step(simulation: Moving) -> int | None:
    """Take a step; the first replica whose positions are no numbers any more, which no model is
    asked about, or None.
    """
    try:
        simulation.run(1)
    except ValueError:
        lost = ~np.isfinite(simulation.positions).all(axis=(1, 2))
        if not lost.any():
            raise
        return int(np.argmax(lost))
    return None


def blown_up(simulation: Moving, n_steps: int) -> int | None:
    """Take up to ``n_steps`` steps; the index of the first replica that runs away, or None."""
    for _ in range(n_steps):
        if (lost := take_step(simulation)) is not None:
            return lost
        unexplained, n_atoms = simulation.last_unexplained, simulation.positions.shape[1]
        calm = np.abs(unexplained) <= _RUNAWAY_ENERGY * n_atoms
        if np.isnan(simulation.last_total).all():
            calm = simulation.last_kinetic <= _RUNAWAY_KINETIC * _THERMAL * n_atoms
        if not calm.all():
            return int(np.argmin(calm))
    return None


def runaway(simulation: Followed, replica: int) -> tuple[float, float]:
    """The energy, eV/atom, that a replica gained (or lost), and the time it took, ps."""
    n_atoms = simulation.positions.shape[1]
    gained = abs(float(simulation.last_total[replica] - simulation.first_total[replica])) / n_atoms
    if math.isnan(gained):
        gained = abs(float(simulation.last_kinetic[replica])) / n_atoms
    return gained, simulation.steps * simulation.timestep_fs * 1e-3


@dataclass(frozen=True, slots=True, eq=False)
class Rates:
    """Energies per atom over the moments whose shadow energy is known, and their slopes.

    Attributes
    ----------
    time_ps : (T,) float
    shadow, plain, potential : (T, B) float, eV/atom
    temperature : (T, B) float, K
        Kinetic, at the end of steps.
    slopes, plain_slopes : (B,) float, eV/atom/ps
        Of the shadow energy and of E + K, least squares.
    """

    time_ps: Floats
    shadow: Floats
    plain: Floats
    potential: Floats
    temperature: Floats
    slopes: Floats
    plain_slopes: Floats

    @property
    def wander(self) -> float:
        """rms of the shadow energy about its straight lines, eV/atom."""
        return _scatter(self.time_ps, self.shadow, self.slopes)

    @property
    def plain_wander(self) -> float:
        """The same of E + K, which swings with the integrator's dt²."""
        return _scatter(self.time_ps, self.plain, self.plain_slopes)

    def halves(self) -> tuple[float, float]:
        """Mean slope of the first and of the second half, eV/atom/ps.

        Alike where a drift is sustained.
        """
        middle = len(self.time_ps) // 2
        parts = [slice(None, middle), slice(middle, None)]
        first, second = (float(slopes_of(self.time_ps[p], self.shadow[p]).mean()) for p in parts)
        return first, second


def slopes_of(time: Floats, values: Floats) -> Floats:
    """(B,) least-squares slopes of ``values`` (T, B); zero for fewer than two moments."""
    if len(time) < 2:
        return np.zeros(values.shape[1])
    centred = time - time.mean()
    slopes: Floats = centred @ (values - values.mean(axis=0)) / float(centred @ centred)
    return slopes


def _scatter(time: Floats, values: Floats, slopes: Floats) -> float:
    straight = values.mean(axis=0) + (time - time.mean())[:, None] * slopes
    return math.sqrt(float(np.mean((values - straight) ** 2)))


def rates_of(simulation: Followed) -> Rates:
    """What the trajectory tells so far."""
    trace = simulation.trace()
    n_atoms = simulation.positions.shape[1]
    known = np.isfinite(trace.shadow[:, 0])
    time = 1e-3 * trace.time_fs[known]
    shadow, plain = trace.shadow[known] / n_atoms, trace.total[known] / n_atoms
    kinetic = trace.kinetic[known]
    return Rates(
        time_ps=time,
        shadow=shadow,
        plain=plain,
        potential=trace.potential[known] / n_atoms,
        temperature=2 * kinetic / (kB * (3 * n_atoms - 3)),
        slopes=slopes_of(time, shadow),
        plain_slopes=slopes_of(time, plain),
    )


def thinned(simulation: Followed, rates: Rates | None = None) -> dict[str, Any]:
    """Arrays for plots from the start on, a few hundred moments at most.

    Replica means per atom; of the shadow energy, too, where ``rates`` of the same run are given: it
    isn't known (NaN) at the first and last few moments.
    """
    trace = simulation.trace()
    n_atoms = simulation.positions.shape[1]
    time, total = 1e-3 * trace.time_fs, trace.total / n_atoms
    rows = evenly(len(time))
    series = {
        "time_ps": time[rows],
        "potential_eV_per_atom": (trace.potential.mean(axis=1) / n_atoms)[rows],
        "total_change_eV_per_atom": (total - total[:1]).mean(axis=1)[rows],
        "temperature_K": 2 * trace.kinetic.mean(axis=1)[rows] / (kB * (3 * n_atoms - 3)),
    }
    if rates is not None:
        known = np.isin(time, rates.time_ps)
        shadow = np.full(total.shape, np.nan)
        shadow[known] = rates.shadow[: int(known.sum())]
        # From its own first moment: what is shown is how it changes.
        shadow -= shadow[known][:1]
        series["shadow_change_eV_per_atom"] = shadow.mean(axis=1)[rows]
        series["shadow_spread_eV_per_atom"] = shadow.std(axis=1)[rows]
    return {name: short(values) for name, values in series.items()}
