"""The enthalpy of a system under constant pressure neither rises nor falls for good.

How it is measured.  As ``nve_drift``, with a cell that Andersen's piston scales
(:class:`physcheck.dynamics.constant_pressure.ConstantPressure`): forces and stress both move the
system, and both must be derivatives of the one energy.  The pressure outside is the one that the
structure has; the piston is about as fast as the atoms, so that a short run goes through its whole
oscillation, and a spring keeps soft structures within a percent of their lengths.  Each replica's
drift is the slope of its shadow enthalpy per atom, from which the integrator's own swings are gone
to dt^8.

Before a drift is called, each trajectory is closed by a straight line in atoms and cell, and
``H(end) - H(begin) + work`` along it is taken off: what is left is work around a closed path.  It
is zero where forces and stress are derivatives of *any* energy, so that a constant pressure added
to the stress, or another energy, isn't taken for heat.

A stress that is no derivative does work on every replica, of either sign, and far more than its
mean: a drift of single replicas (their rms) that is as large at twice the timestep, and more than
noise could do, is called where loops of strain (``strain_loop_work``: any work that noise doesn't
explain) or of atoms (``jacobian_asymmetry``) certainly do work.

A replica whose enthalpy runs away (and does so again at a quarter of the timestep) ends the run;
that is a FAIL where such loops do work.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
from ase.units import GPa, kB

from physcheck.checks.conservation.no_potential import NO_POTENTIAL_EVALUATIONS
from physcheck.checks.conservation.stress_noise import (
    NOISE_EVALUATIONS,
    measure_stress_noise,
)
from physcheck.checks.conservation.subject import Subject
from physcheck.checks.dynamics.gradient_forces import GradientForces
from physcheck.checks.dynamics.loop_closing import LINE_POINTS
from physcheck.checks.dynamics.nph_gradient import BY_GRADIENT_EVALUATIONS, measure_nph_by_gradient
from physcheck.checks.dynamics.nph_runs import (
    PISTON_EVALUATIONS,
    STRAIN_LOOP_EVALUATIONS,
    PressureRuns,
    fitted_piston,
)
from physcheck.checks.dynamics.nve_runaway import measure_runaway
from physcheck.checks.dynamics.nve_runs import (
    FIRST_LOOK,
    Look,
    drift_measurement,
    look_by_look,
    most_closings,
)
from physcheck.checks.dynamics.replicas import thinned
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
from physcheck.text.numbers import with_uncertainty
from physcheck.tolerances import Tolerances

__all__ = ["assert_nph_drift", "measure_nph_drift"]

# Advance of the fastest mode in a step of the fine runs, rad, as in nve_drift.
_PHASE = 0.2
_OPTIONS: dict[Budget, dict[str, Any]] = {
    "quick": {"replicas": 6, "steps": 36, "control_steps": 16},
    "standard": {"replicas": 8, "steps": 144, "control_steps": 48},
    "full": {"replicas": 16, "steps": 1000, "control_steps": 200},
}
_EVIDENCE = STRAIN_LOOP_EVALUATIONS + NO_POTENTIAL_EVALUATIONS


def _evaluations(start: Configurations, capabilities: Capabilities, budget: Budget) -> int:
    options = _OPTIONS[budget]
    count, steps, control = (options[k] for k in ("replicas", "steps", "control_steps"))
    first = RELAXED_START_EVALUATIONS + PISTON_EVALUATIONS + NOISE_EVALUATIONS
    runs = count * (steps + 1) + (count // 2) * (control + 1)
    # At quick the evidence of no potential takes the place of a second closing.
    evidence = STRAIN_LOOP_EVALUATIONS if budget == "quick" else _EVIDENCE
    lines = (most_closings(steps) - (budget == "quick")) * LINE_POINTS * (count + count // 2)
    return int(first + runs + lines + evidence)


def _applies(start: Configurations, capabilities: Capabilities) -> str | None:
    if not start.system.is_fully_periodic:
        return "pressure needs a system that is periodic in all three directions"
    return "one atom alone has no inner motion" if start.n_atoms < 2 else None


@check(
    family="dynamics",
    quantity="sustained drift of the enthalpy",
    unit="eV/atom/ps",
    needs={"forces", "energy", "stress"},
    kind="law",
    title="constant-pressure dynamics heats or cools",
    causes="stress predicted directly; a wrong sign or factor of the stress; a virial without the "
    "term of the periodic images; forces predicted directly",
    advice="take the stress as the derivative of the energy by strain (stress_energy_gap says what "
    "is off); until then run no barostat, since its work goes into or comes out of the atoms",
    failure=Failure(
        short_title="enthalpy drifts",
        meaning="A simulation at constant pressure heats or cools by itself, or its volume runs "
        "away. Densities, lattice constants and phase changes from such runs can't be trusted.",
    ),
    tolerances=Tolerances(
        screening=2.6e-4,
        md=2.6e-6,
        tight=2.6e-8,
        reason="as for nve_drift: screening 1 K/ps, md 10 K/ns, tight 0.1 K/ns of heating; a "
        "barostat may heat no more than the atoms alone",
        source="Bigi, Langer, Ceriotti, arXiv 2412.11569, as for nve_drift, and app. G.3: with a "
        "direct stress the volume drifts",
    ),
    evaluations=_evaluations,
    options=_OPTIONS,
    by_gradient=BY_GRADIENT_EVALUATIONS,
    applies=_applies,
)
def measure_nph_drift(
    model: Model | Meter,
    start: Any,
    *,
    rng: np.random.Generator,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
    replicas: int = 6,
    steps: int = 36,
    control_steps: int = 16,
    temperature_K: float = 300.0,
    timestep_fs: float | None = None,
    gradient: GradientForces | None = None,
) -> Measurement:
    """The enthalpy of a system under constant pressure neither rises nor falls for good.

    d(E + K + P V + K_piston)/dt per atom, eV/atom/ps, with a cell whose lengths Andersen's
    piston scales alike; in kelvin a third of it over kB. How it is measured: see the module.

    Can't see: wrong shear stresses and a wrong anisotropy (stress_energy_gap, strain_loop_work);
    a constant pressure added to the stress; a drift slower than its interval.

    Parameters
    ----------
    start : ase.Atoms or Configurations with B = 1, periodic in three directions
    tolerance : float, eV/atom/ps
        At what a drift is called before the last look; the md profile's if left out.
    replicas, steps, control_steps : int
        Fine runs, and the length of the coarse ones, which have half as many replicas.
    temperature_K, timestep_fs : float
        As ``measure_nve_drift`` takes them; the piston has its share of the heat.
    gradient : GradientForces
        What follows from it and from the stress at the same places is measured.

    Raises
    ------
    CapabilityMissing: no energy or stress, not fully periodic, or a single atom.
    ValueError: less than 2 replicas or 9 steps; a temperature or timestep that isn't positive.
    ModelError, NonFiniteOutput

    Cost: at most 27 + replicas (steps + 11) + replicas/2 (control_steps + 11), 402 by default, and
    146 for the evidence of no potential, or 102 with ``gradient``.

    Source: Andersen, J. Chem. Phys. 72, 2384 (1980); Skeel, Hardy, SIAM J. Sci. Comput. 23, 1172
    (2001).
    """
    meter, one = Meter(model), as_configurations(start)
    if gradient is not None:
        return measure_nph_by_gradient(meter, gradient, rng, resolution, _PHASE)
    if min(steps, control_steps) < FIRST_LOOK or replicas < 2:
        raise ValueError(
            f"{replicas} replicas of {steps} and {control_steps} steps, should be 2 or more of "
            f"{FIRST_LOOK} or more"
        )
    require_positive(temperature_K=temperature_K, timestep_fs=timestep_fs)
    target = default_tolerance("nph_drift") if tolerance is None else tolerance
    subject = Subject.of(meter, one, rng, resolution)
    run = _choose_steps(subject, timestep_fs, temperature_K, replicas, control_steps)
    return _judge(run, steps, target, subject.resolution)


def _choose_steps(
    subject: Subject,
    timestep_fs: float | None,
    temperature_K: float,
    replicas: int,
    control_steps: int,
) -> PressureRuns:
    """The runs, at a timestep that fits the fastest motion and with a piston that fits that."""
    meter, rng = subject.meter, subject.rng
    noise = measure_stress_noise(subject).stress
    relaxed, frequency = relaxed_start(meter, subject.start, rng)
    fine_fs = min(
        stable_timestep_fs(frequency, _PHASE),
        thermal_timestep_fs(relaxed.system, 2 * temperature_K),
    )
    if timestep_fs is not None:
        fine_fs = timestep_fs / 2
    piston = fitted_piston(meter, relaxed, fine_fs, temperature_K)
    phase = FREQUENCY_MARGIN * frequency * fine_fs
    return PressureRuns(
        meter, relaxed, rng, fine_fs, temperature_K, replicas, control_steps, phase,
        piston=piston, stress_noise=noise,
    )  # fmt: skip


def _judge(run: PressureRuns, steps: int, target: float, resolution: Resolution) -> Measurement:
    looks = doubling_looks(min(FIRST_LOOK, steps), steps)
    chances = spending(len(looks), FALSE_FAIL)
    state = look_by_look(run, looks, chances, target, resolution.force_noise)
    if isinstance(state, int):
        return measure_runaway(run, state, resolution, _PHASE)
    state, evidence = _confirm(run, state, target, resolution)
    return _report(run, state, evidence, target, resolution)


def _confirm(
    run: PressureRuns, state: Look, target: float, resolution: Resolution
) -> tuple[Look, dict[str, Any]]:
    """Drifts of single runs are called where loops of strain or of atoms do work."""
    if not state.closed or state.interval[0] > target or not state.single > target:
        return state, {}
    shown, figures = run.no_potential(resolution)
    return (state if shown else replace(state, single=0.0)), figures


def _report(
    run: PressureRuns,
    state: Look,
    evidence: dict[str, Any],
    target: float,
    resolution: Resolution,
) -> Measurement:
    longer = state.longer(target)
    advice = f"the drift is about as large as the tolerance: {LOOK_CLOSER}"
    if math.isfinite(longer):
        advice = f"runs {longer:.2g} times as long would settle it: {LOOK_CLOSER}"
    return drift_measurement(
        run,
        state,
        target,
        nothing=resolution.rigid_reason,
        resolve=advice,
        evidence=_evidence(run, state, evidence),
    )


def _evidence(run: PressureRuns, state: Look, figures: dict[str, Any]) -> dict[str, Any]:
    rates, piston = run.rates, run.piston
    kelvin = float(state.rates.mean()) / (3 * kB)
    rate = f"{with_uncertainty(kelvin, state.error / (3 * kB), 'K/ps')} on average"
    place = f"{len(rates.slopes)} replicas over {rates.time_ps[-1]:.2g} ps at {run.fine_fs:.2g} fs"
    place += f", lengths within {100 * run.largest_scale():.2g} %"
    if state.single > state.interval[0]:
        place += (
            f"; single runs gain or lose {state.rms:.2g} eV/atom/ps ({rate}), and forces and "
            "stress have no potential"
        )
    elif state.closed and abs(run.gap_rate or 0.0) > 3 * state.rms:
        place += (
            "; enthalpy and the work of forces and stress drift apart, but no work is seen around "
            "loops: they may be derivatives of another energy, see stress_energy_gap and "
            "force_energy_gap"
        )
    return {
        "place": place,
        "scale": f"{rate}, with a piston of {piston.period_fs:.2g} fs",
        "quantities": {
            "drift_eV_per_atom_per_ps": float(state.rates.mean()),
            "drift_K_per_ps": kelvin,
            "single_runs_drift": [state.rms, state.single],
            "replica_drifts": state.rates.tolist(),
            "wander_eV_per_atom": rates.wander,
            "wander_of_plain_enthalpy_eV_per_atom": rates.plain_wander,
            "integrator_allowance": run.allowance(),
            "quadrature_error": run.quadrature,
            "closed_by_lines": state.closed,
            "energy_gap_rate": run.gap_rate,
            "control_unstable": run.control_unstable,
            "timestep_fs": run.fine_fs,
            "length_ps": float(rates.time_ps[-1]),
            "replicas": len(rates.slopes),
            "piston_period_fs": piston.period_fs,
            "pressure_GPa": piston.piston.pressure / GPa,
            "mean_temperature_K": float(rates.temperature.mean()),
            **figures,
        },
        "configurations": run.start,
        "series": thinned(run.fine, rates),
    }


assert_nph_drift = derive_assert(measure_nph_drift)
