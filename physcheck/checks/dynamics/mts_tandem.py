"""Does a conservative partner, asked now and then, cure a model that predicts forces directly?"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from physcheck.checks.dynamics.mts_engine_input import tandem_lines
from physcheck.checks.dynamics.mts_runs import BOOKING, Drift, Pair, Row, Temperature
from physcheck.dynamics.preparation import fastest_frequency, settle, stable_timestep_fs
from physcheck.errors import CapabilityMissing
from physcheck.measurement import Measurement
from physcheck.model import Capabilities, Meter, Model
from physcheck.registry import Budget, check, default_tolerance, derive_assert
from physcheck.resolution import Resolution
from physcheck.system import Configurations, as_configurations
from physcheck.tolerances import Tolerances

__all__ = ["assert_mts_tandem", "measure_mts_tandem"]

_UNIT = "eV/atom/ps"
_QUANTITY = "drift of the energy at the recommended stride"
# Advance of the fastest mode in an inner step, rad: 0.5 fs for O-H.
_PHASE = 0.38
_SETTLING, _PRODUCTS = 12, 6
# Strides beyond this share of the fastest period aren't recommended whatever a short run saw: at a half lies the first
# resonance, and its width grows with the difference of the forces.
_SAFE_SHARE = 0.35
# Nor tried beyond this.
_LAST_SHARE = 1.0
# A stride is recommended if it sees no drift, and could have seen one of so many times what the finest can.
_COARSER = 10.0
# A species is off if its temperature is, by so many standard errors and by so many percent.
_SIGMAS, _PERCENT = 4.0, 1.0
# Outer steps of which a drift can be told, and inner ones of which the reference alone runs a quarter.
_LEAST_OUTER, _LEAST_STEPS = 10, 48
# Below this speed-up a tandem isn't worth its trouble.
_WORTH = 1.1
# Directions along which the reference itself is tried, and what that costs at most.
_DIRECTIONS, _TRIAL = 8, 150
_DRIFTS, _RUNS_AWAY = "drifts", "runs away"


# What decides is how long a run is; less than this tells nothing of drifts, so quick plans the same and lists it.
_OPTIONS: dict[Budget, dict[str, Any]] = {
    "quick": {"replicas": 8, "steps": 192, "sampling_steps": 480},
    "standard": {"replicas": 8, "steps": 192, "sampling_steps": 480},
    "full": {"replicas": 16, "steps": 960, "sampling_steps": 4800},
}
_STRIDES = (2, 4, 6, 8, 12, 16)
_WARMING = 96


def _evaluations(start: Configurations, capabilities: Capabilities, budget: Budget) -> int:
    options = _OPTIONS[budget]
    replicas, steps, sampling = options["replicas"], options["steps"], options["sampling_steps"]
    each = 3 * _WARMING // 2 + 2 + steps + steps // BOOKING + 2 + steps // 4 + 1
    each += sum(steps + steps // m + 2 for m in _STRIDES)
    each += sampling // 2 + sampling // 2 // BOOKING + 2 + sampling + sampling // 2 + 2
    return int(_SETTLING + _PRODUCTS + _TRIAL + replicas * each)


def _applies(start: Configurations, capabilities: Capabilities) -> str | None:
    return "one atom alone has no inner motion" if start.n_atoms < 2 else None


@check(
    family="dynamics",
    quantity=_QUANTITY,
    unit=_UNIT,
    needs={"forces"},
    kind="practice",
    title="multiple time stepping with the reference doesn't conserve energy",
    causes="forces of the two models that are too far apart; a reference whose forces are no gradient either",
    advice="use a shorter stride, or a fast model that is trained closer to the conservative one",
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
    warming_steps: int = _WARMING,
    sampling_steps: int = 480,
    temperature_K: float = 300.0,
    timestep_fs: float | None = None,
) -> Measurement:
    """A direct model corrected by a conservative one every M steps conserves the conservative one's energy.

    r-RESPA (:class:`physcheck.dynamics.Tandem`): the model moves the atoms at every step dt, and every M steps kicks by
    ``M dt (F_reference - F_model)`` put right what it lacks. Replicas, warmed by a Langevin bath, run at constant energy with
    the model alone, with the reference alone, and with the pair at growing strides M until one fails. For each the drift is the slope
    of E_reference + K per atom, with the integrator's own swings taken off to fourth order; its error is that of the replicas
    (Student's t) and what a swing common to all of them may feign. The kinetic temperature of each species is listed too, and at the
    recommended stride measured under a global bath (velocity rescaling, 10 fs) beside that of the model alone.

    Recommended is the largest stride that shows no drift above the tolerance, could have seen one ten times what the finest stride
    could, and stays below 35 % of the fastest vibration's period: at half of it (4.5 fs for O-H) lies the first resonance, which is
    named where a stride beyond fails. Nothing is recommended where the reference itself fails ``force_energy_gap`` or
    ``jacobian_asymmetry``, where a drift is likely if not certain, or where the pair runs away under the bath. Judged is the drift at that stride; if none is left, the best one's.
    With t_reference = F t_model, one step costs 1/F + 1/M of the reference alone: the speed-up F/(1 + F/M) is from timings of this run.

    Where ``model`` says that its forces are the conservative ones and ``reference`` that they are direct, they swap their parts.

    Can't see: a drift below the limit that the table gives, resonances of other structures and temperatures.

    Parameters
    ----------
    model : Model
        The fast one.
    start : ase.Atoms or Configurations with B = 1
    reference : Model
        The conservative one, with energy.
    tolerance : float, eV/atom/ps
        The md profile's if left out.
    strides : tuple of int
        M, ascending.
    replicas, steps, warming_steps, sampling_steps : int
        Inner steps; the reference alone runs a quarter of ``steps``, the model alone under the bath half of ``sampling_steps``.
    temperature_K : float
    timestep_fs : float
        The inner one; from the stiffest mode of the reference (a few probes) if left out, 0.5 fs for O-H.

    Raises
    ------
    CapabilityMissing
        The reference gives no energy or doesn't know the species, or a single atom.
    ValueError
        No strides, less than 48 steps, or less than ten times the first stride.
    ModelError, NonFiniteOutput

    Cost: at most 22,560 evaluations of both together, by default; every stride that isn't tried any more saves some 1,700.

    Source: Bigi, Langer, Ceriotti, arXiv 2412.11569, sec. 5; Tuckerman, Berne, Martyna, J. Chem. Phys. 97, 1990 (1992).
    """
    meter = Meter(model)
    one = as_configurations(start)
    fast, whole = _parts(meter, reference, one)
    if replicas < 2 or not temperature_K > 0 or any(int(m) != m for m in strides):
        raise ValueError(
            f"{replicas} replicas at {temperature_K} K, strides {strides}: should be 2 or more, above 0 K and whole"
        )
    strides = tuple(sorted(strides))
    if not strides or strides[0] < 1 or steps < max(_LEAST_OUTER * strides[0], _LEAST_STEPS):
        raise ValueError(
            f"strides {strides} and {steps} steps, should be 1 or more, and at least {_LEAST_OUTER} strides and "
            f"{_LEAST_STEPS} steps"
        )
    target = default_tolerance("mts_tandem") if tolerance is None else tolerance
    settled, forces = settle(whole, one, evaluations=_SETTLING)
    frequency = fastest_frequency(whole, settled, rng, forces=forces, products=_PRODUCTS)
    if timestep_fs is None:
        timestep_fs = _rounded(stable_timestep_fs(frequency, _PHASE, longest_fs=4.0))
    period = 2 * math.pi / frequency if frequency > 0 else math.inf
    pair = Pair.warmed(
        fast,
        whole,
        settled,
        rng,
        timestep_fs=timestep_fs,
        temperature_K=temperature_K,
        replicas=replicas,
        steps=warming_steps,
    )
    drift, temperatures = pair.alone(steps)
    alone = Row("model alone", None, timestep_fs, drift, temperatures)
    drift, temperatures = pair.whole_alone(steps // 4)
    control = Row(
        "reference alone", None, timestep_fs, drift, temperatures, _fault(drift, target), 1.0
    )
    tried = _tried(pair, strides, steps, period, target)
    fault = _fault(alone.drift, target)
    if not fault and not tried[0].fault:
        fault = _heat(alone.temperatures, tried[0].temperatures, temperature_K)
    alone = replace(alone, fault=fault)
    doubt = _doubt(whole, one, rng)
    best = None if doubt else _recommended(tried, period, target)
    sampled: dict[str, dict[str, Temperature]] = {}
    if best is not None and len(set(one.system.numbers.tolist())) > 1:
        sampled = {
            "alone": pair.sampled(None, sampling_steps // 2),
            "tandem": pair.sampled(best.stride, sampling_steps),
        }
        if not sampled["tandem"]:
            doubt, best = f"{best.name} runs away under a bath", None
    shown = best or min(tried, key=lambda row: row.drift.interval)
    drift = shown.drift
    low, high = drift.interval
    blown = drift.blow_up_fs is not None
    return Measurement(
        check="mts_tandem",
        quantity=_QUANTITY if best is not None else "drift of the energy at the best stride",
        unit=_UNIT,
        value=abs(drift.mean),
        uncertainty=math.inf if blown else math.hypot(drift.error, drift.allowance),
        uncertainty_components={}
        if blown
        else {"sampling": drift.error, "truncation": drift.allowance},
        interval=(low, high),
        detection_limit=drift.limit,
        force_evaluations=meter.evaluations,
        nothing_tested=""
        if frequency > 0
        else "the reference's forces don't respond to moving the atoms",
        resolve=doubt or _advice(drift, target, sampled, temperature_K, found=best is not None),
        evidence=_evidence([alone, control, *tried], best, pair, period, sampled, doubt),
    )


def _doubt(whole: Meter, start: Configurations, rng: np.random.Generator) -> str:
    """Why the reference is no partner, in words: its own forces aren't the gradient of its energy; empty if they may be."""
    from physcheck.checks.conservation.force_energy_gap import measure_force_energy_gap
    from physcheck.checks.conservation.jacobian_asymmetry import measure_jacobian_asymmetry

    for measure in (measure_force_energy_gap, measure_jacobian_asymmetry):
        found = measure(whole, start, rng=rng, directions=_DIRECTIONS)
        if found.interval[0] > default_tolerance(found.check):
            number = f"{found.value:.2g} {found.unit}".rstrip()
            return f"the reference fails {found.check} itself ({number}): it is no partner, take another"
    return ""


def _parts(meter: Meter, other: Model, start: Configurations) -> tuple[Meter, Meter]:
    """The fast model and the whole one."""
    model = meter.beside(meter.model)
    reference = meter.beside(other, name="the reference")
    if (refusal := reference.capabilities.refuses(start)) is not None:
        raise CapabilityMissing(f"the reference: {refusal}")
    heads = [m.capabilities.details.get("forces") for m in (model, reference)]
    fast, whole = (reference, model) if heads == ["conservative", "direct"] else (model, reference)
    for who, one in (("model", fast), ("reference", whole)):
        if "forces" not in one.capabilities.outputs:
            raise CapabilityMissing(f"the {who} gives no forces")
    if "energy" not in whole.capabilities.outputs:
        raise CapabilityMissing("the reference gives no energy: there is nothing to conserve")
    return fast, whole


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
        return _RUNS_AWAY
    return _DRIFTS if drift.exceeds(target) else ""


def _heat(
    found: Mapping[str, Temperature], finest: Mapping[str, Temperature], temperature_K: float
) -> str:
    """Species that are hotter or colder than at the finest stride, from the same starts."""
    off = [
        f"{s} {t.mean - finest[s].mean:+.0f} K"
        for s, t in found.items()
        if t.above(finest[s]) > _PERCENT / 100 * temperature_K
    ]
    return ", ".join(off)


def _rounded(timestep_fs: float) -> float:
    """Down to two digits, as people write timesteps."""
    digit = 10.0 ** (math.floor(math.log10(timestep_fs)) - 1)
    return round(math.floor(timestep_fs / digit + 1e-9) * digit, 12)


def _recommended(rows: list[Row], period: float, target: float) -> Row | None:
    """The largest stride that there is nothing against; rows end with the first that has a fault."""
    fine = [row for row in rows if not row.fault and not row.drift.suspect(target)]
    if not fine:
        return None
    finest = min(row.drift.limit for row in fine)
    fit = [
        row
        for row in fine
        if row.drift.limit <= max(target, _COARSER * finest) and row.step_fs <= _SAFE_SHARE * period
    ]
    return max(fit, key=lambda row: row.step_fs, default=None)


def _off(temperatures: Mapping[str, Temperature], temperature_K: float) -> list[str]:
    """Species whose temperature is wrong beyond doubt, in words."""
    return [
        f"{name} {t.mean:.0f} ± {t.error:.0f} K"
        for name, t in temperatures.items()
        if abs(t.mean - temperature_K) > max(_SIGMAS * t.error, _PERCENT / 100 * temperature_K)
    ]


def _advice(
    drift: Drift,
    target: float,
    sampled: Mapping[str, Mapping[str, Temperature]],
    temperature_K: float,
    *,
    found: bool,
) -> str:
    if not found:
        return "no stride is free of a drift, or of the likelihood of one: take a shorter timestep_fs, or another partner"
    off = _off(sampled.get("tandem", {}), temperature_K)
    warm = f"at {temperature_K:.0f} K in the pair: {', '.join(off)}; " if off else ""
    if drift.blow_up_fs is not None or not target > 0:
        return warm.removesuffix("; ")
    # The error of a slope falls as the length to 3/2.
    longer = max(1.5, (drift.interval[1] / target) ** (2 / 3))
    return f"{warm}runs {longer:.2g} times as long would resolve it: rerun with --physcheck-budget=full"


def _evidence(
    rows: list[Row],
    best: Row | None,
    pair: Pair,
    period: float,
    sampled: Mapping[str, Mapping[str, Temperature]],
    doubt: str,
) -> dict[str, Any]:
    failing = [r for r in rows if r.stride is not None and r.fault]
    resonant = [r for r in failing if r.step_fs > _SAFE_SHARE * period]
    place = doubt or "no stride is seen to keep the energy"
    if best is not None:
        place = f"recommended: {best.name}"
    if best is not None:
        place += f", a correction every {best.step_fs:.2g} fs"
        if best.speed_up is not None and best.speed_up < _WORTH:
            place += f" (which saves nothing here: {best.speed_up:.2g} times the speed of the reference alone)"
    if resonant:
        place += (
            f"; resonance: {resonant[0].name} ({resonant[0].step_fs:.2g} fs) fails ({resonant[0].fault}), not well below "
            f"half of the fastest vibration's period of {period:.2g} fs"
        )
    if rows[0].fault:
        verb = (
            rows[0].fault if rows[0].fault in (_DRIFTS, _RUNS_AWAY) else f"is off ({rows[0].fault})"
        )
        place = f"the model alone {verb}; {place}"
    ratio = pair.cost_ratio
    return {
        "place": place,
        "scale": f"an evaluation of the reference takes {ratio:.2g} times as long as one of the model"
        + ("" if best is None or best.speed_up is None else _gain(best.speed_up, best.step_fs)),
        "lines": tandem_lines(rows, best, sampled, pair.timestep_fs, pair.temperature_K),
        "quantities": {
            "recommended_stride": None if best is None else best.stride,
            "timestep_fs": pair.timestep_fs,
            "fastest_period_fs": period,
            "cost_ratio": ratio,
            "speed_up": None if best is None else best.speed_up,
            "model_evaluations": pair.fast.evaluations,
            "reference_evaluations": pair.whole.evaluations,
            "resonant_strides": [r.stride for r in resonant],
            "table": [
                {
                    "name": row.name,
                    "stride": row.stride,
                    "step_fs": row.step_fs,
                    "drift": row.drift.mean,
                    "drift_error": math.hypot(row.drift.error, row.drift.allowance),
                    "detection_limit": row.drift.limit,
                    "blow_up_fs": row.drift.blow_up_fs,
                    "fault": row.fault,
                    "temperatures_K": {s: t.mean for s, t in row.temperatures.items()},
                    "temperature_errors_K": {s: t.error for s, t in row.temperatures.items()},
                    "speed_up": row.speed_up,
                }
                for row in rows
            ],
            "sampled_temperatures_K": {
                who: {s: [t.mean, t.error] for s, t in found.items()}
                for who, found in sampled.items()
            },
        },
        "configurations": pair.start[:1],
    }


def _gain(speed_up: float, step_fs: float) -> str:
    if speed_up < _WORTH:
        return f": the pair saves nothing ({speed_up:.2g} times the speed of the reference alone)"
    return f": the pair is {speed_up:.2g} times as fast as the reference alone"


assert_mts_tandem = derive_assert(measure_mts_tandem)
