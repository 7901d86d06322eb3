"""Do the forces feed one species and drain another?

How it is measured.  Replicas run from one start with velocities of their own, without a bath.  At
every few steps each replica is moved a little along the velocities of one species s, forth and
back by ``h v_s``, and what the forces do on that way is held against what the energy gives up:

    P_s = [E(x + h v_s) - E(x - h v_s)] / 2h + (F- + 4 F0 + F+) . v_s / 6

Simpson's rule in time; zero up to h^4 wherever F = -dE/dx, at every single moment and not only on
average, so that a conservative model passes after a few steps.  For other forces P_s is the power
that species s gets from nowhere.  Its mean over a replica's run is one sample; judged is the
species with the largest mean, its error from the spread of the replicas (Student's t, each species
with its share of the chance).

That energy and forces don't belong together isn't heat: before a FAIL the force Jacobian must
certainly be antisymmetric (as ``jacobian_asymmetry`` measures it), so that the forces belong to no
energy at all.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from ase.units import fs, kB

from physcheck.checks.conservation.no_potential import (
    NO_POTENTIAL_EVALUATIONS,
    asymmetry_figures,
    has_no_potential,
    measure_no_potential,
)
from physcheck.checks.dynamics.replicas import blown_up, launch_thermal
from physcheck.checks.sampling.atom_groups import groups_of
from physcheck.dynamics import Simulation
from physcheck.dynamics.preparation import (
    RELAXED_START_EVALUATIONS,
    require_positive,
)
from physcheck.measurement import LOOK_CLOSER, Measurement
from physcheck.model import Capabilities, Meter, Model
from physcheck.numerics.detection import factor_to_settle, limit_of_square
from physcheck.numerics.quantiles import FALSE_FAIL, FALSE_PASS, noise_rms_quantile
from physcheck.numerics.sequential import student_half_width
from physcheck.registry import Budget, Failure, check, default_tolerance, derive_assert
from physcheck.resolution import Resolution
from physcheck.system import Bools, Configurations, Floats, as_configurations
from physcheck.text.numbers import figure, with_uncertainty
from physcheck.tolerances import Tolerances

__all__ = ["assert_species_heat", "measure_species_heat"]

# Advance of the fastest mode in a step, rad, and steps between two moments.  What is measured is
# zero for conservative forces wherever the run gets to, so that the step need not be short, and the
# run should be long: velocities are drawn without regard to places, forces of places therefore do
# no work on average at first.  In direct heads of small networks for water and ethanol the power
# rises within 20 fs to where it stays; standard runs for 38 fs there.
_PHASE = 0.4
_STRIDE = 4
# How far the fastest atom moves along its own velocity, Å: as short as the energy's rounding
# allows, as Simpson's error goes as h^4 (1e-4 eV/atom/ps on stiff bonds at 0.02 Å, more where
# switching functions end); and the power that rounding may leave of a moment, eV/atom/ps, a
# hundredth of the tight tolerance.
_STEPS = (1e-3, 0.02)
_FINE_POWER = 1.2e-6
# What sets in at the start is over after this share of the run.
_SETTLED = 0.25
_PER_PS = 1e3 * fs
# Why there is no detection limit.
_UNDECIDED = "energy and forces may not belong together"
_UNSEEN = "replicas scatter by what a fault does to each, and none was seen"
# Degrees of freedom behind the energy's noise: those of a difference table.
_MOMENTS_DOF = 10
# A power is limited by the model's noise where that makes most of its error.
_NOISE_RULES = 0.5

# quick only passes forces whose power is zero at every moment.
_OPTIONS: dict[Budget, dict[str, Any]] = {
    "quick": {"replicas": 3, "steps": 12},
    # What a run of a minute has room for.  Replicas scatter by more than the moments of one, and
    # shorter runs lose the power that sets in (direct head of a network for water, lower ends of
    # four seeds: 115, 80, 68 and 40 meV/atom/ps; 24 replicas of 56 steps: 0, 0, 3 and 0).
    "standard": {"replicas": 16, "steps": 80, "every": 8},
    "full": {"replicas": 24, "steps": 600},
}


def _evaluations(start: Configurations, capabilities: Capabilities, budget: Budget) -> int:
    replicas, steps = (_OPTIONS[budget][k] for k in ("replicas", "steps"))
    n_species = len(set(start.system.numbers.tolist()))
    moments = steps // _OPTIONS[budget].get("every", _STRIDE)
    proof = 0 if budget == "quick" else NO_POTENTIAL_EVALUATIONS
    run = replicas * (steps + 1 + (1 + 2 * n_species) * moments)
    return int(RELAXED_START_EVALUATIONS + run + proof)


def _applies(start: Configurations, capabilities: Capabilities) -> str | None:
    if len(set(start.system.numbers.tolist())) < 2:
        return "a single species has no other to be fed from (nve_drift tells its heat)"
    if start.n_atoms < 3:
        return "two atoms without net momentum share all that is done on either"
    return None


@check(
    family="sampling",
    quantity="power that a species gets from nowhere",
    unit="eV/atom/ps",
    needs={"forces", "energy"},
    kind="law",
    title="the forces feed one species with heat and drain another",
    causes="forces predicted directly, whose errors follow the velocities of light atoms; a "
    "detached term that acts on one species",
    advice="don't sample with these forces under a global thermostat: species settle at different "
    "temperatures. Use conservative forces, or correct these by multiple time stepping with a "
    "conservative model (mts_tandem)",
    failure=Failure(
        short_title="heat between species",
        meaning="The forces pump heat from one species into another. Under one thermostat the "
        "species settle at different temperatures.",
    ),
    tolerances=Tolerances(
        screening=1.2e-3,
        md=3.9e-4,
        tight=1.2e-4,
        reason="species exchange heat within about a picosecond (1.2 ps in water), so a power P "
        "keeps one hotter by about P (1 ps)/(1.5 kB): 3, 1 and 0.3 % of 300 K, as equipartition",
        source="Bigi, Langer, Ceriotti, arXiv 2412.11569, table 3, for the percentages",
    ),
    evaluations=_evaluations,
    options=_OPTIONS,
    applies=_applies,
)
def measure_species_heat(
    model: Model | Meter,
    start: Any,
    *,
    rng: np.random.Generator,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
    replicas: int = 3,
    steps: int = 12,
    every: int = _STRIDE,
    temperature_K: float = 300.0,
) -> Measurement:
    """In motion the forces do no net work on any species beyond what the energy gives up.

    P_s = <(F + dE/dx)_s . v_s> per atom of the species, eV/atom/ps; the largest |P_s| is judged.
    How it is measured: see the module.

    Can't see: forces that feed no species on average (loop_work and jacobian_asymmetry see them);
    a power slower than its interval. It doesn't predict temperatures: heat put into H can make O
    hot where molecules are pushed as a whole.

    Parameters
    ----------
    tolerance : float, eV/atom/ps
        Above what the absence of a potential is looked for; the md profile's if left out.
    replicas, steps, every : int
        Runs, their steps, and steps from one moment that is looked at to the next.
    temperature_K : float
        Velocities are drawn at twice that, as half goes to potential energy.

    Raises
    ------
    CapabilityMissing
        No energy, a single species, or two atoms.
    ValueError
        Less than 2 replicas, or steps than ``every``, or that less than 1; a temperature that
        isn't positive.
    ModelError, NonFiniteOutput

    Cost: at most 18 + replicas (steps + 1) + replicas steps (1 + 2 species)/every, and 60 for the
    proof: 102 by default for two species.

    Source: Bigi, Langer, Ceriotti, arXiv 2412.11569, table 3, whose temperatures of species this
    explains; the estimate is physcheck's own.
    """
    meter, one = Meter(model), as_configurations(start)
    if every < 1:
        raise ValueError(f"a moment every {every} steps, should be 1 or more")
    if replicas < 2 or steps < every:
        raise ValueError(f"{replicas} replicas of {steps} steps, should be 2 of {every} or more")
    require_positive(temperature_K=temperature_K)
    target = default_tolerance("species_heat") if tolerance is None else tolerance
    relaxed, simulation = launch_thermal(meter, one, replicas, temperature_K, _PHASE, rng)
    powers, noise = _run(meter, simulation, relaxed, steps, every, resolution)
    proof = None
    if _interval(powers)[0] > target:
        proof = measure_no_potential(meter, relaxed, rng, resolution)
    return _report(powers, noise, simulation, relaxed, proof, target, every, resolution)


def _run(
    meter: Meter,
    simulation: Simulation,
    one: Configurations,
    steps: int,
    every: int,
    resolution: Resolution | None,
) -> tuple[dict[str, Floats], float]:
    """(T, B) power into each species every so many steps, per atom of it, eV/atom/ps.

    And what the model's noise leaves of their means, one standard deviation, at most.  The run ends
    early where a replica runs away: what was seen until then counts.
    """
    masks = groups_of(one.system, None)
    powers: dict[str, list[Floats]] = {name: [] for name in masks}
    noise = 0.0
    known = None if resolution is None else resolution.energy_noise
    for _ in range(steps // every):
        if blown_up(simulation, every) is not None:
            break
        # As the model gives them: in the run the net force is taken off, which no energy knows of.
        middle = meter.evaluate(one.at(simulation.positions)).require_forces()
        for name, mask in masks.items():
            power, rounding = _power(meter, simulation, middle, one, mask, known)
            powers[name].append(power)
            noise = max(noise, rounding)
    made = {name: np.array(found) for name, found in powers.items() if found}
    moments = sum(array.size for array in made.values()) / max(1, len(made))
    return made, noise / math.sqrt(max(1.0, (1 - _SETTLED) * moments))


def _power(
    meter: Meter,
    simulation: Simulation,
    middle: Floats,
    one: Configurations,
    mask: Bools,
    known: float | None,
) -> tuple[Floats, float]:
    """(B,) what the forces do on a species beyond what the energy gives up, eV/atom/ps; the part
    of it that rounding of the energies makes (``known``, eV), one standard deviation.
    """
    moving = np.where(mask[:, None], simulation.velocities, 0.0)
    speed = max(float(np.sqrt((moving**2).sum(axis=-1)).max()), 1e-12)
    # Two energies of noise e over 2 h, per atom: sqrt(2) e/2h.
    unit = _PER_PS / (math.sqrt(2) * int(mask.sum()))
    finest = _STEPS[1] if known is None else speed * known * unit / _FINE_POWER
    span = min(max(finest, _STEPS[0]), _STEPS[1]) / speed
    here, way = simulation.positions, span * moving
    places = np.concatenate([here + way, here - way])
    cells = np.broadcast_to(one.cells, (len(places), 3, 3))
    answer = meter.evaluate(Configurations(one.system, places, cells), want={"forces", "energy"})
    forth, back = np.split(answer.require_forces(), 2)
    up, down = np.split(answer.require_energy(), 2)
    along = ((forth + 4 * middle + back) / 6 * moving).sum(axis=(1, 2))
    power: Floats = ((up - down) / (2 * span) + along) * _PER_PS / int(mask.sum())
    return power, (known or 0.0) * unit / span


def _settled(power: Floats) -> Floats:
    """(B,) means over the run but for its beginning."""
    mean: Floats = power[int(_SETTLED * len(power)) :].mean(axis=0)
    return mean


def _error(means: Floats) -> float:
    """Standard error of the mean over replicas."""
    return float(np.std(means, ddof=1)) / math.sqrt(len(means))


def _worst(powers: Mapping[str, Floats]) -> str:
    return max(powers, key=lambda name: abs(float(_settled(powers[name]).mean())))


def _interval(powers: Mapping[str, Floats]) -> tuple[float, float]:
    """Low end of the largest |P_s|, each species with its share of the chance; high end of all."""
    if not powers:
        return 0.0, math.inf
    low, high = 0.0, 0.0
    for power in powers.values():
        means = _settled(power)
        value = abs(float(means.mean()))
        low = max(low, value - student_half_width(means, FALSE_FAIL / len(powers)))
        high = max(high, value + student_half_width(means, 2 * FALSE_PASS / len(powers)))
    return low, high


def _report(
    powers: Mapping[str, Floats],
    noise: float,
    simulation: Simulation,
    one: Configurations,
    proof: Measurement | None,
    target: float,
    every: int,
    resolution: Resolution | None,
) -> Measurement:
    nothing = "" if resolution is None else resolution.rigid_reason
    if not powers:
        nothing = nothing or "a replica ran away at once (nve_drift judges that)"
        powers = {"": np.zeros((1, 2))}
    means = _settled(powers[_worst(powers)])
    value = abs(float(means.mean()))
    error = _error(means)
    low, high = _interval(powers)
    undecided = low > 0 and not has_no_potential(proof)
    if undecided:
        # Energy and forces may not belong together, which isn't heat: nothing is called.
        low = min(low, target)
    limit = limit_of_square(target, value, error, len(means) - 1, FALSE_FAIL / len(powers))
    by_noise = noise > _NOISE_RULES * error
    return Measurement(
        value=value,
        uncertainty=error,
        uncertainty_components={"rounding" if by_noise else "sampling": error},
        interval=(max(low, 0.0), max(high, value)),
        detection_limit=None if undecided else limit,
        limit_unknown=_UNDECIDED if undecided else _UNSEEN if limit is None else "",
        noise_floor=noise * noise_rms_quantile(1, _MOMENTS_DOF),
        force_evaluations=simulation.model.evaluations,
        nothing_tested=nothing,
        evidence=_evidence(powers, simulation, one, proof, every),
        resolve=_advice(by_noise, proof),
        work_needed=factor_to_settle(target, value, (low, high), 2),
    )


def _advice(by_noise: bool, proof: Measurement | None) -> str:
    if proof is not None:
        return (
            "the forces may be the gradient of another energy than the one reported "
            "(force_energy_gap), since no lack of a potential is certain (jacobian_asymmetry)"
        )
    return "" if by_noise else f"longer runs would tell: {LOOK_CLOSER}"


def _evidence(
    powers: Mapping[str, Floats],
    simulation: Simulation,
    one: Configurations,
    proof: Measurement | None,
    every: int,
) -> dict[str, Any]:
    means = {name: _settled(power) for name, power in powers.items()}
    fed = max(means, key=lambda name: float(means[name].mean()))
    drained = min(means, key=lambda name: float(means[name].mean()))
    length = simulation.steps * simulation.timestep_fs * 1e-3
    words = [f"{name} {_signed(mean)} meV/atom/ps" for name, mean in means.items()]
    worst = _worst(powers)
    power = float(means[worst].mean())
    kelvin, word = abs(power) / (1.5 * kB), "heat" if power > 0 else "cool"
    return {
        "place": f"{', '.join(words)}, in {len(means[fed])} replicas over {length:.2g} ps",
        "scale": f"a power that alone would {word} {worst} by {figure(kelvin, 'K')} a picosecond",
        "quantities": {
            "power_eV_per_atom_per_ps": {n: float(m.mean()) for n, m in means.items()},
            "power_errors": {n: _error(m) for n, m in means.items()},
            "most_fed": fed,
            "most_drained": drained,
            "length_ps": length,
            "timestep_fs": simulation.timestep_fs,
            "moments": len(powers[fed]),
            "jacobian_asymmetry": asymmetry_figures(proof),
        },
        "series": {
            "time_ps": (np.arange(len(powers[fed])) + 1) * every * simulation.timestep_fs * 1e-3,
            **{f"power_{name}": power.mean(axis=1) for name, power in powers.items()},
        },
        "configurations": one,
    }


def _signed(mean: Floats) -> str:
    value = 1e3 * float(mean.mean())
    return f"{'+' if value > 0 else ''}{with_uncertainty(value, 1e3 * _error(mean))}"


assert_species_heat = derive_assert(measure_species_heat)
