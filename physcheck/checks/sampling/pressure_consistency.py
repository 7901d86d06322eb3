"""Is the pressure of a simulation the one that its energy says?"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from ase.units import GPa

from physcheck.checks.sampling.temperature_deviations import blown_up
from physcheck.checks.sampling.trajectory import Trajectory, make_trajectory, shared_evaluations
from physcheck.measurement import Measurement
from physcheck.model import Capabilities, Meter, Model
from physcheck.numerics.quantiles import FALSE_FAIL, FALSE_PASS
from physcheck.numerics.sequential import student_half_width
from physcheck.probes.strains import strained
from physcheck.registry import Budget, check, default_tolerance, derive_assert
from physcheck.resolution import Resolution
from physcheck.system import Configurations, Floats, as_configurations
from physcheck.tolerances import Tolerances

__all__ = ["assert_pressure_consistency", "measure_pressure_consistency"]

_QUANTITY = "difference between mean virial pressure and -dE/dV"
_SNAPSHOTS = 16
# Linear strains of the two central differences are this and twice this.
_STRAIN = 1e-3
# Inverse length over which energies bend under strain, at most: r^-12 between neighbours has 40.
_BENDING = 100.0


def _evaluations(start: Configurations, capabilities: Capabilities, budget: Budget) -> int:
    return 5 * _SNAPSHOTS


def _applies(start: Configurations, capabilities: Capabilities) -> str | None:
    return None if start.system.is_fully_periodic else "without three periodic axes no volume"


@check(
    family="sampling",
    quantity=_QUANTITY,
    unit="GPa",
    needs={"forces", "energy", "stress"},
    kind="law",
    title="a simulation's pressure is not that of its energy",
    causes="stress predicted directly; a virial without the term of the cell's images or of the smoothing function",
    advice="take the stress as the strain derivative of the energy (stress_energy_gap); "
    "until then don't use pressures or barostats",
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
    applies=_applies,
)
def measure_pressure_consistency(
    model: Model | Meter,
    start: Any,
    *,
    rng: np.random.Generator,
    resolution: Resolution | None = None,
    trajectory: Trajectory | None = None,
    tolerance: float | None = None,
    evaluations: int = 24_000,
    replicas: int | None = None,
    temperature_K: float = 300.0,
    timestep_fs: float | None = None,
) -> Measurement:
    """The mean virial pressure of a simulation is the mean of -dE/dV over its configurations.

    At snapshots of the trajectory ``p = -tr(stress)/3`` is held against
    ``-(1/(3V)) dE/de`` with all lengths scaled by 1 + e, fractional positions fixed; the derivative from central
    differences at two strains (Richardson). Judged is the mean difference; its error comes from the scatter over
    snapshots (Student's t), which the noise of the energies is part of, and from what the step
    may leave. The ideal part of the pressure, N kT/V, is the same on both sides.

    Can't see: shear stresses (stress_energy_gap), a constant in the energy.

    Parameters
    ----------
    model : Model
    start : ase.Atoms or Configurations with B = 1, periodic in three directions
    trajectory : Trajectory
        One that is shared with other checks; else it is made here.
    tolerance : float, GPa
    evaluations, replicas : int
        Of the trajectory, if it is made here; so are the following.
    temperature_K, timestep_fs : float

    Raises
    ------
    CapabilityMissing
        No energy, no stress, or not fully periodic.
    ModelError, NonFiniteOutput

    Cost: at most ``evaluations`` for the trajectory, and 80.

    Source: Louwerse, Baerends, Chem. Phys. Lett. 421, 138 (2006).
    """
    meter = Meter(model)
    one = as_configurations(start)
    target = default_tolerance("pressure_consistency") if tolerance is None else tolerance
    if trajectory is None:
        trajectory = make_trajectory(
            meter, one, rng=rng, evaluations=evaluations, replicas=replicas,
            temperature_K=temperature_K, timestep_fs=timestep_fs,
        )  # fmt: skip
    if trajectory.blown_up:
        return blown_up(trajectory, meter)
    places = trajectory.snapshots
    rows = np.linspace(0, len(places) - 1, min(_SNAPSHOTS, len(places))).astype(int)
    virial, derivative, step_effect = _pressures(meter, places[np.unique(rows)])
    gaps = virial - derivative
    value = abs(float(gaps.mean()))
    count = len(gaps)
    error = float(np.std(gaps, ddof=1)) / math.sqrt(count) if count > 1 else math.inf
    width = student_half_width(gaps, FALSE_FAIL) + step_effect
    ahead = student_half_width(gaps, 2 * FALSE_PASS) + step_effect
    room = max(target - value, 0.5 * target)
    more = max(2.0, (ahead / room) ** 2) if target > 0 else math.inf
    worst = int(np.argmax(np.abs(gaps)))
    return Measurement(
        value=value,
        uncertainty=math.hypot(error, step_effect),
        uncertainty_components={"sampling": error, "truncation": step_effect},
        interval=(max(0.0, value - width), value + ahead),
        detection_limit=width,
        force_evaluations=meter.evaluations,
        nothing_tested="" if resolution is None else resolution.rigid_reason,
        resolve=f"{more * count:.2g} snapshots ({5 * more * count:.2g} evaluations, {more * trajectory.sampled_ps:.2g} ps) "
        "would resolve it; where the energy's rounding sets the scatter, so would --physcheck-dtype=float64",
        evidence={
            "place": f"virial {virial.mean():.4g} GPa, -dE/dV {derivative.mean():.4g} GPa over {count} snapshots; "
            f"worst {gaps[worst]:.3g} GPa",
            "scale": f"the virial pressure itself swings by {np.std(virial):.3g} GPa",
            "quantities": {
                "virial_GPa": float(virial.mean()),
                "minus_dE_dV_GPa": float(derivative.mean()),
                "gaps_GPa": gaps.tolist(),
                "step_effect_GPa": step_effect,
                "trajectory": trajectory.facts(),
            },
            "configurations": places[np.unique(rows)][worst],
        },
    )


def _pressures(meter: Meter, places: Configurations) -> tuple[Floats, Floats, float]:
    """Virial pressure and -dE/dV (S,), GPa, and what the step may have done to the mean of the latter."""
    volumes = places.volumes()
    stress = meter.evaluate(places, want={"energy", "forces", "stress"}).require_stress()
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
    scale = 3 * volumes * GPa
    derivative = -((4 * fine - coarse) / 3) / scale
    # Fine and coarse differ by h² f'''/2; after Richardson h^4 f^(5)/30 is left.
    effect = abs(float(((coarse - fine) / scale).mean()))
    return virial, derivative, effect * (_BENDING * _STRAIN) ** 2 / 15


assert_pressure_consistency = derive_assert(measure_pressure_consistency)
