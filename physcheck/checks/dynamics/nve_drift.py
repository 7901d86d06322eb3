"""The energy of a system on its own neither rises nor falls for good.

How it is measured.  Replicas with velocities of their own run by velocity Verlet from one start,
relaxed a little.  Each replica's drift P is the slope of its shadow energy H~ per atom
(:mod:`physcheck.dynamics.shadow`), from which the integrator's own swings are gone to dt^8; judged
is |mean P|, its error from the spread of the replicas (Student's t), at steps 9, 18, 36 ... with
the chance of a false verdict spread over the looks.

Separated from the drift of the forces are

1. the integrator's drift: half as many replicas run at twice the timestep, and a 15th of the
   difference (an error of dt^4) isn't blamed on the forces;
2. the *wander* of an energy that isn't the one whose gradient the forces are: before a drift is
   called, each trajectory is closed by a straight line, and ``E(end) - E(begin) + integral of
   F.dx`` along it is taken off.  What is left is work around a closed path, zero for the gradient
   of whatever energy.  Closing by lines takes the model's energies out of the verdict altogether,
   so that their rounding (float32 totals of 1e5 eV) costs no resolution either.

Forces without a potential do work on every replica, of either sign, and far more than its mean: a
drift of single replicas (their rms) that is as large at twice the timestep, and more than force
noise could do, is called where the force Jacobian is certainly antisymmetric.  A conservative model
keeps the energy of every single run.

Where atoms go on and on in one direction (layers that slide) a line closes nothing: where closing
took a drift away that goes on in the second half of the run, and the force Jacobian is certainly
antisymmetric (as ``jacobian_asymmetry`` measures it), so that there is no energy whose gradient the
forces could be, the drift of that half is called as it is.

Of a float32 model the energies' grain often hides what the tolerance asks for.  Where its float64
twin is at hand, the drift is bounded in two parts: by how far the twin's forces are from the
gradient of its energy, and by the work that rounding does along trajectories in float32
(:mod:`physcheck.checks.dynamics.rounding_work`).

A replica whose kinetic energy or total energy runs away (and does so again at a quarter of the
timestep) ends the run with a FAIL at once.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
from ase.units import kB

from physcheck.checks.conservation.no_potential import (
    NO_POTENTIAL_EVALUATIONS,
    asymmetry_figures,
    has_no_potential,
    measure_no_potential,
)
from physcheck.checks.dynamics.gradient_forces import GradientForces, measure_by_gradient
from physcheck.checks.dynamics.loop_closing import LINE_POINTS
from physcheck.checks.dynamics.nve_runaway import measure_runaway
from physcheck.checks.dynamics.nve_runs import (
    FIRST_LOOK,
    Look,
    Runs,
    drift_measurement,
    look_by_look,
    most_closings,
)
from physcheck.checks.dynamics.replicas import thinned
from physcheck.checks.dynamics.rounding_work import RoundingWork
from physcheck.dynamics.preparation import (
    FREQUENCY_MARGIN,
    RELAXED_START_EVALUATIONS,
    relaxed_start,
    require_positive,
    stable_timestep_fs,
    thermal_timestep_fs,
)
from physcheck.measurement import LOOK_CLOSER, Measurement
from physcheck.model import Capabilities, Meter, Model
from physcheck.numerics.quantiles import FALSE_FAIL
from physcheck.numerics.sequential import doubling_looks, spending
from physcheck.registry import Budget, Failure, check, default_tolerance, derive_assert
from physcheck.resolution import Resolution
from physcheck.system import Configurations, as_configurations
from physcheck.text.numbers import figure, with_uncertainty
from physcheck.tolerances import Tolerances

__all__ = ["assert_nve_drift", "measure_nve_drift"]

_UNIT = "eV/atom/ps"
_QUANTITY = "sustained drift of the energy"
# Advance of the fastest mode in a step of the fine runs, rad; the coarse ones take twice that.
_PHASE = 0.2

_OPTIONS: dict[Budget, dict[str, Any]] = {
    "quick": {"replicas": 8, "steps": 48, "control_steps": 16},
    "standard": {"replicas": 8, "steps": 600, "control_steps": 150},
    "full": {"replicas": 16, "steps": 1000, "control_steps": 200},
}


def _evaluations(start: Configurations, capabilities: Capabilities, budget: Budget) -> int:
    options = _OPTIONS[budget]
    count, steps, control = (options[k] for k in ("replicas", "steps", "control_steps"))
    lines = most_closings(steps) * LINE_POINTS * (count + count // 2)
    total = RELAXED_START_EVALUATIONS + count * (steps + 1) + (count // 2) * (control + 1) + lines
    # At quick the evidence of no potential takes what is left.
    return int(total + (0 if budget == "quick" else NO_POTENTIAL_EVALUATIONS))


def _applies(start: Configurations, capabilities: Capabilities) -> str | None:
    return "one atom alone has no inner motion" if start.n_atoms < 2 else None


@check(
    family="dynamics",
    quantity=_QUANTITY,
    unit=_UNIT,
    needs={"forces", "energy"},
    kind="law",
    title="constant-energy dynamics heats or cools",
    causes="forces predicted directly; a detached term; a cutoff without a smooth end; noise in "
    "the forces",
    advice="rule out the integrator by half the timestep; heating that stays is the forces': "
    "use conservative forces or multiple time stepping (mts_tandem), since a "
    "thermostat only hides it",
    failure=Failure(
        short_title="energy drifts",
        meaning="A simulation at constant energy heats or cools at the rate that is given. With a "
        "thermostat that heat flows through the system: it isn't at equilibrium.",
    ),
    tolerances=Tolerances(
        screening=2.6e-4,
        md=2.6e-6,
        tight=2.6e-8,
        reason="the heating, K/ps = P/(3 kB), that spoils a run: screening 1 K/ps, a "
        "picosecond of constant-energy dynamics stays at its temperature; md 10 K/ns, "
        "a nanosecond does; tight 0.1 K/ns, a hundred nanoseconds do",
        source="Bigi, Langer, Ceriotti, arXiv 2412.11569: PET-NC heats by 7 K/ps, ORB-v2 by "
        "70 K/ps; conservative models below what the paper resolves",
    ),
    evaluations=_evaluations,
    options=_OPTIONS,
    by_gradient=0,
    applies=_applies,
)
def measure_nve_drift(
    model: Model | Meter,
    start: Any,
    *,
    rng: np.random.Generator,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
    replicas: int = 8,
    steps: int = 48,
    control_steps: int = 16,
    temperature_K: float = 300.0,
    timestep_fs: float | None = None,
    gradient: GradientForces | None = None,
    rounding: RoundingWork | None = None,
) -> Measurement:
    """The energy of a system on its own neither rises nor falls for good.

    P = d(E + K)/dt per atom, eV/atom/ps, of velocity Verlet at constant energy; in kelvin P/(3 kB),
    as half of the heat goes to potential energy. How it is measured: see the module.

    Can't see: a drift slower than its interval (the evidence names the length that would resolve
    the tolerance); heating in other regions than those visited; forces whose work happens to cancel
    (loop_work and jacobian_asymmetry see them at a fraction of the cost).

    Parameters
    ----------
    tolerance : float, eV/atom/ps
        At what a drift is called before the last look; the md profile's if left out.
    replicas, steps, control_steps : int
        Fine runs, and the length of the coarse ones, which have half as many replicas.
    temperature_K, timestep_fs : float
        Velocities are drawn at twice the temperature, since half goes to potential energy; the
        longer of the two timesteps, from the stiffest mode (a few probes) if left out.
    gradient : GradientForces
        What follows from it is measured.
    rounding : RoundingWork
        Where ``gradient`` is of the model's float64 twin: what this model's rounding adds.

    Raises
    ------
    CapabilityMissing
        No energy (K less the work of the forces is an identity for any force), or a single atom.
    ValueError
        Less than 2 replicas or 9 steps; a temperature or timestep that isn't positive.
    ModelError, NonFiniteOutput

    Cost: at most 18 + replicas (steps + 11) + replicas/2 (control_steps + 11), 598 by default, and
    60 for the evidence of no potential; 0.01 eV/atom/ps is called within 128 evaluations.

    Source: Bigi, Langer, Ceriotti, arXiv 2412.11569, fig. 3; Engle, Skeel, Drees, J. Comput. Phys.
    206 (2005).
    """
    if gradient is not None:
        return _bounded(gradient, rounding)
    meter, one = Meter(model), as_configurations(start)
    _require_enough(replicas, steps, control_steps)
    require_positive(temperature_K=temperature_K, timestep_fs=timestep_fs)
    target = default_tolerance("nve_drift") if tolerance is None else tolerance
    run = _choose_steps(meter, one, rng, timestep_fs, temperature_K, replicas, control_steps)
    return _judge(run, steps, target, resolution)


def _bounded(gradient: GradientForces, rounding: RoundingWork | None) -> Measurement:
    """What follows from forces that are a gradient, but for rounding."""
    power = gradient.power(gradient.start.system.masses)
    if rounding is None:
        return measure_by_gradient(gradient, power)
    found = measure_by_gradient(gradient, power + rounding.most)
    quantities = {**found.evidence["quantities"], **rounding.figures()}
    return replace(
        found,
        uncertainty_components={"sampling": power, "rounding": rounding.most},
        noise_floor=rounding.most,
        resolve="",
        bound_by=f"in float64 {found.bound_by}, and rounding does work of at most "
        f"{figure(rounding.most, _UNIT)} along {rounding.n_replicas} trajectories",
        evidence={**found.evidence, "quantities": quantities},
    )


def _judge(run: Runs, steps: int, target: float, resolution: Resolution | None) -> Measurement:
    """The replicas' drift, confirmed, or how one of them ran away."""
    chances = spending(len(looks := doubling_looks(min(FIRST_LOOK, steps), steps)), FALSE_FAIL)
    noise = math.inf if resolution is None else resolution.force_noise
    state = look_by_look(run, looks, chances, target, noise)
    if isinstance(state, int):
        return measure_runaway(run, state, resolution, _PHASE)
    state, evidence = _confirm(run, state, float(chances[-1]), target, resolution)
    return _report(run, state, evidence, target, resolution)


