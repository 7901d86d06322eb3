"""The trajectories behind ``nve_drift``, and what one look at them tells."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from ase.units import fs, kB

from physcheck.checks.conservation.no_potential import (
    asymmetry_figures,
    has_no_potential,
    measure_no_potential,
)
from physcheck.checks.dynamics.loop_closing import belongs_together, energy_gap_between
from physcheck.checks.dynamics.replicas import (
    Followed,
    Rates,
    blown_up,
    launch,
    rates_of,
    slopes_of,
)
from physcheck.dynamics import angular_momenta, draw_velocities
from physcheck.dynamics.shadow import WindowMoment
from physcheck.errors import NonFiniteOutput
from physcheck.measurement import Measurement
from physcheck.model import Meter
from physcheck.numerics.detection import MISSED, factor_to_settle, limit_of_mean
from physcheck.numerics.quantiles import FALSE_PASS
from physcheck.numerics.sequential import student_half_width
from physcheck.resolution import Resolution
from physcheck.system import Configurations, Floats

__all__ = [
    "FIRST_LOOK",
    "PER_PS",
    "Look",
    "Runs",
    "drift_measurement",
    "look_by_look",
    "most_closings",
]

#: Steps before the first look: the first two moments whose shadow energy is known.
FIRST_LOOK = 9
# Steps after which single runs are looked at: several periods of the fastest motion.
_WANDER_LOOK = 36
# Steps that coarse runs take at once.
_LEAST_CONTROL = 16
# The integrator's share of the coarse runs' excess drift in the fine ones: dt^4 at least, as the
# shadow energy has errors of dt^8 and resonances grow faster than any power.
_INTEGRATOR = 1 / 15
# Of the drifts of single runs at twice the timestep, what an integrator makes at most of those of
# the fine ones: dt² at kinks of the forces.
_COARSE_SHARE = 1 / 3
# Standard deviations of force noise that are taken off.
_NOISE_SDS = 3.0
#: ASE's units of time in a picosecond.
PER_PS = 1e3 * fs


@dataclass(frozen=True, slots=True)
class Look:
    """What one look concludes, in eV/atom/ps.

    Attributes
    ----------
    rates : (B,) float
        Drift of each replica.
    chance : float
        Of a false FAIL that this look may take.
    allowance : float
        What the integrator and the quadrature may have added.
    closed : bool
        Whether the trajectories were closed by lines.
    quadrature : float
        The lines' share of the allowance.
    single : float
        Lower end of the rms drift of single replicas, whatever their sign.
    taken : float
        What was taken off that for the integrator, quadrature and noise; infinite if unknown.
    """

    rates: Floats
    chance: float
    allowance: float
    closed: bool
    quadrature: float = 0.0
    single: float = 0.0
    taken: float = math.inf

    @property
    def value(self) -> float:
        """|mean drift|."""
        return abs(float(self.rates.mean()))

    @property
    def error(self) -> float:
        """Standard error of the mean over the replicas."""
        return float(np.std(self.rates, ddof=1)) / math.sqrt(len(self.rates))

    @property
    def rms(self) -> float:
        """rms drift of single replicas."""
        return math.sqrt(float(np.mean(self.rates**2)))

    @property
    def below(self) -> float:
        """How far below the value the interval begins."""
        return student_half_width(self.rates, self.chance) + self.allowance

    @property
    def interval(self) -> tuple[float, float]:
        """Low (missed with ``chance``) and high (97.5 %) ends."""
        low = max(0.0, self.value - self.below)
        return low, self.value + student_half_width(self.rates, 2 * FALSE_PASS) + self.quadrature

    def limit(self, target: float) -> float:
        """The detection limit: of a mean drift or, where those are known, of single runs' rms."""
        from scipy.special import chdtri

        count = len(self.rates)
        of_mean = limit_of_mean(
            target, self.error, count - 1, self.chance, allowance=self.allowance
        )
        # The rms may come out too small by the one, and is divided by the other.
        spread = chdtri(count, self.chance / 2) / chdtri(count, 1 - MISSED)
        return min(of_mean, math.sqrt(spread) * (target + self.taken))

    def longer(self, target: float) -> float:
        """How many times as long runs would settle it: the error falls as the length to 3/2."""
        return factor_to_settle(target, self.value, self.interval, 2 / 3)


