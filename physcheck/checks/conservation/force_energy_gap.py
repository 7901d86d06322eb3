"""Forces against the energy they should come from."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from physcheck.checks.conservation.step_choice import TRIES, choose_step
from physcheck.measurement import Measurement
from physcheck.model import Capabilities, Meter, Model
from physcheck.numerics.quantiles import (
    FALSE_FAIL,
    FALSE_PASS,
    noise_rms_quantile,
    projection_rms_quantile,
)
from physcheck.probes.directions import orthonormal_directions
from physcheck.registry import Budget, check, default_tolerance, derive_assert
from physcheck.resolution import Resolution, ensure_resolution, visit
from physcheck.system import Configurations, Floats, as_configurations
from physcheck.tolerances import Tolerances

__all__ = ["assert_force_energy_gap", "measure_force_energy_gap"]

_OPTIONS: dict[Budget, dict[str, Any]] = {
    "quick": {"directions": 16},
    "standard": {"directions": 32},
    "full": {"directions": 64},
}
_PILOTS = 2
_FIRST_LOOK = 8
# Directions given up where the pilots had to try shorter steps too.
_DEAR = 6
# Directions on which a FAIL is tried again at a shorter length until one confirms it.
_CONFIRMATIONS = 2
# Where noise forbids shorter pieces, so many moved aside have to agree: a kink is met again now and then.
_ASIDE = 2
# What the length is divided by for that, the largest first that the noise allows.
_DIVISORS = (16, 8, 4)
# The shortest half length of a line piece that is tried first, Å (rms of a coordinate): the lower end is far
# above the rounding of float64 positions; at four times the upper one stiff bonds are barely smooth.
_FIRST_STEP = (0.0005, 0.004)
_MEV = 1e3


def _evaluations(start: Configurations, capabilities: Capabilities, budget: Budget) -> int:
    k = min(int(_OPTIONS[budget]["directions"]), start.n_coordinates)
    pilots = min(_PILOTS, k)
    smooth = 2 * k + 2 * (TRIES - 3) * pilots
    rough = 2 * max(pilots, k - _DEAR) + 2 * (TRIES - 1) * pilots
    return 1 + max(smooth + 2 * _CONFIRMATIONS, rough + 2 * _ASIDE * _CONFIRMATIONS)


@check(
    family="conservation",
    quantity="rms gap between forces and the energy's negative gradient",
    unit="meV/Å",
    needs={"forces", "energy"},
    kind="law",
    title="forces are not the negative gradient of the energy",
    causes="forces predicted directly; a term of the energy detached or left out of the gradient; "
    "energy and forces smoothed, shifted or scaled differently (ASE's free_energy is the one to give)",
    advice="take forces as the gradient of the very energy that is reported; compare the two "
    "term by term on a dimer to find the part that differs",
    tolerances=Tolerances(
        screening=20.0,
        md=1.0,
        tight=0.01,
        reason="screening: the force error of a good MLIP, so that a gap is no worse than "
        "the fit; md: far below it, so that energies of snapshots and forces on the "
        "way tell the same story; tight: what analytic gradients in float64 reach "
        "with room for energy offsets",
        source="OpenKIM's ForcesNumerDeriv check is the ancestor; figures from physcheck's "
        "own benchmarks",
    ),
    evaluations=_evaluations,
    options=_OPTIONS,
)
def measure_force_energy_gap(
    model: Model | Meter,
    start: Any,
    *,
    rng: np.random.Generator,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
    directions: int = 16,
) -> Measurement:
    """Forces are the negative gradient of the energy: F = -dE/dx.

    Along random orthonormal directions u of the 3N coordinates, energy differences are held against the
    line integral of the forces over the same piece (Simpson), which needs no small step:

        g_u = (E(+l) - E(-l))/(2l) + u.(F(-l) + 4 F(0) + F(+l))/6,      gap = rms over u of g_u,

    which is the rms gap of a force component, averaged over the piece. The shortest length follows
    from the energy's noise; two pilot directions at three lengths choose the one with the least error; the truncation error is the change from
    half the length (a sixteenth of it would do on a smooth surface, but not at kinks). After 8 directions
    the run stops if the verdict is clear (a fifth of the false-FAIL chance is spent there). A FAIL is
    confirmed on the worst direction at up to a sixteenth of the length, since truncation shrinks with it, or where pieces are
    so short for roughness that noise forbids that on two moved aside; one that a kink spoils is left out, and the next is tried.

    Can't see: a lack of conservation where the model gives no energy; a gap that averages out over
    0.03 Å; a wrong energy (only that both disagree).

    Parameters
    ----------
    model : Model
    start : ase.Atoms or Configurations with B = 1
    tolerance : float, meV/Å
        Decides when to stop; the md profile's if left out.
    directions : int
        At most 3N are used.

    Raises
    ------
    CapabilityMissing
        The model gives no energy.
    ModelError, NonFiniteOutput

    Cost: 25 evaluations for a clear case, 13 + 2 x directions at most (with 6 directions fewer on a rough surface).

    Source: the OpenKIM verification check of forces against numerical derivatives is the ancestor.
    """
    meter = Meter(model)
    one = as_configurations(start)
    resolution = ensure_resolution(meter, one, resolution, rng)
    target = default_tolerance("force_energy_gap") if tolerance is None else tolerance
    n = one.n_coordinates
    count = min(directions, n)
    frame = orthonormal_directions(n, count, rng)
    line = _Line(meter, one, rng, resolution)
    pilots = min(_PILOTS, count)

    step, truncation, gaps = choose_step(line, frame[:pilots], target / _MEV, _FIRST_STEP)
    rough = line.pieces > 3 * pilots
    if rough:
        count = max(pilots, count - _DEAR)
    error = math.hypot(line.noise(step), truncation)
    result = None
    for look, share in ((min(_FIRST_LOOK, count), 0.2), (count, 0.8)):
        if look > len(gaps):
            gaps = np.concatenate([gaps, line.gaps(frame[len(gaps) : look], step)])
        elif result is not None:
            break
        result = _Judged(gaps, error, n, resolution.dof, share)
        if result.interval[1] <= target or result.interval[0] > target:
            break
    assert result is not None
    confirmed, kinked = None, 0.0
    order = np.argsort(-np.abs(gaps))
    worst = int(order[0])
    if result.interval[0] > target and resolution.responds:
        for rank in range(_CONFIRMATIONS):
            worst = int(order[rank])
            seen = abs(float(gaps[worst]))
            direction = frame[worst : worst + 1]
            divisor = next((d for d in _DIVISORS if line.noise(step / d) <= seen / 8), None)
            shorter = step / (divisor or 2)
            if rough and divisor is None:
                again = [line.aside(direction, step) for _ in range(_ASIDE)]
            else:
                again = [line.gaps(direction, shorter)]
            change = max(abs(float(gap[0] - gaps[worst])) for gap in again)
            # Noise excuses a change, but never one by half: that is what a kink does at half the length.
            confirmed = change <= max(0.2 * seen, min(4 * line.noise(shorter), 0.4 * seen))
            if confirmed:
                break
            # A direction with a kink or a jump says nothing of the others: judge without it.
            kinked = max(kinked, change)
            result = _Judged(gaps[order[rank + 1 :]], error, n, resolution.dof, 0.8, len(gaps))
            if not result.interval[0] > target:
                break
        if not confirmed:
            truncation = max(truncation, kinked)
            error = math.hypot(line.noise(step), truncation)
            result = _Judged(gaps, error, n, resolution.dof, 0.8)
    return Measurement(
        value=result.value,
        uncertainty=math.hypot(result.sampling, error * _MEV / math.sqrt(len(gaps))),
        uncertainty_components={
            "truncation": truncation * _MEV / math.sqrt(len(gaps)),
            "rounding": line.noise(step) * _MEV / math.sqrt(len(gaps)),
            "sampling": result.sampling,
        },
        interval=result.interval,
        detection_limit=result.detection_limit,
        force_evaluations=meter.evaluations,
        nothing_tested=resolution.rigid_reason,
        evidence={
            "place": f"direction {worst} of {len(gaps)}: {_MEV * gaps[worst]:.3g} meV/Å along it",
            "confirmed": confirmed,
            "scale": f"the rms force component is {_MEV * resolution.force_rms:.3g} meV/Å",
            "quantities": {
                "directions": len(gaps),
                "step_A": step,
                "relative_gap": result.value / (_MEV * resolution.force_rms)
                if resolution.force_rms > 0
                else 0.0,
                "gaps_meV_per_A": (_MEV * gaps).tolist(),
                "energy_noise_eV": resolution.energy_noise,
            },
            "configurations": one,
            "worst_direction": frame[worst].reshape(one.n_atoms, 3),
        },
    )


class _Line:
    """Gaps along line pieces through one configuration."""

    def __init__(
        self,
        meter: Meter,
        start: Configurations,
        rng: np.random.Generator,
        resolution: Resolution,
    ) -> None:
        self.meter, self.start, self.rng, self.resolution = meter, start, rng, resolution
        self.n = start.n_coordinates
        self.pieces = 0
        self.home = self._at(np.zeros((1, self.n)))[1][0]

    def _at(self, moves: Floats) -> tuple[Floats, Floats]:
        answer = visit(
            self.meter,
            self.start.displaced(moves),
            want=frozenset({"forces", "energy"}),
            rng=self.rng,
            fresh=self.resolution.needs_fresh,
        )
        return answer.require_energy(), answer.require_forces().reshape(-1, self.n)

    def gaps(self, directions: Floats, step: float) -> Floats:
        """g_u for each unit direction, eV/Å."""
        self.pieces += len(directions)
        length = step * math.sqrt(self.n)
        energies, forces = self._at(np.concatenate([-length * directions, length * directions]))
        e_minus, e_plus = np.split(energies, 2)
        f_minus, f_plus = np.split(forces, 2)
        force = np.einsum("kn,kn->k", directions, f_minus + 4 * self.home + f_plus) / 6
        gap: Floats = (e_plus - e_minus) / (2 * length) + force
        return gap

    def aside(self, direction: Floats, step: float) -> Floats:
        """g_u on a short piece moved aside by eight times its length, out of a kink's reach; trapezoid."""
        length = step * math.sqrt(self.n)
        away = 8 * step * self.rng.standard_normal((1, self.n))
        energies, forces = self._at(away + length * np.concatenate([-direction, direction]))
        gap: Floats = (energies[1:] - energies[:1]) / (2 * length) + forces.mean(
            axis=0
        ) @ direction.T
        return gap

    def noise(self, step: float) -> float:
        """Standard deviation of a gap, eV/Å."""
        length = step * math.sqrt(self.n)
        energy = self.resolution.energy_noise or 0.0
        return math.hypot(
            energy / (math.sqrt(2) * length), self.resolution.force_noise * math.sqrt(18) / 6
        )


class _Judged:
    """rms gap of a component from gaps along directions, in meV/Å."""

    def __init__(
        self,
        gaps: Floats,
        error: float,
        n: int,
        dof: float,
        share: float,
        drawn: int | None = None,
    ) -> None:
        # Where the largest of ``drawn`` gaps were left out, the mean is still over all: a lower bound.
        count = drawn or len(gaps)
        rms = _MEV * float(np.sqrt(np.sum(gaps**2) / count))
        spread = _MEV * error
        self.value = math.sqrt(max(rms**2 - spread**2, 0.0))
        finite = math.sqrt(max(0.0, 1 - count / n))
        self.sampling = finite * self.value / math.sqrt(2 * count)
        self.detection_limit = spread * noise_rms_quantile(count, dof)
        upward = projection_rms_quantile(count, n, 1 - share * FALSE_FAIL / 2)
        low = max(0.0, rms - self.detection_limit) / upward
        high = max(rms / projection_rms_quantile(count, n, FALSE_PASS), spread)
        self.interval = (low, high)


assert_force_energy_gap = derive_assert(measure_force_energy_gap)