def _require_enough(replicas: int, steps: int, control_steps: int) -> None:
    if steps < FIRST_LOOK or control_steps < FIRST_LOOK or replicas < 2:
        raise ValueError(
            f"{replicas} replicas of {steps} and {control_steps} steps, should be 2 or more of "
            f"{FIRST_LOOK} or more"
        )


def _choose_steps(
    meter: Meter,
    one: Configurations,
    rng: np.random.Generator,
    timestep_fs: float | None,
    temperature_K: float,
    replicas: int,
    control_steps: int,
) -> Runs:
    """The runs at a timestep that fits the fastest motion, from a start with moderate forces."""
    relaxed, frequency = relaxed_start(meter, one, rng)
    if timestep_fs is not None:
        fine_fs = timestep_fs / 2
    else:
        fine_fs = min(
            stable_timestep_fs(frequency, _PHASE),
            thermal_timestep_fs(one.system, 2 * temperature_K),
        )
    # The frequency may be too low by this much.
    phase = FREQUENCY_MARGIN * frequency * fine_fs
    return Runs(meter, relaxed, rng, fine_fs, temperature_K, replicas, control_steps, phase)


def _confirm(
    run: Runs, state: Look, chance: float, target: float, resolution: Resolution | None
) -> tuple[Look, Measurement | None]:
    """Drifts of single runs, and heat that closing by lines took away, are called where the forces
    have no potential.
    """
    if state.interval[0] > target or not state.closed:
        return state, None
    if state.single > target:
        found = measure_no_potential(run.meter, run.start, run.rng, resolution)
        return (state if has_no_potential(found) else replace(state, single=0.0)), found
    late = run.sustained(run.state(chance))
    earlier = run.rates.halves()[0] * float(late.rates.mean())
    if not (earlier > 0 and late.interval[0] > target):
        return state, None
    found = measure_no_potential(run.meter, run.start, run.rng, resolution)
    return (late if has_no_potential(found) else state), found


