"""Does the energy's fluctuation shrink with the timestep as the integrator promises?"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from physcheck.checks.dynamics.replicas import launch, slopes_of
from physcheck.dynamics import draw_velocities
from physcheck.dynamics.preparation import fastest_frequency, settle, stable_timestep_fs
from physcheck.measurement import Measurement
from physcheck.model import Capabilities, Meter, Model
from physcheck.numerics.noise import difference_table_noise
from physcheck.numerics.quantiles import FALSE_FAIL, FALSE_PASS
from physcheck.numerics.sequential import student_half_width
from physcheck.registry import Budget, check, derive_assert
from physcheck.resolution import Resolution
from physcheck.system import Configurations, Floats, as_configurations
from physcheck.tolerances import Tolerances

__all__ = ["assert_timestep_convergence", "measure_timestep_convergence"]

_QUANTITY = "shortfall of the order at which energy fluctuations fall with the timestep"
_ORDER = 2.0
# Advance of the fastest mode in the longer step, rad.
_PHASE = 0.3
_SETTLING = 12
_PRODUCTS = 6
# The noise is known within a factor of 2 or so; its variance is allowed four times for a FAIL.
_NOISE_MARGIN = 4.0


_OPTIONS: dict[Budget, dict[str, Any]] = {
    "quick": {"replicas": 8, "steps": 10},
    "standard": {"replicas": 8, "steps": 40},
    "full": {"replicas": 8, "steps": 100},
}


def _evaluations(start: Configurations, capabilities: Capabilities, budget: Budget) -> int:
    options = _OPTIONS[budget]
    runs = options["replicas"] * (3 * options["steps"] + 2)
    return int(_SETTLING + _PRODUCTS + runs)


def _applies(start: Configurations, capabilities: Capabilities) -> str | None:
    return "one atom alone has no inner motion" if start.n_atoms < 2 else None


@check(
    family="dynamics",
    quantity=_QUANTITY,
    unit="",
    needs={"forces", "energy"},
    kind="practice",
    title="the energy's fluctuation doesn't fall as the timestep squared",
    causes="an energy that isn't the one the forces come from; kinks or jumps at a cutoff; noise in the outputs",
    advice="use a shorter timestep, and look at cutoff_smoothness, path_smoothness and "
    "force_energy_gap for what the surface does",
    tolerances=Tolerances(
        screening=0.5,
        md=0.25,
        tight=0.1,
        reason="velocity Verlet promises order 2: at md half the timestep leaves 30 % of the "
        "fluctuation at most instead of 25 %, at screening 35 %, at tight 27 %; what "
        "stays is no longer the integrator's but the surface's: kinks, noise, or an "
        "energy that isn't the forces'",
        source="Hairer, Lubich, Wanner, Acta Numerica 12, 399 (2003), theorem 3.2; "
        "physcheck's own potentials reach 1.95 to 2.05",
    ),
    evaluations=_evaluations,
    options=_OPTIONS,
    applies=_applies,
)
def measure_timestep_convergence(
    model: Model | Meter,
    start: Any,
    *,
    rng: np.random.Generator,
    resolution: Resolution | None = None,
    replicas: int = 8,
    steps: int = 10,
    temperature_K: float = 300.0,
    timestep_fs: float | None = None,
) -> Measurement:
    """Half the timestep leaves a quarter of the energy's fluctuation.

    Each replica runs twice from the same start, with dt and with dt/2 over the same time (velocity
    Verlet). With s the rms of E + K about its straight line, at the same moments, the order is
    p = log2(s(dt)/s(dt/2)); judged is the shortfall max(0, 2 - p). Both runs follow the same path, so
    that p hardly depends on which. The variance of the energy's noise (a difference table along the run, or the
    structure's resolution) is taken off; where it is what fluctuates, the check is inconclusive.

    Can't see: slow drifts (nve_drift), faults smaller than the integrator's own fluctuation (force_energy_gap).

    Parameters
    ----------
    model : Model
    start : ase.Atoms or Configurations with B = 1
    replicas, steps : int
        Steps of the longer timestep.
    temperature_K : float
        Velocities are drawn at twice that, since half goes to potential energy.
    timestep_fs : float
        The longer timestep; from the stiffest mode (a few probes) if left out.

    Raises
    ------
    CapabilityMissing
        No energy, or a single atom.
    ModelError, NonFiniteOutput

    Cost: at most 18 + replicas (3 steps + 2); 274 by default.

    Source: Hairer, Lubich, Wanner, Acta Numerica 12, 399 (2003).
    """
    meter = Meter(model)
    one = as_configurations(start)
    settled, forces = settle(meter, one, evaluations=_SETTLING)
    frequency = fastest_frequency(meter, settled, rng, forces=forces, products=_PRODUCTS)
    longer = stable_timestep_fs(frequency, _PHASE) if timestep_fs is None else timestep_fs
    velocities = draw_velocities(one.system, replicas, 2 * temperature_K, rng, exact=True)
    totals = []
    for halvings in range(2):
        simulation = launch(meter, settled, velocities, longer / 2**halvings)
        simulation.run(steps * 2**halvings)
        totals.append(simulation.trace().total)
    time = 1e-3 * longer * np.arange(steps + 1, dtype=np.float64)
    coarse, fine = _spread(time, totals[0]), _spread(time, totals[1][::2])
    noise = difference_table_noise(totals[1])[0]
    if resolution is not None and resolution.energy_noise is not None:
        noise = max(noise, resolution.energy_noise)
    return _judged(one, meter, resolution, coarse, fine, noise, longer, time, totals, frequency)


def _spread(time: Floats, totals: Floats) -> Floats:
    """(B,) mean squares of energies (T, B) about their straight lines, eV²."""
    centred = totals - totals.mean(axis=0) - (time - time.mean())[:, None] * slopes_of(time, totals)
    squares: Floats = np.mean(centred**2, axis=0)
    return squares


def _order(coarse: Floats, fine: Floats, noise_variance: float) -> Floats:
    """(B,) orders p; infinite where the noise is all that the finer run shows."""
    with np.errstate(divide="ignore", invalid="ignore"):
        rest = np.maximum(fine - noise_variance, 0.0)
        ratio = np.maximum(coarse - noise_variance, 0.0) / rest
        orders: Floats = np.where(rest > 0, 0.5 * np.log2(np.maximum(ratio, 1e-12)), np.inf)
    return orders


def _judged(
    one: Configurations,
    meter: Meter,
    resolution: Resolution | None,
    coarse: Floats,
    fine: Floats,
    noise: float,
    longer: float,
    time: Floats,
    totals: list[Floats],
    frequency: float,
) -> Measurement:
    plain = _order(coarse, fine, 0.0)
    best = _order(coarse.mean(keepdims=True), fine.mean(keepdims=True), noise**2)[0]
    most = _order(coarse.mean(keepdims=True), fine.mean(keepdims=True), _NOISE_MARGIN * noise**2)[0]
    count = len(plain)
    nothing = "" if resolution is None else resolution.rigid_reason
    finite = bool(np.isfinite(plain).all())
    if not nothing and not (finite and frequency > 0):
        nothing = "the energy doesn't fluctuate"
    if not finite:
        plain = np.full(count, _ORDER)
    pooled = float(plain.mean())
    order = float(best) if math.isfinite(best) else pooled
    by_noise = float(most - pooled) if math.isfinite(most) else math.inf
    error = float(np.std(plain, ddof=1)) / math.sqrt(count)
    width = student_half_width(plain, FALSE_FAIL)
    value = max(0.0, _ORDER - order)
    low = max(0.0, _ORDER - pooled - width - max(by_noise, 0.0))
    high = max(value, _ORDER - pooled + student_half_width(plain, 2 * FALSE_PASS), 0.0)
    if math.isinf(by_noise):
        # The noise may be all there is, so nothing would have been seen.
        high = math.inf
    n_atoms = one.n_atoms
    return Measurement(
        value=value,
        uncertainty=math.hypot(error, min(abs(order - pooled), 2.0)),
        uncertainty_components={"sampling": error, "rounding": min(abs(order - pooled), 2.0)},
        interval=(low, high),
        detection_limit=width + max(by_noise, 0.0),
        force_evaluations=meter.evaluations,
        nothing_tested=nothing,
        resolve=""
        if by_noise < 0.5 * width
        else f"the energy's noise of {noise:.1e} eV is what fluctuates: rerun with --physcheck-dtype=float64",
        evidence={
            "place": f"order {order:.3g} between {longer:.2g} and {longer / 2:.2g} fs, over "
            f"{1e3 * time[-1]:.3g} fs of {count} replicas",
            "scale": f"E + K fluctuates by {math.sqrt(fine.mean()) / n_atoms:.1e} eV/atom at "
            f"{longer / 2:.2g} fs",
            "quantities": {
                "order": order,
                "replica_orders": plain.tolist(),
                "fluctuation_eV_per_atom": [
                    math.sqrt(float(squares.mean())) / n_atoms for squares in (coarse, fine)
                ],
                "timesteps_fs": [longer, longer / 2],
                "energy_noise_eV": noise,
            },
            "series": {
                "time_ps": time,
                "total_change_at_timestep": ((totals[0] - totals[0][0]) / n_atoms).mean(axis=1),
                "total_change_at_half": ((totals[1] - totals[1][0]) / n_atoms).mean(axis=1)[::2],
            },
        },
    )


assert_timestep_convergence = derive_assert(measure_timestep_convergence)
