"""Is the pressure of a simulation the one that its energy says?"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from ase.units import GPa

from physcheck.checks.dynamics.gradient_forces import GradientForces, measure_by_gradient
from physcheck.checks.sampling.blow_up import measure_blow_up
from physcheck.checks.sampling.sampled_model import sample_model
from physcheck.checks.sampling.trajectory import Trajectory
from physcheck.checks.sampling.trajectory_making import shared_evaluations
from physcheck.measurement import FINER_ARITHMETIC, Measurement
from physcheck.model import Capabilities, Meter, Model
from physcheck.numerics.detection import factor_to_settle, limit_of_mean
from physcheck.numerics.quantiles import FALSE_FAIL, FALSE_PASS
from physcheck.numerics.sequential import student_half_width
from physcheck.probes.strains import strained
from physcheck.registry import Budget, Failure, check, default_tolerance, derive_assert
from physcheck.resolution import Resolution
from physcheck.system import Configurations, Floats
from physcheck.tolerances import Tolerances

__all__ = ["assert_pressure_consistency", "measure_pressure_consistency"]

_QUANTITY = "difference between mean virial pressure and -dE/dV"
_SNAPSHOTS = 16
# Evaluations for each: one for the stress, four for the energies at strains.
_PER_SNAPSHOT = 5
# Linear strains of the two central differences are this and twice this.
_STRAIN = 1e-3
# A further derivative of the energy by the strain is at most so many times larger than the one
# before. That of r^-12 is 12 to 16 times; more where attraction and repulsion cancel in the lower.
_BENDING = 100.0
# Coarse less fine is h² f3/2, with f3 the third derivative: a central difference at h has the error
# h² f3/6, that at 2h four times as much. After Richardson (4 fine - coarse)/3 the error -h^4
# f5/30 is left, f5 = _BENDING² f3 at most: a 15th of (coarse - fine) times (_BENDING h)².
_RICHARDSON = 15


def _evaluations(start: Configurations, capabilities: Capabilities, budget: Budget) -> int:
    return _PER_SNAPSHOT * _SNAPSHOTS


def _applies(start: Configurations, capabilities: Capabilities) -> str | None:
    return None if start.system.is_fully_periodic else "without three periodic axes no volume"


@check(
    family="sampling",
    quantity=_QUANTITY,
    unit="GPa",
    needs={"forces", "energy", "stress"},
    kind="law",
    title="a simulation's pressure is not that of its energy",
    causes="stress predicted directly; a virial that lacks the term of the periodic images or of "
    "the smoothing function",
    advice="take the stress as the derivative of the energy by strain; stress_energy_gap shows "
    "which components are wrong. Until then don't use pressures, barostats or cell relaxation",
    failure=Failure(
        short_title="pressure isn't -dE/dV",
        meaning="The mean pressure of a simulation isn't that of its energy. Densities and phase "
        "boundaries from constant-pressure dynamics are shifted.",
        spoils=("constant-pressure dynamics",),
    ),
    tolerances=Tolerances(
        screening=0.1,
        md=0.01,
        tight=1e-4,
        reason="as stress_energy_gap, on thermal configurations: 0.01 GPa shifts a lattice "
        "constant by 3e-5 at a bulk modulus of 100 GPa, and water's density by 0.5 %",
        source="Louwerse, Baerends, Chem. Phys. Lett. 421, 138 (2006); OpenKIM's checks of "
        "numerical derivatives",
    ),
    evaluations=_evaluations,
    shared=shared_evaluations,
    by_gradient=_PER_SNAPSHOT * _SNAPSHOTS,
    applies=_applies,
)
def measure_pressure_consistency(
    model: Model | Meter,
    start: Any,
    *,
    rng: np.random.Generator,
    resolution: Resolution | None = None,
    trajectory: Trajectory | None = None,
    gradient: GradientForces | None = None,
    tolerance: float | None = None,
    evaluations: int = 24_000,
    replicas: int | None = None,
    temperature_K: float = 300.0,
    timestep_fs: float | None = None,
) -> Measurement:
    """The mean virial pressure of a simulation is the mean of -dE/dV over its configurations.

    At 16 snapshots of the trajectory ``p = -tr(stress)/3`` is held against ``-(1/(3V)) dE/de`` with
    all lengths scaled by 1 + e, fractional positions fixed; the derivative is from central
    differences at two strains (Richardson). Judged is the mean difference. Its error comes from
    the scatter over snapshots (Student's t), which includes the noise of the energies, and from
    what the step may leave. The ideal part of the pressure, N kT/V, is the same on both sides.

    Can't see: shear stresses (stress_energy_gap), a constant in the energy.

    Parameters
    ----------
    start : ase.Atoms or Configurations with B = 1, periodic in three directions
    trajectory, gradient, evaluations, replicas, temperature_K, timestep_fs
        A trajectory to share, or how one is made: see :func:`make_trajectory`. With ``gradient``
        none is made, and what follows from that is measured.
    tolerance : float, GPa

    Raises
    ------
    CapabilityMissing
        No energy, no stress, or not fully periodic.
    ModelError, NonFiniteOutput

    Cost: at most ``evaluations`` for the trajectory, and 80.

    Source: Louwerse, Baerends, Chem. Phys. Lett. 421, 138 (2006).
    """
    if gradient is not None:
        return _at_thermal_places(Meter(model), gradient, tolerance)
    sampled = sample_model(
        "pressure_consistency", model, start, rng=rng, resolution=resolution, tolerance=tolerance,
        trajectory=trajectory, evaluations=evaluations, replicas=replicas,
        temperature_K=temperature_K, timestep_fs=timestep_fs,
    )  # fmt: skip
    if sampled.trajectory.blown_up:
        return measure_blow_up(sampled)
    found = _measure(sampled.meter, _some_of(sampled.trajectory.snapshots))
    facts = {"trajectory": sampled.trajectory.facts()}
    return _report(found, sampled.meter, sampled.tolerance, sampled.nothing_tested, facts)


def _at_thermal_places(
    meter: Meter, gradient: GradientForces, tolerance: float | None
) -> Measurement:
    """The same at configurations that heat takes the atoms to, without a bath."""
    target = default_tolerance("pressure_consistency") if tolerance is None else tolerance
    if gradient.nothing:
        return measure_by_gradient(gradient, math.inf)
    found = _measure(meter, _some_of(gradient.places))
    return _report(found, meter, target, "", {"thermal_configurations": len(gradient.places)})


def _some_of(places: Configurations) -> Configurations:
    """16 of them, or all where there are fewer."""
    rows = np.linspace(0, len(places) - 1, min(_SNAPSHOTS, len(places))).astype(int)
    return places[np.unique(rows)]


@dataclass(frozen=True, slots=True, eq=False)
class _Pressures:
    """Of S snapshots, GPa: the virial pressure and -dE/dV (S,), the latter's error by its step."""

    places: Configurations
    virial: Floats
    derivative: Floats
    truncation: float

    @property
    def gaps(self) -> Floats:
        """(S,) virial pressure less -dE/dV."""
        gaps: Floats = self.virial - self.derivative
        return gaps


def _measure(meter: Meter, places: Configurations) -> _Pressures:
    volumes = places.volumes()
    stress = meter.evaluate(places, want={"energy", "forces", "stress"}).require_stress()
    # Tension is positive in a stress, compression in a pressure.
    virial = -np.trace(stress, axis1=1, axis2=2) / 3 / GPa
    steps = _STRAIN * np.array([-2.0, -1.0, 1.0, 2.0])
    energies = np.array(
        [
            meter.evaluate(
                strained(place, steps[:, None, None] * np.eye(3)), want={"energy"}
            ).require_energy()
            for place in places
        ]
    )
    fine = (energies[:, 2] - energies[:, 1]) / (2 * _STRAIN)
    coarse = (energies[:, 3] - energies[:, 0]) / (4 * _STRAIN)
    # V = V0 (1 + e)³, so that dE/dV = dE/de/(3 V).
    scale = 3 * volumes * GPa
    derivative = -((4 * fine - coarse) / 3) / scale
    return _Pressures(places, virial, derivative, _judge_truncation(fine, coarse, scale))


def _judge_truncation(fine: Floats, coarse: Floats, scale: Floats) -> float:
    """What the step may have done to the mean derivative, GPa."""
    effect = abs(float(((coarse - fine) / scale).mean()))
    return effect * (_BENDING * _STRAIN) ** 2 / _RICHARDSON


def _report(
    found: _Pressures,
    meter: Meter,
    tolerance: float,
    nothing_tested: str,
    facts: Mapping[str, Any],
) -> Measurement:
    gaps, virial = found.gaps, found.virial
    value, count = abs(float(gaps.mean())), len(gaps)
    error = float(np.std(gaps, ddof=1)) / math.sqrt(count) if count > 1 else math.inf
    below = student_half_width(gaps, FALSE_FAIL) + found.truncation
    above = student_half_width(gaps, 2 * FALSE_PASS) + found.truncation
    worst = int(np.argmax(np.abs(gaps)))
    interval = max(0.0, value - below), value + above
    return Measurement(
        value=value,
        uncertainty=math.hypot(error, found.truncation),
        uncertainty_components={"sampling": error, "truncation": found.truncation},
        interval=interval,
        detection_limit=limit_of_mean(
            tolerance, error, count - 1, FALSE_FAIL, allowance=found.truncation
        ),
        noise_floor=found.truncation,
        force_evaluations=meter.evaluations,
        nothing_tested=nothing_tested,
        resolve=_how_to_resolve(count, factor_to_settle(tolerance, value, interval, 2)),
        # The number of snapshots is no option.
        work_needed=math.inf,
        evidence={
            "place": f"virial {virial.mean():.4g} GPa, -dE/dV {found.derivative.mean():.4g} GPa, "
            f"means over {count} snapshots; largest difference {gaps[worst]:.3g} GPa",
            "scale": f"the virial pressure itself fluctuates by {np.std(virial):.3g} GPa",
            "quantities": {
                "virial_GPa": float(virial.mean()),
                "minus_dE_dV_GPa": float(found.derivative.mean()),
                "gaps_GPa": gaps.tolist(),
                "step_effect_GPa": found.truncation,
                **facts,
            },
            "configurations": found.places[worst],
        },
    )


def _how_to_resolve(count: int, factor: float) -> str:
    """The number of snapshots isn't an option: other things settle it sooner."""
    more = f", and {factor * count:.2g} would settle it" if math.isfinite(factor) else ""
    return (
        f"the difference scatters over {count} snapshots{more}, which no option makes more of; "
        f"where the energy's rounding makes it scatter, {FINER_ARITHMETIC}. "
        "--physcheck-checks=stress_energy_gap judges single configurations"
    )


assert_pressure_consistency = derive_assert(measure_pressure_consistency)