def _report(
    run: Runs,
    state: Look,
    evidence: Measurement | None,
    target: float,
    resolution: Resolution | None,
) -> Measurement:
    nothing = "" if resolution is None else resolution.rigid_reason
    if not nothing and not run.phase > 0 and not np.ptp(run.rates.potential) > 0:
        nothing = "the forces don't respond to moving the atoms"
    return drift_measurement(
        run,
        state,
        target,
        nothing=nothing,
        resolve=_advice(run, state, target),
        evidence=_evidence(run, state, evidence),
    )


def _advice(run: Runs, state: Look, target: float) -> str:
    """What an INCONCLUSIVE is limited by, and what would settle it."""
    width = state.interval[1] - state.value
    if run.integrator_shows and state.allowance > 0.5 * min(width, target):
        return (
            f"limited by the integrator at {run.fine_fs:.2g} fs, which no option of a run makes "
            f"shorter; in Python, measure_nve_drift(model, atoms, timestep_fs={run.fine_fs:.2g})"
        )
    longer = state.longer(target)
    if math.isinf(longer):
        return f"the drift is about as large as the tolerance: {LOOK_CLOSER}"
    length = longer * float(run.rates.time_ps[-1])
    evaluations = longer * run.fine.steps * len(run.velocities)
    return f"runs of {length:.2g} ps ({evaluations:.0f} evaluations) would settle it: {LOOK_CLOSER}"


