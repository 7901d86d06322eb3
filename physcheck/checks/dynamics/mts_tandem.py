"""A direct model corrected by a conservative one every M steps.

How it is measured.  r-RESPA (:class:`physcheck.dynamics.MultipleTimeStepping`): the model moves
atoms at every step dt, and every M steps kicks by ``M dt (F_reference - F_model)`` put right what
it lacks.  Replicas, equilibrated under a Langevin bath, run at constant energy with the model
alone, with the reference alone, and with the pair at growing strides M until one fails.  For each
the drift is the slope of E_reference + K per atom, with the integrator's own swings taken off to
fourth order; its error is that of the replicas (Student's t) and what a swing common to all of them
may feign.  The kinetic temperature of each species is listed too, and at the recommended stride
measured under a global bath (velocity rescaling, 10 fs) beside that of the model alone.

Recommended is the largest stride that shows no drift above the tolerance, could have seen one ten
times what the finest stride could, and stays below 35 % of the fastest vibration's period: at half
of it (4.5 fs for O-H) lies the first resonance, which is named where a stride beyond fails.
Nothing is recommended where the reference itself fails ``force_energy_gap`` or
``jacobian_asymmetry``, where a drift is likely if not certain, or where the pair runs away under
the bath.  Judged is the drift at that stride; if none is left, the best one's.  With t_reference =
F t_model, one step costs 1/F + 1/M of the reference alone: the speed-up F/(1 + F/M) is from timings
of this run.

Where ``model`` says that its forces are the conservative ones and ``reference`` that they are
direct, they swap their parts.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from physcheck.adapters.heads import declares_direct_reference
from physcheck.checks.dynamics.mts_evidence import (
    DRIFTS,
    PERCENT,
    RUNS_AWAY,
    SAFE_SHARE,
    Table,
    advice,
    evidence,
    work_needed,
)
from physcheck.checks.dynamics.mts_runs import BOOKING, Drift, Pair, Row, Temperature
from physcheck.dynamics.preparation import (
    RELAXED_START_EVALUATIONS,
    relaxed_start,
    stable_timestep_fs,
)
from physcheck.errors import CapabilityMissing
from physcheck.measurement import Measurement
from physcheck.model import Capabilities, Meter, Model
from physcheck.numerics.detection import limit_of_mean
from physcheck.numerics.quantiles import FALSE_FAIL
from physcheck.registry import Budget, Failure, check, default_tolerance, derive_assert
from physcheck.resolution import Resolution
from physcheck.system import Configurations, as_configurations
from physcheck.tolerances import Tolerances

__all__ = ["assert_mts_tandem", "measure_mts_tandem", "recommended_row"]

_UNIT = "eV/atom/ps"
_QUANTITY = "drift of the energy at the recommended stride"
# Advance of the fastest mode in an inner step, rad: 0.5 fs for O-H.
_PHASE = 0.38
# Strides beyond this share of the fastest period aren't tried.
_LAST_SHARE = 1.0
# A stride is recommended if it sees no drift, and could have seen one of so many times what the
# finest can.
_COARSER = 10.0
# Outer steps of which a drift can be told, and inner ones of which the reference alone runs a
# quarter.
_LEAST_OUTER, _LEAST_STEPS = 10, 48
# Directions along which the reference itself is tried, and what that costs at most.
_DIRECTIONS, _TRIAL = 8, 150
_ALONE = "model alone"


# What decides is how long a run is; less than this tells nothing of drifts, so quick plans the same
# and lists it.
_OPTIONS: dict[Budget, dict[str, Any]] = {
    "quick": {"replicas": 8, "steps": 192, "sampling_steps": 480},
    "standard": {"replicas": 8, "steps": 192, "sampling_steps": 480},
    "full": {"replicas": 16, "steps": 960, "sampling_steps": 4800},
}
_STRIDES = (2, 4, 6, 8, 12, 16)
_EQUILIBRATION = 96


def _evaluations(start: Configurations, capabilities: Capabilities, budget: Budget) -> int:
    options = _OPTIONS[budget]
    replicas, steps, sampling = options["replicas"], options["steps"], options["sampling_steps"]
    each = 3 * _EQUILIBRATION // 2 + 2 + steps + steps // BOOKING + 2 + steps // 4 + 1
    each += sum(steps + steps // m + 2 for m in _STRIDES)
    each += sampling // 2 + sampling // 2 // BOOKING + 2 + sampling + sampling // 2 + 2
    return int(RELAXED_START_EVALUATIONS + _TRIAL + replicas * each)


def _applies(start: Configurations, capabilities: Capabilities) -> str | None:
    return "one atom alone has no inner motion" if start.n_atoms < 2 else None


@check(
    family="dynamics",
    quantity=_QUANTITY,
    unit=_UNIT,
    needs={"forces"},
    kind="practice",
    title="multiple time stepping with the reference doesn't conserve energy",
    causes="forces of the two models that are too far apart; a reference whose forces are no "
    "gradient either",
    advice="use a shorter stride, or a fast model that is trained closer to the conservative one",
    failure=Failure(
        short_title="energy drifts",
        meaning="The two models don't work together in multiple time stepping at the stride that "
        "is wanted: the correction comes too late, and energy drifts.",
        spoils=("multiple time stepping with this pair",),
    ),
    tolerances=Tolerances(
        screening=2.6e-4,
        md=2.6e-6,
        tight=2.6e-8,
        reason="as for nve_drift: screening 1 K/ps, md 10 K/ns, tight 0.1 K/ns of heating; a "
        "tandem that heats faster than a single model may is no cure",
        source="Bigi, Langer, Ceriotti, arXiv 2412.11569, sec. 5: no drift visible at M = 8 "
        "x 0.25 fs for water",
    ),
    evaluations=_evaluations,
    options=_OPTIONS,
    applies=_applies,
)
def measure_mts_tandem(
    model: Model | Meter,
    start: Any,
    *,
    reference: Model | Meter,
    rng: np.random.Generator,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
    strides: tuple[int, ...] = _STRIDES,
    replicas: int = 8,
    steps: int = 192,
    equilibration_steps: int = _EQUILIBRATION,
    sampling_steps: int = 480,
    temperature_K: float = 300.0,
    timestep_fs: float | None = None,
) -> Measurement:
    """A fast model corrected by a conservative one every M steps conserves the latter's energy.

    d(E_reference + K)/dt per atom, eV/atom/ps, at the recommended stride M: see the module.

    Can't see: a drift below the table's limit, resonances of other structures and temperatures.

    Parameters
    ----------
    model, reference : Model
        The fast one, and the conservative one with energy.
    strides : tuple of int
        M, ascending.
    replicas, steps, equilibration_steps, sampling_steps : int
        Inner steps; the reference alone runs a quarter of ``steps``, the model alone under the bath
        half of ``sampling_steps``.
    timestep_fs : float
        The inner one; from the reference's stiffest mode if left out, 0.5 fs for O-H.

    Raises
    ------
    CapabilityMissing: a reference without energy or with other species, a single atom.
    ValueError: no strides, less than 48 steps, or less than ten times the first stride.
    ModelError, NonFiniteOutput

    Cost: at most 22,560 evaluations of both together; a stride that isn't tried saves some 1,700.

    Source: arXiv 2412.11569, sec. 5; Tuckerman, Berne, Martyna, J. Chem. Phys. 97, 1990 (1992).
    """
    meter, one = Meter(model), as_configurations(start)
    fast, accurate = _parts(meter, reference, one)
    _require_sensible(replicas, temperature_K, strides, steps)
    target = default_tolerance("mts_tandem") if tolerance is None else tolerance
    pair, period = _choose_steps(
        fast, accurate, one, rng, timestep_fs, temperature_K, replicas, equilibration_steps
    )
    alone, control, tried = _measure(pair, tuple(sorted(strides)), steps, period, target)
    doubt = _doubt(accurate, one, rng)
    best = None if doubt else recommended_row(tried, period, target)
    sampled = _sample(pair, best, sampling_steps)
    if sampled and not sampled["tandem"]:
        assert best is not None
        doubt, best = f"{best.name} runs away under a bath", None
    table = Table([alone, control, *tried], best, period, sampled, doubt)
    return _report(meter, pair, tried, table, target)


def _require_sensible(
    replicas: int, temperature_K: float, strides: tuple[int, ...], steps: int
) -> None:
    if replicas < 2 or not temperature_K > 0 or any(int(m) != m for m in strides):
        raise ValueError(
            f"{replicas} replicas at {temperature_K} K, strides {strides}: should be 2 or more, "
            "above 0 K and whole"
        )
    first = min(strides, default=0)
    if first < 1 or steps < max(_LEAST_OUTER * first, _LEAST_STEPS):
        raise ValueError(
            f"strides {strides} and {steps} steps, should be 1 or more, and at least "
            f"{_LEAST_OUTER} strides and {_LEAST_STEPS} steps"
        )


def _choose_steps(
    fast: Meter,
    accurate: Meter,
    one: Configurations,
    rng: np.random.Generator,
    timestep_fs: float | None,
    temperature_K: float,
    replicas: int,
    equilibration_steps: int,
) -> tuple[Pair, float]:
    """The pair, equilibrated, at an inner timestep that fits; the fastest period, fs."""
    relaxed, frequency = relaxed_start(accurate, one, rng)
    if timestep_fs is None:
        timestep_fs = _rounded(stable_timestep_fs(frequency, _PHASE, longest_fs=4.0))
    period = 2 * math.pi / frequency if frequency > 0 else math.inf
    pair = Pair.equilibrated(
        fast,
        accurate,
        relaxed,
        rng,
        timestep_fs=timestep_fs,
        temperature_K=temperature_K,
        replicas=replicas,
        steps=equilibration_steps,
    )
    return pair, period


def _measure(
    pair: Pair, strides: tuple[int, ...], steps: int, period: float, target: float
) -> tuple[Row, Row, list[Row]]:
    """The model alone, the reference alone, and the pair at each stride."""
    timestep_fs = pair.timestep_fs
    drift, temperatures = pair.alone(steps)
    alone = Row(_ALONE, None, timestep_fs, drift, temperatures)
    drift, temperatures = pair.accurate_alone(steps // 4)
    fault = _fault(drift, target)
    control = Row("reference alone", None, timestep_fs, drift, temperatures, fault, 1.0)
    tried = _tried(pair, strides, steps, period, target)
    fault = _fault(alone.drift, target)
    if not fault and not tried[0].fault:
        fault = _heat(alone.temperatures, tried[0].temperatures, pair.temperature_K)
    return replace(alone, fault=fault), control, tried


def _sample(pair: Pair, best: Row | None, sampling_steps: int) -> dict[str, dict[str, Temperature]]:
    """Temperatures of the species under a global bath, alone and in the pair."""
    if best is None or len(set(pair.start.system.numbers.tolist())) < 2:
        return {}
    return {
        "alone": pair.sampled(None, sampling_steps // 2),
        "tandem": pair.sampled(best.stride, sampling_steps),
    }


def _report(meter: Meter, pair: Pair, tried: list[Row], table: Table, target: float) -> Measurement:
    best = table.best
    drift = (best or min(tried, key=lambda row: row.drift.interval)).drift
    blown = drift.blow_up_fs is not None
    parts = {"sampling": drift.error, "truncation": drift.allowance}
    moving = math.isfinite(table.period)
    return Measurement(
        check="mts_tandem",
        quantity=_QUANTITY if best is not None else "drift of the energy at the best stride",
        unit=_UNIT,
        value=abs(drift.mean),
        uncertainty=math.inf if blown else math.hypot(drift.error, drift.allowance),
        uncertainty_components={} if blown else parts,
        interval=drift.interval,
        detection_limit=None
        if blown
        else limit_of_mean(
            target, drift.error, len(drift.rates) - 1, FALSE_FAIL, allowance=drift.allowance
        ),
        limit_unknown="a replica ran away at every stride" if blown else "",
        noise_floor=None if blown else drift.allowance,
        force_evaluations=meter.evaluations,
        nothing_tested="" if moving else "the reference's forces don't respond to moving the atoms",
        resolve=table.doubt or advice(drift, target, table, pair.temperature_K),
        work_needed=work_needed(drift, target),
        evidence=evidence(pair, table),
    )


def _doubt(accurate: Meter, start: Configurations, rng: np.random.Generator) -> str:
    """Why the reference is no partner, in words.

    Its own forces aren't the gradient of its energy; empty if they may be.
    """
    from physcheck.checks.conservation.force_energy_gap import measure_force_energy_gap
    from physcheck.checks.conservation.jacobian_asymmetry import measure_jacobian_asymmetry

    for measure in (measure_force_energy_gap, measure_jacobian_asymmetry):
        found = measure(accurate, start, rng=rng, directions=_DIRECTIONS)
        if found.interval[0] > default_tolerance(found.check):
            number = f"{found.value:.2g} {found.unit}".rstrip()
            return (
                f"the reference fails {found.check} itself ({number}), so that it can't correct "
                "another model: take a different reference"
            )
    return ""


def _parts(meter: Meter, other: Model, start: Configurations) -> tuple[Meter, Meter]:
    """The fast model and the accurate one."""
    model = meter.beside(meter.model)
    reference = meter.beside(other, name="the reference")
    if (refusal := reference.capabilities.refuses(start)) is not None:
        raise CapabilityMissing(f"the reference: {refusal}")
    if not {"forces", "energy"} <= reference.capabilities.outputs:
        reference.ask(start)
    swapped = declares_direct_reference(model.capabilities, reference.capabilities)
    fast, accurate = (reference, model) if swapped else (model, reference)
    for who, one in (("model", fast), ("reference", accurate)):
        if "forces" not in one.capabilities.outputs:
            raise CapabilityMissing(f"the {who} gives no forces")
    if "energy" not in accurate.capabilities.outputs:
        raise CapabilityMissing("the reference gives no energy: there is nothing to conserve")
    return fast, accurate


def _tried(
    pair: Pair, strides: tuple[int, ...], steps: int, period: float, target: float
) -> list[Row]:
    """A row a stride, up to the first that fails."""
    rows: list[Row] = []
    for stride in strides:
        outer = stride * pair.timestep_fs
        if rows and (steps < _LEAST_OUTER * stride or outer > _LAST_SHARE * period):
            break
        drift, temperatures = pair.at(stride, steps)
        ratio = pair.cost_ratio
        speed_up = ratio / (1 + ratio / stride)
        fault = _fault(drift, target)
        if not fault and rows:
            fault = _heat(temperatures, rows[0].temperatures, pair.temperature_K)
        rows.append(Row(f"stride {stride}", stride, outer, drift, temperatures, fault, speed_up))
        # What is coarser than a stride that fails isn't worth its price, nor to be trusted.
        if fault:
            break
    return rows


def _fault(drift: Drift, target: float) -> str:
    if drift.blow_up_fs is not None:
        return RUNS_AWAY
    return DRIFTS if drift.exceeds(target) else ""


def _heat(
    found: Mapping[str, Temperature], finest: Mapping[str, Temperature], temperature_K: float
) -> str:
    """Species that are hotter or colder than at the finest stride, from the same starts."""
    off = [
        f"{s} {t.mean - finest[s].mean:+.0f} K"
        for s, t in found.items()
        if t.above(finest[s]) > PERCENT / 100 * temperature_K
    ]
    return ", ".join(off)


def _rounded(timestep_fs: float) -> float:
    """Down to two digits, as people write timesteps."""
    digit = 10.0 ** (math.floor(math.log10(timestep_fs)) - 1)
    return round(math.floor(timestep_fs / digit + 1e-9) * digit, 12)


def recommended_row(rows: list[Row], period: float, target: float) -> Row | None:
    """The largest stride that there is nothing against.

    Rows end with the first that has a fault.
    """
    fine = [row for row in rows if not row.fault and not row.drift.suspect(target)]
    if not fine:
        return None
    finest = min(row.drift.limit for row in fine)
    fit = [
        row
        for row in fine
        if row.drift.limit <= max(target, _COARSER * finest) and row.step_fs <= SAFE_SHARE * period
    ]
    return max(fit, key=lambda row: row.step_fs, default=None)


assert_mts_tandem = derive_assert(measure_mts_tandem)
