"""Does the energy's fluctuation shrink with the timestep as the integrator promises?"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from physcheck.checks.dynamics.replicas import launch, slopes_of
from physcheck.dynamics import draw_velocities
from physcheck.dynamics.preparation import (
    RELAXED_START_EVALUATIONS,
    relaxed_start,
    stable_timestep_fs,
)
from physcheck.measurement import FINER_ARITHMETIC, Measurement
from physcheck.model import Capabilities, Meter, Model
from physcheck.numerics.detection import limit_of_mean
from physcheck.numerics.noise import difference_table_noise
from physcheck.numerics.quantiles import FALSE_FAIL, FALSE_PASS
from physcheck.numerics.sequential import student_half_width
from physcheck.registry import Budget, Failure, check, default_tolerance, derive_assert
from physcheck.resolution import Resolution
from physcheck.system import Configurations, Floats, as_configurations
from physcheck.tolerances import Tolerances

__all__ = ["assert_timestep_convergence", "measure_timestep_convergence"]

_QUANTITY = "shortfall of the order at which energy fluctuations fall with the timestep"
_ORDER = 2.0
# Advance of the fastest mode in the longer step, rad.
_PHASE = 0.3
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
    return int(RELAXED_START_EVALUATIONS + runs)


def _applies(start: Configurations, capabilities: Capabilities) -> str | None:
    return "one atom alone has no inner motion" if start.n_atoms < 2 else None


@check(
    family="dynamics",
    quantity=_QUANTITY,
    unit="",
    needs={"forces", "energy"},
    kind="practice",
    title="the energy's fluctuation doesn't fall as the timestep squared",
    causes="an energy that isn't the one the forces come from; kinks or jumps at a cutoff; noise "
    "in the outputs",
    advice="use a shorter timestep, and look at cutoff_smoothness, path_smoothness and "
    "force_energy_gap for what the surface does",
    failure=Failure(
        short_title="error isn't of dt^2",
        meaning="A shorter timestep doesn't make the simulation as much more accurate as it "
        "should. The usual test of a timestep can't be trusted.",
    ),
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
    tolerance: float | None = None,
    replicas: int = 8,
    steps: int = 10,
    temperature_K: float = 300.0,
    timestep_fs: float | None = None,
) -> Measurement:
    """Half the timestep leaves a quarter of the energy's fluctuation.

    Each replica runs twice from the same start, with dt and with dt/2 over the same time (velocity
    Verlet). With s the rms of E + K about its straight line, at the same moments, the order is p =
    log2(s(dt)/s(dt/2)); judged is the shortfall max(0, 2 - p). Both runs follow the same path, so
    that p hardly depends on which. The variance of the energy's noise (a difference table along the
    run, or the structure's resolution) is taken off; where it is what fluctuates, the check is
    inconclusive.

    Can't see: slow drifts (nve_drift), faults smaller than the integrator's own fluctuation
    (force_energy_gap).

    Parameters
    ----------
    model : Model
    start : ase.Atoms or Configurations with B = 1
    tolerance : float, dimensionless
        For the detection limit; the md profile's if left out.
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
    meter, one = Meter(model), as_configurations(start)
    runs = _measure(meter, one, rng, replicas, steps, temperature_K, timestep_fs)
    noise = difference_table_noise(runs.totals[1])[0]
    if resolution is not None and resolution.energy_noise is not None:
        noise = max(noise, resolution.energy_noise)
    target = default_tolerance("timestep_convergence") if tolerance is None else tolerance
    return _report(meter, runs, _estimate(runs, noise), noise, target, resolution)


@dataclass(frozen=True, slots=True, eq=False)
class _Pair:
    """The same replicas at two timesteps.

    Attributes
    ----------
    longer_fs : float
    time : (T,) ps
        Of the longer timestep.
    totals : two (T, B) arrays
        E + K, eV, at the longer timestep and at half of it.
    coarse, fine : (B,) eV²
        Mean squares about straight lines at the same moments.
    frequency : float
        Of the fastest motion.
    """

    n_atoms: int
    longer_fs: float
    time: Floats
    totals: tuple[Floats, Floats]
    coarse: Floats
    fine: Floats
    frequency: float


def _measure(
    meter: Meter,
    one: Configurations,
    rng: np.random.Generator,
    replicas: int,
    steps: int,
    temperature_K: float,
    timestep_fs: float | None,
) -> _Pair:
    relaxed, frequency = relaxed_start(meter, one, rng)
    longer = stable_timestep_fs(frequency, _PHASE) if timestep_fs is None else timestep_fs
    velocities = draw_velocities(one.system, replicas, 2 * temperature_K, rng, exact=True)
    totals = []
    for halvings in range(2):
        simulation = launch(meter, relaxed, velocities, longer / 2**halvings)
        simulation.run(steps * 2**halvings)
        totals.append(simulation.trace().total)
    time = 1e-3 * longer * np.arange(steps + 1, dtype=np.float64)
    coarse, fine = _spread(time, totals[0]), _spread(time, totals[1][::2])
    return _Pair(one.n_atoms, longer, time, (totals[0], totals[1]), coarse, fine, frequency)


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