def drift_measurement(
    run: Runs, state: Look, target: float, *, nothing: str, resolve: str, evidence: dict[str, Any]
) -> Measurement:
    """The drift of a look: of single runs where they are called and their mean isn't."""
    value, error, interval = state.value, state.error, state.interval
    if state.single > target >= interval[0]:
        value, error = state.rms, state.rms / math.sqrt(2 * len(state.rates))
        interval = state.single, max(interval[1], value + 2 * error)
    return Measurement(
        value=value,
        uncertainty=math.hypot(error, state.allowance),
        uncertainty_components={"sampling": error, "truncation": state.allowance},
        interval=interval,
        detection_limit=state.limit(target),
        noise_floor=state.allowance,
        force_evaluations=run.meter.evaluations,
        nothing_tested=nothing,
        resolve=resolve,
        work_needed=state.longer(target),
        evidence=evidence,
    )


class Runs:
    """The fine replicas, the coarse control, and what they tell so far."""

    #: The check that asks, for advice.
    law: ClassVar[str] = "nve_drift"

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
    ) -> None:
        self.meter, self.start, self.rng, self.phase = meter, start, rng, phase
        self.fine_fs, self.temperature_K = fine_fs, temperature_K
        self.n_control, self.control_steps = max(2, replicas // 2), control_steps
        self.velocities = draw_velocities(
            start.system, replicas, 2 * temperature_K, rng, exact=True
        )
        self.fine = self._launch(self.velocities, fine_fs)
        self.coarse: Followed | None = None
        self.control: Rates | None = None
        self.control_unstable = False
        self.quadrature = 0.0
        self.gap_rate: float | None = None
        self.control_rms = math.inf

    def belongs_together(self) -> bool:
        """Whether the energy changes along the forces about as they say; False: not certain."""
        return belongs_together(self.meter, self.start, self.rng)

    def no_potential(self, resolution: Resolution | None) -> tuple[bool, dict[str, Any]]:
        """Whether the forces certainly have no potential, and the figures that say so."""
        proof = measure_no_potential(self.meter, self.start, self.rng, resolution)
        return has_no_potential(proof), {"jacobian_asymmetry": asymmetry_figures(proof)}

    def _launch(self, velocities: Floats, timestep_fs: float) -> Followed:
        """Replicas on their way from the start."""
        return launch(self.meter, self.start, velocities, timestep_fs)

    def again(self, replica: int, timestep_fs: float) -> Followed:
        """A fine replica from its start, at another timestep."""
        return self._launch(self.velocities[replica : replica + 1], timestep_fs)

    def continued(self, run: Followed, timestep_fs: float) -> Followed | None:
        """Replicas from where ``run`` is, at another timestep; None where that can't be had."""
        there = self.start.at(run.positions)
        return launch(self.meter, there, run.velocities, timestep_fs)

    def advance(self, step: int) -> int | None:
        """Run the fine replicas up to ``step``; the replica that ran away, or None."""
        while self.fine.steps < step:
            if (failed := blown_up(self.fine, 1)) is not None:
                return failed
        self.rates = rates_of(self.fine)
        return None

    def advance_control(self, step: int) -> None:
        """Run the coarse runs for a third of ``step``, from velocities of their own.

        Short ones are closed by short lines.  That they run away says nothing of the forces.
        """
        if self.coarse is None:
            velocities = draw_velocities(
                self.start.system, self.n_control, 2 * self.temperature_K, self.rng, exact=True
            )
            self.coarse = self._launch(velocities, 2 * self.fine_fs)
        coarse = self.coarse
        wanted = min(self.control_steps, max(_LEAST_CONTROL, step // 3))
        if self.control_unstable or coarse.steps >= wanted:
            return
        try:
            self.control_unstable = blown_up(coarse, wanted - coarse.steps) is not None
        except NonFiniteOutput:
            self.control_unstable = True
        self.control = rates_of(coarse)

    def allowance(self) -> float:
        """What the integrator may have added to the fine runs' drift, eV/atom/ps."""
        rates = self.rates
        if self.control is None or not len(self.control.slopes):
            # Before the coarse runs: what the shadow energy took away from the slope of E + K, an
            # error of dt^2, and of what it left no more than one order in (omega dt)^2.
            taken = abs(float(rates.plain_slopes.mean() - rates.slopes.mean()))
            return taken * min(1.0, self.phase**2)
        if self.control_unstable:
            return abs(float(rates.slopes.mean()))
        return _INTEGRATOR * abs(float(self.control.slopes.mean() - rates.slopes.mean()))

    @property
    def integrator_shows(self) -> bool:
        """Whether the coarse runs drift otherwise than the fine ones, beyond three standard
        errors.
        """
        if self.control_unstable or self.control is None:
            return self.control_unstable
        coarse, fine = self.control.slopes, self.rates.slopes
        spread = math.hypot(
            float(np.std(coarse, ddof=1)) / math.sqrt(len(coarse)),
            float(np.std(fine, ddof=1)) / math.sqrt(len(fine)),
        )
        return abs(float(coarse.mean() - fine.mean())) > 3 * spread

    def state(self, chance: float) -> Look:
        """The look at the fine runs as they are."""
        return Look(self.rates.slopes, chance, self.allowance(), closed=False)

    def sustained(self, state: Look) -> Look:
        """The look at the second half alone, where what the start set going is over.

        For forces without a potential.
        """
        time, shadow = self.rates.time_ps, self.rates.shadow
        late = slice(len(time) // 2, None)
        slopes = slopes_of(time[late], shadow[late])
        return replace(
            state, rates=slopes, allowance=self.allowance(), closed=False, quadrature=0.0
        )

    def closed(self, state: Look) -> Look:
        """The same with each trajectory closed by a line, so that no other energy is taken for
        heat.
        """
        rates, gaps, error = self._close(self.fine, self.rates)
        if not (error <= state.below + state.value):
            # Too far to go back in a straight line: nothing is called.
            self.quadrature = error
            return replace(state, allowance=state.allowance + state.value)
        self.quadrature, self.gap_rate = error, float(gaps.mean())
        allowance = error
        if self.coarse is None:
            allowance += state.allowance
        elif self.control_unstable:
            allowance += abs(float(rates.mean()))
        else:
            assert self.control is not None
            control, _, coarse_error = self._close(self.coarse, self.control)
            allowance += _INTEGRATOR * abs(float(control.mean() - rates.mean())) + coarse_error
            self.control_rms = math.sqrt(float(np.mean(control**2))) + coarse_error
        return Look(rates, state.chance, allowance, closed=True, quadrature=error)

    def with_single_runs(self, state: Look, force_noise: float) -> Look:
        """The same with what single replicas drift at least, whatever the sign; 0 if unknown.

        Forces without a potential do work of either sign on each replica, far more than its mean.
        Taken off are a third of what the coarse runs show (work is the same at any timestep, the
        integrator's errors grow fourfold at least, at kinks too), the quadrature's error, and what
        force noise that never changes its sign along a path would do.
        """
        from scipy.special import chdtri

        if not state.closed or self.control is None or self.control_unstable:
            return state
        count = len(state.rates)
        least = math.sqrt(count / chdtri(count, state.chance / 2)) * state.rms
        noise = self._noise_power(force_noise)
        taken = self._integrator_share(state) + state.quadrature + _NOISE_SDS * noise
        return replace(state, single=max(0.0, least - taken), taken=taken)

    def _integrator_share(self, state: Look) -> float:
        """What the integrator makes of the drifts of single runs at most, eV/atom/ps."""
        return _COARSE_SHARE * self.control_rms

    def _noise_power(self, force_noise: float) -> float:
        """What force noise along the path does to a single run, eV/atom/ps."""
        masses = self.start.system.masses
        speed = math.sqrt(2 * kB * self.temperature_K * float(np.mean(1 / masses)))
        return force_noise * speed * PER_PS * math.sqrt(3 / len(masses))

    def turning(self) -> float:
        """Change of an isolated system's angular momentum over the thermal one, rms of replicas.

        Velocity Verlet keeps it to rounding where the forces have no torque, whatever else is wrong
        with them.
        """
        masses = self.start.system.masses
        begin = np.broadcast_to(self.start.positions, self.velocities.shape)
        change = angular_momenta(
            self.fine.positions, self.fine.velocities, masses
        ) - angular_momenta(begin, self.velocities, masses)
        out = begin[0] - masses @ begin[0] / masses.sum()
        # Mean square of L at temperature T: kT times the trace of the inertia tensor, 2 sum m r².
        thermal = kB * self.temperature_K * 2 * float(masses @ (out**2).sum(axis=1))
        return math.sqrt(float((change**2).sum(axis=1).mean()) / thermal)

    def _gaps(self, begin: WindowMoment, end: WindowMoment, short: bool) -> tuple[Floats, Floats]:
        """(B,) of each replica's line, and the error, eV."""
        return energy_gap_between(self.meter, self.start, begin, end, short=short)

    def _close(self, simulation: Followed, rates: Rates) -> tuple[Floats, Floats, float]:
        """Drifts of closed paths, the gaps taken off, and their rms error, all in eV/atom/ps."""
        begin, end = simulation.shadow_start, simulation.shadow_end
        assert begin is not None
        assert end is not None
        short = simulation.steps <= FIRST_LOOK
        gap, error = self._gaps(begin, end, short)
        length = float(rates.time_ps[-1] - rates.time_ps[0])
        gaps = gap / self.start.n_atoms / length
        drifts = (rates.shadow[-1] - rates.shadow[0]) / length - gaps
        error_rms = math.sqrt(float(np.mean(error**2)))
        return drifts, gaps, error_rms / self.start.n_atoms / length


def most_closings(steps: int) -> int:
    """How often trajectories are closed by lines at most; the last look always may."""
    return 2 if steps < 100 else 3


def look_by_look(
    run: Runs, looks: Sequence[int], chances: Floats, target: float, force_noise: float
) -> Look | int:
    """The last look that was needed; the index of a replica that ran away, if one did.

    Parameters
    ----------
    looks, chances
        Steps, and the chance of a false FAIL that each may take.
    target : float, eV/atom/ps
    force_noise : float, eV/Å
    """
    doubted = False
    closings = most_closings(looks[-1]) - 1
    state: Look | None = None
    for step, chance in zip(looks, chances, strict=True):
        last = step == looks[-1]
        if step > looks[0]:
            run.advance_control(step)
        if (failed := run.advance(step)) is not None:
            return failed
        state = run.state(float(chance))
        low, high = state.interval
        # Single runs are held against the coarse ones, which are there from the second look on.
        wanders = step >= _WANDER_LOOK and state.rms / 10 > target and run.control is not None
        called = low > target and not doubted
        if ((called or wanders) and closings) or (last and not (high <= target)):
            closed = run.with_single_runs(run.closed(state), force_noise)
            doubted = doubted or called
            closings -= 1
            # Lines cost resolution: what isn't called is left as it was.
            if low > target or closed.single > target or not (closed.interval[1] > high):
                state = closed
            if state.interval[0] > target or state.single > target:
                break
    assert state is not None
    return state
