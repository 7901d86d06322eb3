"""Work around closed loops."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from ase.units import kB

from physcheck.checks.consequences import heating_sentence
from physcheck.checks.conservation.jacobian_asymmetry import LAMBDA
from physcheck.measurement import Measurement
from physcheck.model import Capabilities, Meter, Model
from physcheck.numerics.quadrature import aliasing, spectrum
from physcheck.numerics.quantiles import (
    FALSE_FAIL,
    FALSE_PASS,
    noise_rms_quantile,
    plane_rms_quantile,
)
from physcheck.numerics.resampling import jackknife_sd
from physcheck.probes.loops import (
    Circle,
    RigidRotation,
    atom_circle,
    collective_circles,
    molecule_rotation,
)
from physcheck.registry import Budget, check, default_tolerance, derive_assert
from physcheck.resolution import Resolution, ensure_resolution, visit
from physcheck.system import Configurations, Floats, as_configurations

__all__ = ["assert_loop_work", "measure_loop_work"]

# rms displacement of a coordinate, Å: thermal motion of a solid, from some 5 K to 50 K.
_AMPLITUDES = (0.005, 0.015)
# Where kinks or jumps spoil that: far enough that a few of them average out, near enough that bonds hold, Å.
_WIDE = 0.03
_FINE = 16
_COARSE = 8


@dataclass(frozen=True, slots=True, eq=False)
class _Tour:
    """A loop with the forces found around it."""

    loop: Circle | RigidRotation
    positions: Floats
    tangents: Floats
    forces: Floats

    @property
    def integrand(self) -> Floats:
        values: Floats = np.einsum("tia,tia->t", self.forces, self.tangents)
        return values

    @property
    def work(self) -> float:
        return float(2 * np.pi * self.integrand.mean())

    def noise(self, force_noise: float) -> float:
        """Standard deviation of the work, eV, from a noise of the force components."""
        n = len(self.tangents)
        return 2 * np.pi / n * force_noise * float(np.linalg.norm(self.tangents))

    @property
    def path_length(self) -> float:
        """Length of the loop in 3N space, Å."""
        return float(2 * np.pi * np.linalg.norm(self.tangents, axis=(1, 2)).mean())

    def stiffness_squared(self) -> float:
        """(|J u|^2 + |J v|^2)/2 of a circle, (eV/Å²)²: the first harmonic of the forces around it."""
        assert isinstance(self.loop, Circle)
        n = len(self.forces)
        t = 2 * np.pi * np.arange(n) / n
        harmonic = 2 / n * np.tensordot(np.exp(1j * t), self.forces, axes=(0, 0))
        return float(np.sum(np.abs(harmonic) ** 2)) / (2 * self.loop.radius**2)


def _tour(
    meter: Meter,
    start: Configurations,
    loops: list[Circle | RigidRotation],
    n_points: int,
    rng: np.random.Generator,
    resolution: Resolution,
) -> list[_Tour]:
    if not loops:
        return []
    paths = [loop.path(start.positions[0], n_points) for loop in loops]
    forces = visit(
        meter,
        start.at(np.concatenate([p for p, _ in paths])),
        want=frozenset({"forces"}),
        rng=rng,
        fresh=resolution.needs_fresh,
    ).require_forces()
    parts = np.split(forces, len(loops))
    return [_Tour(loop, p, t, f) for loop, (p, t), f in zip(loops, paths, parts)]


def _evaluations(start: Configurations, capabilities: Capabilities, budget: Budget) -> int:
    options = _OPTIONS[budget]
    circles = options["pilots"] * _FINE + options["loops"] * _COARSE
    return int(circles + _COARSE + _FINE + _FINE)


_OPTIONS: dict[Budget, dict[str, Any]] = {
    "quick": {"pilots": 2, "loops": 6},
    "standard": {"pilots": 4, "loops": 28},
    "full": {"pilots": 8, "loops": 56},
}


@check(
    family="conservation",
    quantity="lambda_loop, work around closed loops relative to the stiffness",
    unit="",
    needs={"forces"},
    kind="law",
    title="forces do work around a closed loop",
    causes="forces predicted directly; a detached term; a fused kernel with a wrong backward",
    advice="run dynamics with the conservative head, or correct this model with a "
    "conservative one by multiple time stepping (mts_tandem); in a model that means "
    "to be conservative, switch off fused kernels and detached terms one by one",
    tolerances=LAMBDA,
    evaluations=_evaluations,
    options=_OPTIONS,
)
def measure_loop_work(
    model: Model | Meter,
    start: Any,
    *,
    rng: np.random.Generator,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
    pilots: int = 2,
    loops: int = 6,
    rms_displacement: float | None = None,
    atom_radius: float = 0.05,
) -> Measurement:
    """Forces of a potential do no work around a closed loop.

    W = closed integral of F.dx over circles x(t) = x0 + a (cos(t + phase) u + sin(t + phase) v) in random
    planes u, v of the n = 3N coordinates, by the equispaced periodic trapezoid. For a force with Jacobian
    J and antisymmetric part A, W = 2 pi a^2 u.A v, so that W_rms = 2 pi a^2 |A|_F/sqrt(n(n-1)); judged is

        lambda_loop = sqrt(n(n-1)) rms(W) / (2 pi a^2 |J|_F),

    an intensive figure on the scale of ``jacobian_asymmetry``; |J|_F comes from the first harmonic of
    the same forces. Further loops are reported, not judged: one atom on a circle of ``atom_radius`` Å,
    one molecule turned once in the frozen rest.

    The amplitude (``rms_displacement`` of a coordinate, Å) follows from the model's noise unless given.
    Two pilot loops have 16 points. If their harmonics 6 ... 8, what 8 points would alias, are negligible,
    the others have 8; otherwise 16, and half as many. Where kinks or jumps of the surface leave more
    truncation than the target, the pilots are repeated at 0.03 Å and the better amplitude is kept. Truncation is extrapolated from the spectrum
    (:func:`physcheck.numerics.quadrature.aliasing`), rounding from the model's noise; points are visited
    in random order, so that a model's memory makes no signed work. The interval allows for the worst
    shape of defect (rank 2). A FAIL is confirmed on the worst loop with 16 points
    halfway between the first.

    Can't see: work that needs displacements much larger than the amplitude, diluted in a large system
    (jacobian_asymmetry has the same blindness), a force that is the gradient of another energy
    (force_energy_gap sees that).

    Parameters
    ----------
    model : Model
    start : ase.Atoms or Configurations with B = 1
    tolerance : float, dimensionless
        What the step choice and the confirmation aim at; the md profile's if left out.
    pilots, loops : int
        Loops with 16 points, and with 8 (or half as many with 16).

    Raises
    ------
    ModelError, NonFiniteOutput

    Cost: 16 pilots + 8 loops + 24, and 16 more for a FAIL.

    Source: Bigi, Langer, Ceriotti, arXiv 2412.11569, eq. 4 and appendix E.
    """
    meter = Meter(model)
    one = as_configurations(start)
    resolution = ensure_resolution(meter, one, resolution, rng)
    target = default_tolerance("loop_work") if tolerance is None else tolerance
    n = one.n_coordinates

    walk = _Walk(meter, one, rng, resolution)
    amplitude = _amplitude(resolution, target) if rms_displacement is None else rms_displacement
    pilot = walk.pilot(amplitude, pilots)
    left = loops * _COARSE
    if pilot.coarse_truncation <= max(0.1 * target * pilot.unit, pilot.coarse_noise):
        tours = pilot.tours + walk.tours(amplitude, loops, _COARSE)
        cuts = [pilot.truncation] * pilots + [pilot.coarse_truncation] * loops
        truncation = np.array(cuts)
    else:
        if rms_displacement is None and pilot.truncation > target * pilot.unit:
            # Kinks and jumps, not curvature: their share falls with the amplitude.
            wide = walk.pilot(_WIDE, pilots)
            left -= pilots * _FINE
            if wide.truncation / wide.unit < pilot.truncation / pilot.unit:
                pilot, amplitude = wide, _WIDE
        tours = pilot.tours + walk.tours(amplitude, left // _FINE, _FINE)
        pooled = spectrum(np.array([t.integrand for t in tours]))
        truncation = np.full(len(tours), aliasing(pooled))

    if one.n_atoms > 1:
        atom = int(rng.integers(one.n_atoms))
        local = _tour(
            meter, one, [atom_circle(one, atom, atom_radius, rng)], _COARSE, rng, resolution
        )
    else:
        local = []
    turn = molecule_rotation(one, rng)
    local += _tour(meter, one, [] if turn is None else [turn], _FINE, rng, resolution)

    judged = _Judged(tours, truncation, resolution, n)
    confirmed = None
    worst = tours[int(np.argmax([abs(t.work) for t in tours]))]
    if judged.interval[0] > target and resolution.responds:
        judged, worst, confirmed = _confirm(meter, one, judged, worst, rng)
    return Measurement(
        value=judged.value,
        uncertainty=judged.uncertainty,
        uncertainty_components=judged.components,
        interval=judged.interval,
        detection_limit=judged.detection_limit,
        force_evaluations=meter.evaluations,
        nothing_tested=resolution.rigid_reason,
        evidence=_evidence(one, judged, worst, local, confirmed, resolution),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Pilot:
    """Loops of 16 points, and what their spectra say of truncation, in eV."""

    tours: list[_Tour]
    truncation: float
    coarse_truncation: float
    coarse_noise: float
    unit: float


class _Walk:
    """Collective loops of a given amplitude through one configuration."""

    def __init__(
        self,
        meter: Meter,
        start: Configurations,
        rng: np.random.Generator,
        resolution: Resolution,
    ) -> None:
        self.meter, self.start, self.rng, self.resolution = meter, start, rng, resolution

    def tours(self, amplitude: float, count: int, n_points: int) -> list[_Tour]:
        """Random loops, walked."""
        if count < 1:
            return []
        loops = collective_circles(self.start.n_atoms, count, amplitude, self.rng)
        return _tour(self.meter, self.start, list(loops), n_points, self.rng, self.resolution)

    def pilot(self, amplitude: float, count: int) -> _Pilot:
        """Loops that show what the others need."""
        tours = self.tours(amplitude, count, _FINE)
        n = self.start.n_coordinates
        pooled = spectrum(np.array([t.integrand for t in tours]))
        radius = amplitude * math.sqrt(n)
        unit = 2 * np.pi * radius**2 * math.sqrt(_stiffness_squared(tours) / (n - 1))
        noise = 2 * np.pi * radius * self.resolution.force_noise / math.sqrt(_COARSE)
        return _Pilot(tours, aliasing(pooled), pooled.band(6, 9), noise, unit or math.inf)


def _amplitude(resolution: Resolution, target: float) -> float:
    """The smallest amplitude, Å, at which 8 points resolve a sixth of the target over the noise.

    The noise of lambda_loop is sigma_F/(rho sqrt(8) |J|_F/sqrt(3N)); truncation grows as its 4th power
    (so does the lower limit, with a target below md's).
    """
    if resolution.stiffness <= 0:
        return _AMPLITUDES[1]
    needed = resolution.force_noise / (resolution.stiffness * math.sqrt(_COARSE) * target / 6)
    smallest = _AMPLITUDES[0] * min(1.0, target / default_tolerance("loop_work")) ** 0.25
    return float(np.clip(needed, smallest, _AMPLITUDES[1]))


def _stiffness_squared(tours: list[_Tour]) -> float:
    """|J|_F^2/n, mean square of J along the loops' planes."""
    return float(np.mean([t.stiffness_squared() for t in tours]))


class _Judged:
    """lambda_loop of some tours, with its errors."""

    def __init__(
        self, tours: list[_Tour], truncation: Floats, resolution: Resolution, dimension: int
    ) -> None:
        self.tours, self.truncation = tours, truncation
        self.resolution, self.dimension = resolution, dimension
        count = len(tours)
        works = np.array([t.work for t in tours])
        circle = tours[0].loop
        assert isinstance(circle, Circle)
        stiffness = math.sqrt(_stiffness_squared(tours))
        self.unit = 2 * np.pi * circle.radius**2 * stiffness / math.sqrt(dimension - 1)
        if self.unit == 0.0:
            self.unit = math.inf
        self.noise = np.array([t.noise(resolution.force_noise) for t in tours])
        rms = float(np.sqrt(np.mean(works**2))) / self.unit
        rounding = float(np.sqrt(np.mean(self.noise**2))) / self.unit
        cut = float(np.sqrt(np.mean(truncation**2))) / self.unit
        self.error = error = math.hypot(rounding, cut)
        self.value = math.sqrt(max(rms**2 - error**2, 0.0))
        # rms of Laplace variates (rank 2); the spread of a few heavy-tailed works would understate it.
        sampling = self.value * math.sqrt(5 / count) / 2
        logs = np.log([max(t.stiffness_squared(), 1e-300) for t in tours]) / 2
        scale_sd = jackknife_sd(lambda kept: float(np.mean(logs[kept])), count)
        self.components = {
            "truncation": cut / math.sqrt(count),
            "rounding": rounding / math.sqrt(count),
            "sampling": math.hypot(sampling, self.value * scale_sd) if self.value > 0 else 0.0,
        }
        self.uncertainty = math.sqrt(sum(c**2 for c in self.components.values()))
        self.detection_limit = error * noise_rms_quantile(count, resolution.dof)
        upward = plane_rms_quantile(count, 1 - FALSE_FAIL / 2) * math.exp(4 * scale_sd)
        low = max(0.0, rms - self.detection_limit) / upward
        high = max(rms / plane_rms_quantile(count, FALSE_PASS), error)
        self.interval = (low, high)

    def with_truncation(self, truncation: float) -> _Judged:
        return _Judged(
            self.tours, np.maximum(self.truncation, truncation), self.resolution, self.dimension
        )


def _confirm(
    meter: Meter, one: Configurations, judged: _Judged, worst: _Tour, rng: np.random.Generator
) -> tuple[_Judged, _Tour, bool]:
    """The worst loop again, half a spacing on: what was work stays, what was truncation changes sign.

    Points halfway between the first ones see the harmonic that those alias, c_n, with the other sign; a fresh
    random phase would repeat it by chance. The estimated truncation excuses no change: it may be what is wrong.
    """
    assert isinstance(worst.loop, Circle)
    loop = worst.loop.rephased(worst.loop.phase + np.pi / _FINE)
    again = _tour(meter, one, [loop], _FINE, rng, judged.resolution)[0]
    change = abs(again.work - worst.work)
    noise = again.noise(judged.resolution.force_noise)
    if change <= max(0.5 * abs(again.work + worst.work) / 2, 4 * noise):
        return judged, again, True
    return judged.with_truncation(change), again, False


def _loop_facts(tour: _Tour, resolution: Resolution) -> dict[str, Any]:
    truncation = 0.0
    if len(tour.forces) >= _FINE:
        truncation = aliasing(spectrum(tour.integrand))
    return {
        "label": tour.loop.label,
        "work_eV": tour.work,
        "uncertainty_eV": math.hypot(tour.noise(resolution.force_noise), truncation),
        "work_per_kT_300K": tour.work / (300 * kB),
        "work_per_path_eV_per_A": abs(tour.work) / tour.path_length,
        "n_points": len(tour.forces),
    }


def _evidence(
    one: Configurations,
    judged: _Judged,
    worst: _Tour,
    local: list[_Tour],
    confirmed: bool | None,
    resolution: Resolution,
) -> dict[str, Any]:
    facts = _loop_facts(worst, resolution)
    circle = worst.loop
    assert isinstance(circle, Circle)
    quantities: dict[str, Any] = {
        "worst_loop_work": facts["work_eV"],
        "tolerance_per_lambda": judged.unit,
        "stiffness": math.sqrt(_stiffness_squared(judged.tours)),
        "n_loops": len(judged.tours),
        "rms_displacement_A": circle.radius / math.sqrt(judged.dimension),
        "loop_works": [t.work for t in judged.tours],
    }
    place = f"worst loop: {circle.label}, {1e3 * facts['work_eV']:.3g} meV per cycle"
    for tour in local:
        key = "atom_circle" if isinstance(tour.loop, Circle) else "molecule_rotation"
        small = _loop_facts(tour, resolution)
        quantities[key] = small
        # Named only where it can't be noise: 6 standard deviations of Student's t with 10 dof.
        if abs(small["work_eV"]) > 6 * small["uncertainty_eV"] and judged.interval[0] > 0:
            place += f"; {small['label']}: {1e3 * small['work_eV']:.3g} meV per cycle"
    return {
        "place": place,
        "scale": heating_sentence(judged.value),
        "confirmed": confirmed,
        "worst_loop": {
            **facts,
            "formula": "x(t) = center + radius (cos(t + phase) u + sin(t + phase) v)",
            "center": one.positions[0],
            "u": circle.u,
            "v": circle.v,
            "radius": circle.radius,
            "phase": circle.phase,
        },
        "quantities": quantities,
        "configurations": one.at(worst.positions),
        "frame_forces": worst.forces,
    }


assert_loop_work = derive_assert(measure_loop_work)