@dataclass(frozen=True, slots=True)
class _Estimate:
    """The order p of the integrator and its errors."""

    orders: Floats
    order: float
    pooled: float
    by_noise: float
    finite: bool

    @property
    def error(self) -> float:
        """Standard error of the mean over replicas."""
        return float(np.std(self.orders, ddof=1)) / math.sqrt(len(self.orders))

    @property
    def width(self) -> float:
        return student_half_width(self.orders, FALSE_FAIL)

    @property
    def value(self) -> float:
        return max(0.0, _ORDER - self.order)

    @property
    def interval(self) -> tuple[float, float]:
        low = max(0.0, _ORDER - self.pooled - self.width - max(self.by_noise, 0.0))
        if math.isinf(self.by_noise):
            # The noise may be all there is; then the fluctuation doesn't fall at all.
            return low, max(_ORDER, self.value)
        half = student_half_width(self.orders, 2 * FALSE_PASS)
        return low, max(self.value, _ORDER - self.pooled + half, 0.0)


def _estimate(runs: _Pair, noise: float) -> _Estimate:
    coarse, fine = runs.coarse, runs.fine
    plain = _order(coarse, fine, 0.0)
    best = _order(coarse.mean(keepdims=True), fine.mean(keepdims=True), noise**2)[0]
    most = _order(coarse.mean(keepdims=True), fine.mean(keepdims=True), _NOISE_MARGIN * noise**2)[0]
    finite = bool(np.isfinite(plain).all())
    if not finite:
        plain = np.full(len(plain), _ORDER)
    pooled = float(plain.mean())
    return _Estimate(
        orders=plain,
        order=float(best) if math.isfinite(best) else pooled,
        pooled=pooled,
        by_noise=float(most - pooled) if math.isfinite(most) else math.inf,
        finite=finite,
    )


def _report(
    meter: Meter,
    runs: _Pair,
    found: _Estimate,
    noise: float,
    target: float,
    resolution: Resolution | None,
) -> Measurement:
    nothing = "" if resolution is None else resolution.rigid_reason
    if not nothing and not (found.finite and runs.frequency > 0):
        nothing = "the energy doesn't fluctuate"
    by_noise = min(abs(found.order - found.pooled), _ORDER)
    hidden = math.isinf(found.by_noise)
    limit = limit_of_mean(
        target,
        found.error,
        len(found.orders) - 1,
        FALSE_FAIL,
        allowance=0.0 if hidden else max(found.by_noise, 0.0),
    )
    limited = f"the energy's noise of {noise:.1e} eV is what fluctuates: {FINER_ARITHMETIC}"
    return Measurement(
        value=found.value,
        uncertainty=math.hypot(found.error, by_noise),
        uncertainty_components={"sampling": found.error, "rounding": by_noise},
        interval=found.interval,
        detection_limit=None if hidden else limit,
        limit_unknown="the energy's noise may be all that fluctuates" if hidden else "",
        noise_floor=by_noise,
        force_evaluations=meter.evaluations,
        nothing_tested=nothing,
        resolve="" if found.by_noise < 0.5 * found.width else limited,
        evidence=_evidence(runs, found, noise),
    )


def _evidence(runs: _Pair, found: _Estimate, noise: float) -> dict[str, Any]:
    longer, n_atoms, changes = runs.longer_fs, runs.n_atoms, []
    for totals in runs.totals:
        changes.append(((totals - totals[0]) / n_atoms).mean(axis=1))
    return {
        "place": f"order {found.order:.2f} between {longer:.2g} and {longer / 2:.2g} fs, over "
        f"{1e3 * runs.time[-1]:.3g} fs of {len(found.orders)} replicas",
        "scale": f"E + K fluctuates by {math.sqrt(runs.fine.mean()) / n_atoms:.1e} eV/atom at "
        f"{longer / 2:.2g} fs",
        "quantities": {
            "order": found.order,
            "replica_orders": found.orders.tolist(),
            "fluctuation_eV_per_atom": [
                math.sqrt(float(squares.mean())) / n_atoms for squares in (runs.coarse, runs.fine)
            ],
            "timesteps_fs": [longer, longer / 2],
            "energy_noise_eV": noise,
        },
        "series": {
            "time_ps": runs.time,
            "total_change_at_timestep": changes[0],
            "total_change_at_half": changes[1][::2],
        },
    }


assert_timestep_convergence = derive_assert(measure_timestep_convergence)
