"""Do small vibrations about a minimum stay small?

How it is measured.  A rattled start is relaxed (L-BFGS, off a saddle FIRE); with
D = -M^-1/2 J M^-1/2, J = dF/dx there, small motions go as exp(i omega t), omega^2 an eigenvalue of
D.  D of a gradient is symmetric, its eigenvalues real.  A complex pair is two modes of which one
drives the other around a cycle: it grows at the rate |Im sqrt(omega^2)|.

Where 3N - 6 (3N - 3 with pbc) is at most ``products`` all of D is measured, else its block in a
Krylov subspace.  A pair is confirmed with fresh evaluations in its own plane at two steps before it
counts; the upper end of the interval is the fastest growth of 40 blocks within the errors.  Turns
of an isolated structure as a whole count where they are certain to grow (a torque that follows the
turn).

A negative real eigenvalue is a saddle, not a fault: the structure is moved off along it and relaxed
again (``rounds``); if it is still there, or if no minimum was reached, the verdict is INCONCLUSIVE.
The evidence says how far from the minimum a structure ended that was moved by 0.05 Å and relaxed
again.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from physcheck.checks.relaxation.relaxation_convergence import inner_motion
from physcheck.measurement import FINER_ARITHMETIC, LOOK_CLOSER, NOTHING_SETTLES, Measurement
from physcheck.model import Capabilities, Meter, Model
from physcheck.numerics.detection import limit_of_excess
from physcheck.registry import Budget, Failure, check, default_tolerance, derive_assert
from physcheck.relaxation.noise_floor import achievable_fmax
from physcheck.relaxation.optimisers import Path, relax
from physcheck.relaxation.starting_points import rattled
from physcheck.relaxation.vibrations import (
    PER_PS,
    Pair,
    Vibrations,
    confirm_pair,
    growth_rate,
    measure_vibrations,
)
from physcheck.resolution import Resolution, ensure_resolution
from physcheck.system import Configurations, Floats, as_configurations
from physcheck.tolerances import Tolerances

__all__ = ["assert_minimum_stability", "measure_minimum_stability"]

_UNIT = "1/ps"
_QUANTITY = "fastest growth of a small vibration about the minimum"
# Directions on which the step is chosen, in all.
_PILOTS = 9
_TURNS = 3
_CONFIRMATION = 8
# Largest move of an atom off a saddle, and off the minimum to see whether it comes back, Å.
_OFF_SADDLE = 0.1
_AWAY = 0.05
# How far down a relaxation goes in any case, over the rms force of the start.
_DOWN_TO = 0.05
# A force f left over bends a bond of 1 Å sideways by f/Å; angles between bonds count twice.
_LEFT_OVER = 2.0
_BOND = 1.0


_OPTIONS: dict[Budget, dict[str, Any]] = {
    "quick": {"steps": 80, "products": 33},
    "standard": {"steps": 300, "products": 60, "rounds": 2},
    "full": {"steps": 2_000, "products": 300, "rounds": 3},
}


def _evaluations(start: Configurations, capabilities: Capabilities, budget: Budget) -> int:
    options = _OPTIONS[budget]
    count = min(int(options["products"]), start.n_coordinates) + _TURNS + _PILOTS
    rounds = int(options.get("rounds", 1))
    return int(options["steps"]) + rounds * 2 * count + _CONFIRMATION


# Beyond this share of the error, noise is what limits the force constants.
_NOISE_RULES = 0.3


@dataclass(frozen=True, slots=True, eq=False)
class _Ground:
    """Where the relaxations ended, and the vibrations there."""

    path: Path
    found: Vibrations
    saddle: bool
    spent: int


@check(
    family="relaxation",
    quantity=_QUANTITY,
    unit=_UNIT,
    needs={"forces"},
    kind="law",
    title="small vibrations about the minimum grow by themselves",
    causes="forces predicted directly; a detached term: two modes feed each other around a cycle",
    advice="don't compute phonons or run long dynamics about this minimum with these forces; "
    "use conservative ones",
    failure=Failure(
        short_title="vibrations grow",
        meaning="Small vibrations about the minimum grow by themselves. Phonons have no meaning "
        "there, and a cold crystal heats up.",
        spoils=("phonon calculations",),
    ),
    tolerances=Tolerances(
        screening=1.0,
        md=0.1,
        tight=0.01,
        reason="a vibration that the forces feed grows by e in 1, 10 or 100 ps and its "
        "energy in half of that: at md no faster than a thermostat of 5 ps takes heat "
        "away, at screening a picosecond of dynamics is sound",
        source="linear stability of Newton's equations: amplitudes go as exp(i omega t), "
        "omega^2 an eigenvalue of the mass-weighted force constants, real for the "
        "gradient of an energy",
    ),
    evaluations=_evaluations,
    options=_OPTIONS,
    applies=inner_motion,
)
def measure_minimum_stability(
    model: Model | Meter,
    start: Any,
    *,
    rng: np.random.Generator,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
    steps: int = 80,
    products: int = 33,
    rounds: int = 1,
) -> Measurement:
    """Vibrations about a minimum of a potential neither grow nor decay by themselves.

    gamma = |Im sqrt(omega^2)|, 1/ps, omega^2 the eigenvalues of D = -M^-1/2 J M^-1/2, J = dF/dx at
    a relaxed structure. What is measured and confirmed: see the module.

    Can't see: weak non-gradient forces between modes of different frequency (the rule in small
    stiff molecules: their eigenvalues stay real; jacobian_asymmetry sees them), and in large
    systems pairs amid the spectrum.

    Parameters
    ----------
    tolerance : float, 1/ps
        What is confirmed; the md profile's if left out.
    steps, products : int
        Evaluations of all relaxations; directions along which D is measured.
    rounds : int
        How often D is measured, where it finds a saddle. From 2 on the last place is judged, a
        minimum or not: the eigenvalues are real wherever there is a potential.

    Raises
    ------
    CapabilityMissing: a single atom.
    ModelError, NonFiniteOutput

    Cost: at most steps + 2 rounds (products + 12) + 8, 178 by default; about 100 for a molecule of
    9 atoms.

    Source: Goldstein, Classical Mechanics, chapter on small oscillations; Saad, Numerical Methods
    for Large Eigenvalue Problems, chapter 6.
    """
    meter, one = Meter(model), as_configurations(start)
    resolution = ensure_resolution(meter, one, resolution, rng)
    target = default_tolerance("minimum_stability") if tolerance is None else tolerance
    goal = _choose_goal(one, resolution)
    ground = _find_ground(meter, one, goal, steps, products, rounds, rng, resolution)
    pair = None
    if float(growth_rate(ground.found.eigenvalues).max(initial=0.0)) > target:
        pair = confirm_pair(meter, ground.found, rng=rng, resolution=resolution)
    back = _come_back(meter, ground, goal, steps - ground.spent, rng) if pair is None else None
    growth = _estimate(ground, pair, target, rng)
    return _report(meter, ground, pair, back, growth, goal, target, rounds > 1, resolution)


@dataclass(frozen=True, slots=True)
class _Growth:
    """The growth rate and the ends of its interval, 1/ps."""

    value: float
    low: float
    high: float


def _choose_goal(one: Configurations, resolution: Resolution) -> float:
    """fmax, eV/Å, at which a structure is a minimum: where all forces are small, a small one."""
    return max(
        min(
            default_tolerance("relaxation_convergence") / 2,
            _DOWN_TO * resolution.force_rms,
        ),
        achievable_fmax(resolution, one.n_atoms),
    )


def _estimate(
    ground: _Ground, pair: Pair | None, target: float, rng: np.random.Generator
) -> _Growth:
    found = ground.found
    inner = float(growth_rate(np.linalg.eigvals(found.inner)).max(initial=0.0))
    value, low = (inner, 0.0) if pair is None else (pair.rate, pair.low)
    if pair is not None and not pair.low > target:
        # Fresh evaluations didn't confirm it: what is left comes from the errors.
        value = min(inner, pair.rate)
    return _Growth(value, low, max(value, found.growth_at_most(rng)))


def _report(
    meter: Meter,
    ground: _Ground,
    pair: Pair | None,
    back: dict[str, Any] | None,
    growth: _Growth,
    goal: float,
    target: float,
    thorough: bool,
    resolution: Resolution,
) -> Measurement:
    found = ground.found
    reached = float(ground.path.fmax.min())
    nothing = resolution.rigid_reason
    # The eigenvalues are real wherever there is a potential: where a longer search has found no
    # minimum, the last place says as much of the forces.
    if not nothing and not growth.low > target and not thorough:
        if reached > max(goal, default_tolerance("relaxation_convergence")):
            nothing = (
                f"no minimum was reached: fmax is {reached:.2g} eV/Å after {ground.spent} "
                f"evaluations: {LOOK_CLOSER}"
            )
        elif ground.saddle:
            nothing = f"the relaxation ended at a saddle: {LOOK_CLOSER}"
    spread = growth.high - growth.value
    # A pair that is certain to grow is held against what errors hide of it.
    frequency = None if pair is None or not growth.low > target else pair.frequency
    floor = max(spread, found.least_growth_seen(resolution.dof, frequency))
    by_noise = found.noise > _NOISE_RULES * found.error
    return Measurement(
        value=growth.value,
        uncertainty=max(spread, 0.0) / 2,
        uncertainty_components={
            "rounding": spread / 2 if by_noise else 0.0,
            "truncation": spread / 2 if not by_noise else 0.0,
        },
        interval=(growth.low, growth.high),
        detection_limit=limit_of_excess(target, floor, max(spread, 0.0) / 2),
        noise_floor=floor,
        force_evaluations=meter.evaluations,
        nothing_tested=nothing,
        resolve=f"force constants are known to {found.error:.1g} eV/Å²/amu, which leaves the "
        f"softest modes open: {FINER_ARITHMETIC if by_noise else NOTHING_SETTLES}",
        evidence=_evidence(ground, pair, back, reached),
    )


def _find_ground(
    meter: Meter,
    one: Configurations,
    goal: float,
    steps: int,
    products: int,
    rounds: int,
    rng: np.random.Generator,
    resolution: Resolution,
) -> _Ground:
    """Relax, and off every saddle again."""
    begin = rattled(one, _AWAY, rng)
    spent = 0
    for left in range(rounds, 0, -1):
        # Off a saddle L-BFGS would go back to it, up the negative curvature; FIRE only goes down.
        name = "LBFGS" if left == rounds else "FIRE"
        path = relax(meter, begin, optimiser=name, fmax=goal, evaluations=steps - spent)
        spent += len(path)
        found = measure_vibrations(
            meter, path.final, products=products, rng=rng, resolution=resolution
        )
        value, direction = found.lowest
        lightest = float(one.system.masses.min())
        slack = _LEFT_OVER * float(path.fmax.min()) / (_BOND * lightest)
        saddle = value < -(3 * found.error * math.sqrt(len(found.block)) + slack)
        if not saddle or left == 1 or steps - spent < 1:
            break
        move = _motion(one, direction, _OFF_SADDLE)
        pull = path.answer.require_forces()[path.best]
        begin = path.final.displaced(math.copysign(1.0, float(np.vdot(pull, move))) * move[None])
    return _Ground(path, found, saddle, spent)


def _motion(one: Configurations, direction: Floats, largest: float) -> Floats:
    """(N, 3) displacement, Å, along a mass-weighted direction, its longest arrow ``largest``."""
    move = (direction / np.repeat(np.sqrt(one.system.masses), 3)).reshape(-1, 3)
    scaled: Floats = move * largest / max(float(np.sqrt((move**2).sum(axis=1).max())), 1e-300)
    return scaled


def _come_back(
    meter: Meter, ground: _Ground, goal: float, left: int, rng: np.random.Generator
) -> dict[str, Any] | None:
    """Move off the minimum, relax again: how far from it that ends."""
    if left < 10 or not ground.path.converged:
        return None
    home = ground.path.final
    path = relax(meter, rattled(home, _AWAY, rng), fmax=goal, evaluations=left)
    return {
        "moved_A": _apart(home, path.places[0]),
        "ended_A": _apart(home, path.final),
        "evaluations": len(path),
        "converged": path.converged,
    }


def _apart(first: Configurations, second: Configurations) -> float:
    """rms distance of atoms, Å, after the best shift and, without pbc, turn (Kabsch)."""
    a, b = first.positions[0], second.positions[0]
    a, b = a - a.mean(axis=0), b - b.mean(axis=0)
    if not first.system.is_periodic:
        u, _, v = np.linalg.svd(b.T @ a)
        sign = np.sign(np.linalg.det(u @ v))
        b = b @ (u * np.array([1.0, 1.0, sign])) @ v
    return float(np.sqrt(np.mean(((a - b) ** 2).sum(axis=1))))


def _evidence(
    ground: _Ground, pair: Pair | None, back: dict[str, Any] | None, reached: float
) -> dict[str, Any]:
    found = ground.found
    lowest = found.lowest[0]
    highest = float(found.eigenvalues.real.max(initial=0.0))
    kind = "all modes" if found.complete else f"a Krylov subspace of {len(found.block)} directions"
    place = f"{kind}, relaxed to {reached:.2g} eV/Å in {ground.spent} evaluations"
    if ground.saddle:
        place += ", at a saddle"
    frames: Configurations = found.start
    if pair is not None:
        place += (
            f"; a pair at {pair.frequency:.3g} rad/ps grows by {pair.rate:.3g} per ps in its plane"
        )
        moved = found.start.positions[0] + 0.1 * pair.plane
        frames = found.start.at(np.concatenate([found.start.positions, moved]))
    values = found.eigenvalues
    order = np.argsort(values.real)
    evidence: dict[str, Any] = {
        "place": place,
        "scale": f"omega from {_signed_root(lowest):.3g} to {_signed_root(highest):.3g} rad/ps "
        "(negative: imaginary)",
        "quantities": {
            "eigenvalues_real_eV_per_A2_amu": values.real[order][:300].tolist(),
            "eigenvalues_imaginary": values.imag[order][:300].tolist(),
            "element_error": found.error,
            "element_noise": found.noise,
            "step_A": found.step,
            "complete": found.complete,
            "saddle": ground.saddle,
            "fmax": reached,
            "came_back": back,
        },
        "configurations": frames,
    }
    if pair is not None:
        evidence["quantities"]["pair"] = {
            "rate": pair.rate,
            "low": pair.low,
            "frequency_rad_per_ps": pair.frequency,
        }
    return evidence


def _signed_root(value: float) -> float:
    return math.copysign(math.sqrt(abs(value)), value) * PER_PS


assert_minimum_stability = derive_assert(measure_minimum_stability)
