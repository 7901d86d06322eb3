"""Does a system at constant temperature keep feeding its bath?"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from ase.units import kB

from physcheck.checks.dynamics.replicas import slopes_of
from physcheck.checks.sampling.temperature_deviations import blown_up
from physcheck.checks.sampling.trajectory import Trajectory, make_trajectory, shared_evaluations
from physcheck.measurement import Measurement
from physcheck.model import Capabilities, Meter, Model
from physcheck.numerics.quantiles import FALSE_FAIL, FALSE_PASS
from physcheck.numerics.sequential import student_half_width
from physcheck.registry import Budget, check, default_tolerance, derive_assert
from physcheck.resolution import Resolution
from physcheck.system import Configurations, Floats, as_configurations
from physcheck.tolerances import Tolerances

__all__ = ["assert_thermostat_heat", "measure_thermostat_heat"]

_QUANTITY = "sustained flow of heat into the bath"
_UNIT = "eV/atom/ps"
# What a system may give off while it settles, eV/atom: about copper's heat of melting.
_LATENT = 0.13
_PLOT_POINTS = 300


def _evaluations(start: Configurations, capabilities: Capabilities, budget: Budget) -> int:
    return 0


def _applies(start: Configurations, capabilities: Capabilities) -> str | None:
    return "one atom alone has no inner motion" if start.n_atoms < 2 else None


@check(
    family="sampling",
    quantity=_QUANTITY,
    unit=_UNIT,
    needs={"forces"},
    kind="law",
    title="a thermostatted system feeds its bath for good",
    causes="forces predicted directly; a detached term; noise in the forces",
    advice="sample with conservative forces, or correct these by multiple time stepping "
    "(mts_tandem); the bath only carries away what the forces put in",
    tolerances=Tolerances(
        screening=2.6e-4,
        md=2.6e-6,
        tight=2.6e-8,
        reason="as nve_drift: P/(3 kB) of 1 K/ps, 10 K/ns and 0.1 K/ns is what the system "
        "would heat by if the bath didn't take it",
        source="Bigi, Langer, Ceriotti, arXiv 2412.11569: PET-NC heats by 7 K/ps, ORB-v2 by "
        "70 K/ps",
    ),
    evaluations=_evaluations,
    shared=shared_evaluations,
    applies=_applies,
)
def measure_thermostat_heat(
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
    """A system at a constant temperature neither takes heat from its bath nor gives any for good.

    With an energy: the drift of ``E + K - heat``, shadow-corrected to dt^4 with the bath's share counted
    in; judged is the mean slope over the replicas, its error from their spread (Student's t). Where the
    energy isn't the one whose gradient the forces are, it wanders and the replicas scatter, but there is no
    drift. What the shadow energy took off the drift of the plain sum, an error of dt^2, is allowed for once
    more by a factor (omega dt)².

    Without an energy: the heat that the bath took in the run; of it 0.13 eV/atom may be a structure that
    settles, and isn't called a violation.

    Can't see: work that is done on one species and taken from another (equipartition). nve_drift is finer
    at the same cost; this one sees what happens at a temperature that holds.

    Parameters
    ----------
    model : Model
    start : ase.Atoms or Configurations with B = 1
    trajectory : Trajectory
        One that is shared with other checks; else it is made here.
    tolerance : float, eV/atom/ps
    evaluations, replicas : int
        Of the trajectory, if it is made here; so are the following.
    temperature_K, timestep_fs : float

    Raises
    ------
    CapabilityMissing
        A single atom.
    ModelError, NonFiniteOutput

    Cost: at most ``evaluations`` for the trajectory, nothing more.

    Source: Bussi, Donadio, Parrinello, J. Chem. Phys. 126, 014101 (2007), eq. 15 (conserved quantity); Engle, Skeel,
    Drees, J. Comput. Phys. 206, 432 (2005).
    """
    meter = Meter(model)
    one = as_configurations(start)
    target = default_tolerance("thermostat_heat") if tolerance is None else tolerance
    if trajectory is None:
        trajectory = make_trajectory(
            meter, one, rng=rng, evaluations=evaluations, replicas=replicas,
            temperature_K=temperature_K, timestep_fs=timestep_fs,
        )  # fmt: skip
    if trajectory.blown_up:
        return blown_up(trajectory, meter)
    has_energy = bool(np.isfinite(trajectory.potential).all())
    series, slopes, allowance = (
        _conserved(trajectory) if has_energy else _given_off(trajectory, one.n_atoms)
    )
    nothing = "" if resolution is None else resolution.rigid_reason
    if not nothing and has_energy and not np.ptp(trajectory.potential) > 0:
        nothing = "the energy doesn't change"
    count = len(slopes)
    value = abs(float(slopes.mean()))
    error = float(np.std(slopes, ddof=1)) / math.sqrt(count) if count > 1 else math.inf
    width = student_half_width(slopes, FALSE_FAIL) + allowance
    ahead = student_half_width(slopes, 2 * FALSE_PASS) + (allowance if has_energy else 0.0)
    length = 1e-3 * trajectory.timestep_fs * trajectory.n_steps
    kelvin = value / (3 * kB)
    thin = slice(None, None, max(1, len(series) // _PLOT_POINTS))
    return Measurement(
        value=value,
        uncertainty=math.hypot(error, allowance),
        uncertainty_components={"sampling": error, "truncation": allowance},
        interval=(max(0.0, value - width), value + ahead),
        detection_limit=width,
        force_evaluations=meter.evaluations,
        nothing_tested=nothing,
        resolve=_advice(value + ahead, value, target, length, trajectory, has_energy),
        evidence={
            "place": f"{count} replicas over {length:.2g} ps at {trajectory.timestep_fs:.2g} fs, "
            + ("drift of E + K less heat" if has_energy else "heat given to the bath"),
            "scale": f"{kelvin:.2g} K/ps if no bath took it",
            "quantities": {
                "flow_eV_per_atom_per_ps": float(slopes.mean()),
                "flow_K_per_ps": float(slopes.mean()) / (3 * kB),
                "replica_flows": slopes.tolist(),
                "with_energy": has_energy,
                "allowance": allowance,
                "length_ps": length,
                "trajectory": trajectory.facts(),
            },
            "series": {
                "time_ps": (1e-3 * trajectory.timestep_fs * np.arange(len(series)))[thin],
                "change_eV_per_atom": (series - series[0]).mean(axis=1)[thin],
                "spread_eV_per_atom": (series - series[0]).std(axis=1)[thin],
            },
        },
    )


def _conserved(trajectory: Trajectory) -> tuple[Floats, Floats, float]:
    """E + K - heat (T, B) per atom with the shadow's correction, its slopes, and the integrator's share of them."""
    n_atoms = trajectory.start.n_atoms
    series = trajectory.conserved[1:-1] / n_atoms
    time = 1e-3 * trajectory.timestep_fs * np.arange(len(series), dtype=np.float64)
    slopes = slopes_of(time, series)
    plain = slopes_of(time, trajectory.plain[1:-1] / n_atoms)
    phase = float(trajectory.modes.get("fastest_rad_per_fs", 1.0)) * trajectory.timestep_fs
    return series, slopes, abs(float((plain - slopes).mean())) * min(1.0, phase**2)


def _given_off(trajectory: Trajectory, n_atoms: int) -> tuple[Floats, Floats, float]:
    """Heat given to the bath (T, B) per atom, its mean rates, and what settling may account for."""
    series = -trajectory.heat / n_atoms
    length = 1e-3 * trajectory.timestep_fs * (len(series) - 1)
    return series, (series[-1] - series[0]) / length, _LATENT / length


def _advice(
    high: float,
    value: float,
    target: float,
    length: float,
    trajectory: Trajectory,
    has_energy: bool,
) -> str:
    if not (target > 0):
        return ""
    if not has_energy:
        longer = max(1.5, high / target, (_LATENT / length) / target)
    else:
        # The error of a slope over a bounded swing falls as the length, or as its 3/2th power with noise.
        longer = max(1.5, (high - value) / max(target - value, 0.5 * target))
    evaluations = longer * trajectory.n_steps * trajectory.n_replicas
    text = f"replicas of {longer * length:.2g} ps ({evaluations:.2g} evaluations) would resolve it"
    return text if has_energy else f"{text}; an energy would tell far more (nve_drift)"


assert_thermostat_heat = derive_assert(measure_thermostat_heat)