def _evidence(run: Runs, state: Look, asymmetry: Measurement | None) -> dict[str, Any]:
    rates = run.rates
    mean = float(state.rates.mean())
    coarse = None if run.control_unstable else run.control
    kelvin = mean / (3 * kB)
    half = rates.halves()
    quantities: dict[str, Any] = {
        "drift_eV_per_atom_per_ps": mean,
        "drift_K_per_ps": kelvin,
        "wander_eV_per_atom": rates.wander,
        "wander_of_plain_energy_eV_per_atom": rates.plain_wander,
        "drift_first_half": half[0],
        "drift_second_half": half[1],
        "integrator_allowance": run.allowance(),
        "closed_by_lines": state.closed,
        "energy_gap_rate": run.gap_rate,
        "quadrature_error": run.quadrature,
        "control_unstable": run.control_unstable,
        "timestep_fs": run.fine_fs,
        "length_ps": float(rates.time_ps[-1]),
        "replicas": len(rates.slopes),
        "single_runs_drift": [state.rms, state.single],
        "replica_drifts": state.rates.tolist(),
        "mean_temperature_K": float(rates.temperature.mean()),
        "jacobian_asymmetry": asymmetry_figures(asymmetry),
    }
    if not run.start.system.is_periodic:
        quantities["angular_momentum_change"] = run.turning()
    if coarse is not None and len(coarse.slopes):
        quantities |= {
            "control_timestep_fs": 2 * run.fine_fs,
            "control_drift": float(coarse.slopes.mean()),
            "control_drift_error": float(np.std(coarse.slopes, ddof=1))
            / math.sqrt(len(coarse.slopes)),
        }
    place = f"{len(rates.slopes)} replicas over {rates.time_ps[-1]:.2g} ps at "
    place += f"{run.fine_fs:.2g} fs; wander {figure(rates.wander)} eV/atom"
    rate = f"{with_uncertainty(kelvin, state.error / (3 * kB), 'K/ps')} on average"
    if state.single > state.interval[0]:
        place += (
            f"; single runs gain or lose {state.rms:.2g} eV/atom/ps ({rate}), and the forces have "
            "no potential"
        )
    elif asymmetry is not None and not state.closed:
        place += f"; the forces have no potential (lambda {asymmetry.value:.1e}), so this is heat"
    if not has_no_potential(asymmetry):
        place += _explanation(run, state)
    return {
        "place": place,
        "scale": f"{rate}, {figure(1e3 * kelvin, 'K')} in a nanosecond of constant-energy dynamics",
        "quantities": quantities,
        "configurations": run.start,
        "series": thinned(run.fine, rates),
    }


def _explanation(run: Runs, state: Look) -> str:
    """Where E + K changes though no work is seen around loops, that is said; else empty."""
    gap = run.gap_rate
    if not state.closed or gap is None or not abs(gap) > 3 * state.rms:
        return ""
    return (
        "; E + K drifts apart from the forces' work, but no work is seen around loops: the "
        "forces may be the gradient of another energy, see force_energy_gap"
    )


assert_nve_drift = derive_assert(measure_nve_drift)
