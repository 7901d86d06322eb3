"""Work around closed loops of strain and positions together."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from physcheck.checks.conservation.jacobian_asymmetry import LAMBDA
from physcheck.checks.conservation.stress_energy_gap import measure_stress_noise, needs_a_volume
from physcheck.measurement import Measurement
from physcheck.model import Capabilities, Meter, Model
from physcheck.numerics.quadrature import aliasing, spectrum
from physcheck.numerics.quantiles import (
    FALSE_FAIL,
    FALSE_PASS,
    noise_rms_quantile,
    plane_rms_quantile,
)
from physcheck.probes.directions import orthonormal_directions
from physcheck.probes.strains import StrainLoop, commuting_strains
from physcheck.registry import Budget, check, default_tolerance, derive_assert
from physcheck.resolution import Resolution, ensure_resolution, visit
from physcheck.system import Configurations, Floats, as_configurations

__all__ = ["assert_strain_loop_work", "measure_strain_loop_work"]

_POINTS = 16
_OPTIONS: dict[Budget, dict[str, Any]] = {
    "quick": {"loops": 4},
    "standard": {"loops": 12},
    "full": {"loops": 24},
}
# Strain amplitudes: far above the noise of stresses, and a few times thermal strain.
_AMPLITUDES = (1e-3, 6e-3)
# A typical elastic modulus, eV/Å³ (50 GPa): it only balances strain against displacement in the loops.
_MODULUS = 0.3


def _evaluations(start: Configurations, capabilities: Capabilities, budget: Budget) -> int:
    return 6 + _POINTS * (int(_OPTIONS[budget]["loops"]) + 1)


@dataclass(frozen=True, slots=True, eq=False)
class _Tour:
    loop: StrainLoop
    configurations: Configurations
    integrand: Floats
    noise: float
    forces: Floats

    @property
    def work(self) -> float:
        return float(2 * np.pi * self.integrand.mean())

    @property
    def swing(self) -> float:
        """The reversible work of the loop: four times the second harmonic, eV."""
        n = len(self.integrand)
        return float(4 * 2 * np.pi * np.abs(np.fft.rfft(self.integrand)[2]) / n)


@check(
    family="conservation",
    quantity="work around closed loops of strain and positions relative to the reversible work",
    unit="",
    needs={"forces", "stress"},
    kind="law",
    title="forces and stress together do work around a closed loop",
    causes="stress predicted directly; a wrong sign, factor or order of Voigt components; forces "
    "predicted directly",
    advice="take the stress as the strain derivative of the energy; until then run neither "
    "constant-pressure dynamics nor cell relaxations",
    tolerances=replace(
        LAMBDA,
        reason="the same share of irreversible work as for loops in positions, since a "
        "barostat drives the cell through such loops as dynamics drives the atoms",
        source="Bigi, Langer, Ceriotti, arXiv 2412.11569, as for loop_work",
    ),
    evaluations=_evaluations,
    options=_OPTIONS,
    applies=needs_a_volume,
)
def measure_strain_loop_work(
    model: Model | Meter,
    start: Any,
    *,
    rng: np.random.Generator,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
    loops: int = 4,
) -> Measurement:
    """Forces and stress of a potential do no work around a closed loop of strain and positions.

    With columns of the cell h(t) = (1 + e(t)) h0, L = e'(1 + e)^-1 and fractional positions s(t),

        W = closed integral of [sum_i F_i.(h s_i') - V(t) sigma(t):L] dt = 0.

    No energy is needed: this is how a stress that is predicted directly is caught. Loops are circles: one
    axis is a strain, the other a strain and a collective displacement, so that both the symmetry of the
    elastic constants and the Maxwell relation between force and stress are tested. Judged is rms(W) over
    the reversible work (4 times the second harmonic of the integrand), dimensionless, of the order of
    1 for a stress of wrong sign. The strains of a loop share their axes, which makes L symmetric: a stress is
    mostly given without its antisymmetric part, which a model whose energy knows the lab frame has, and which
    would do work where L turns. Truncation comes from the spectrum; a FAIL is confirmed on the worst loop with points
    halfway between the first points.

    Can't see: a constant pressure added to the stress (its work is exact); forces alone (loop_work); that
    the energy depends on the cell's orientation (rotation_equivariance).

    Parameters
    ----------
    model : Model
    start : ase.Atoms or Configurations with B = 1, periodic in three directions
    tolerance : float, dimensionless
        What the amplitude and the confirmation aim at; the md profile's if left out.
    loops : int

    Raises
    ------
    CapabilityMissing
        No stress, or not fully periodic.
    ModelError, NonFiniteOutput

    Cost: 6 + 16 x loops evaluations, 16 more for a FAIL.

    Source: the first law for a deforming cell; signs and the velocity gradient as in Parrinello and
    Rahman, J. Appl. Phys. 52, 7182 (1981).
    """
    meter = Meter(model)
    one = as_configurations(start)
    resolution = ensure_resolution(meter, one, resolution, rng)
    target = default_tolerance("strain_loop_work") if tolerance is None else tolerance
    noise = measure_stress_noise(meter, one, resolution, rng).stress
    walker = _Walker(meter, one, resolution, noise, rng)

    tours = [walker.tour(loop) for loop in walker.loops(loops, target)]
    result = _Judged(tours, resolution.dof)
    worst = max(tours, key=lambda t: abs(t.work))
    confirmed = None
    if result.interval[0] > target and resolution.responds:
        # Halfway between the first points, what those alias comes with the other sign.
        again = walker.tour(worst.loop.rephased(worst.loop.phase + np.pi / _POINTS))
        change = abs(again.work - worst.work)
        confirmed = change <= max(0.5 * abs(again.work + worst.work) / 2, 4 * again.noise)
        if not confirmed:
            result = _Judged(tours, resolution.dof, change)
        worst = again
    return Measurement(
        value=result.value,
        uncertainty=math.sqrt(sum(c**2 for c in result.components.values())),
        uncertainty_components=result.components,
        interval=result.interval,
        detection_limit=result.detection_limit,
        force_evaluations=meter.evaluations,
        nothing_tested=resolution.rigid_reason,
        evidence={
            "place": f"worst loop: {1e3 * worst.work:.3g} meV per cycle at a strain of "
            f"{worst.loop.strain_radius:.2g}",
            "scale": f"the reversible work of a loop is {1e3 * result.unit:.3g} meV",
            "confirmed": confirmed,
            "quantities": {
                "worst_loop_work": worst.work,
                "loop_works": [t.work for t in tours],
                "strain_radius": worst.loop.strain_radius,
                "displacement_radius_A": worst.loop.radius,
                "stress_noise_eV_per_A3": noise,
            },
            "configurations": worst.configurations,
            "frame_forces": worst.forces,
        },
    )


class _Walker:
    """Makes the loops and walks around them."""

    def __init__(
        self,
        meter: Meter,
        start: Configurations,
        resolution: Resolution,
        stress_noise: float,
        rng: np.random.Generator,
    ) -> None:
        self.meter, self.start, self.resolution = meter, start, resolution
        self.stress_noise, self.rng = stress_noise, rng
        self.volume = float(start.volumes()[0])

    def loops(self, count: int, target: float) -> list[StrainLoop]:
        """Random loops whose strain and displacement store about the same energy."""
        # Noise of W over V modulus strain^2 is stress_noise/(modulus strain sqrt(points)).
        needed = self.stress_noise / (_MODULUS * math.sqrt(_POINTS) * target / 15)
        smallest = _AMPLITUDES[0] * min(1.0, target / default_tolerance("strain_loop_work")) ** 0.25
        strain = float(np.clip(needed, smallest, _AMPLITUDES[1]))
        stiffness = max(self.resolution.stiffness, 1e-3)
        radius = strain * math.sqrt(self.volume * _MODULUS / stiffness)
        made = []
        for _ in range(count):
            first, second = commuting_strains(self.rng, 2)
            direction = orthonormal_directions(self.start.n_coordinates, 1, self.rng)
            phase = float(self.rng.uniform(0, 2 * np.pi))
            made.append(StrainLoop(first, second, direction.reshape(-1, 3), strain, radius, phase))
        return made

    def tour(self, loop: StrainLoop) -> _Tour:
        """Forces and stresses around a loop, and the integrand of its work."""
        configurations, tangents, gradients = loop.path(self.start, _POINTS)
        answer = visit(
            self.meter,
            configurations,
            want=frozenset({"forces", "stress"}),
            rng=self.rng,
            fresh=self.resolution.needs_fresh,
        )
        forces = answer.require_forces()
        volumes = configurations.volumes()
        mechanical = np.einsum("tia,tia->t", forces, tangents)
        elastic = volumes * np.einsum("tij,tij->t", answer.require_stress(), gradients)
        scatter = math.hypot(
            self.resolution.force_noise * float(np.linalg.norm(tangents)),
            self.stress_noise * float(np.linalg.norm(volumes[:, None, None] * gradients)),
        )
        noise = 2 * np.pi / _POINTS * scatter
        return _Tour(loop, configurations, mechanical - elastic, noise, forces)


class _Judged:
    """rms work over the reversible work, with its errors."""

    def __init__(self, tours: list[_Tour], dof: float, truncation: float = 0.0) -> None:
        count = len(tours)
        works = np.array([t.work for t in tours])
        self.unit = float(np.sqrt(np.mean([t.swing**2 for t in tours]))) or math.inf
        rms = float(np.sqrt(np.mean(works**2))) / self.unit
        cut = max(truncation, aliasing(spectrum(np.array([t.integrand for t in tours]))))
        cut /= self.unit
        rounding = float(np.sqrt(np.mean([t.noise**2 for t in tours]))) / self.unit
        self.error = error = math.hypot(cut, rounding)
        self.value = math.sqrt(max(rms**2 - error**2, 0.0))
        self.components = {
            "truncation": cut / math.sqrt(count),
            "rounding": rounding / math.sqrt(count),
            "sampling": self.value * math.sqrt(5 / count) / 2,
        }
        self.detection_limit = error * noise_rms_quantile(count, dof)
        low = max(0.0, rms - self.detection_limit) / plane_rms_quantile(count, 1 - FALSE_FAIL / 2)
        high = max(rms / plane_rms_quantile(count, FALSE_PASS), error)
        self.interval = (low, high)


assert_strain_loop_work = derive_assert(measure_strain_loop_work)
