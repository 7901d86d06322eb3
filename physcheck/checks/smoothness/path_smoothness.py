"""Forces along a smooth path are a smooth function of it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from physcheck.measurement import Measurement
from physcheck.model import Capabilities, Meter, Model
from physcheck.numerics.detection import limit_of_difference
from physcheck.numerics.quantiles import FALSE_FAIL, noise_rms_quantile
from physcheck.probes.loops import Circle, collective_circles
from physcheck.registry import Budget, check, default_tolerance, derive_assert
from physcheck.resolution import Resolution, ensure_resolution, visit
from physcheck.system import Configurations, Floats, as_configurations
from physcheck.tolerances import Tolerances

__all__ = ["assert_path_smoothness", "measure_path_smoothness"]

_POINTS = 24
_AMPLITUDE = 0.02
_OPTIONS: dict[Budget, dict[str, Any]] = {
    "quick": {"loops": 1},
    "standard": {"loops": 4},
    "full": {"loops": 16},
}


def _evaluations(start: Configurations, capabilities: Capabilities, budget: Budget) -> int:
    return int(_OPTIONS[budget]["loops"] * _POINTS)


@check(
    family="smoothness",
    quantity="tail of the forces' spectrum along a loop, relative to the first harmonic",
    unit="",
    needs={"forces"},
    kind="practice",
    title="forces are rough along a smooth path",
    causes="kinks of activation or cutoff functions; jumps at neighbour-list changes; noise",
    advice="use smoother activations and cutoff functions; choose a shorter timestep until then",
    tolerances=Tolerances(
        screening=1e-2,
        md=1e-3,
        tight=1e-4,
        reason="tail of the forces' spectrum over their first harmonic along a circle of "
        "0.02 Å: an analytic potential is below 1e-5, its C2 switch included; "
        "second-derivative kinks of common cutoffs (a change of curvature by a few "
        "per cent) stay below 1e-3, jumps of the forces don't",
        source="a slope that changes by a share q makes harmonics of q/(pi k²); k = 6 to 12",
    ),
    evaluations=_evaluations,
    options=_OPTIONS,
)
def measure_path_smoothness(
    model: Model | Meter,
    start: Any,
    *,
    rng: np.random.Generator,
    resolution: Resolution | None = None,
    tolerance: float | None = None,
    loops: int = 1,
) -> Measurement:
    """Forces along a small closed path have a spectrum that dies out.

    All atoms go round a circle in a random plane of configuration space, 0.02 Å in rms of a
    coordinate, in 24 points. With c_k the Fourier coefficients of the forces (all components
    together) judged is

        rms of |c_k|, 6 <= k < 12, over |c_1|,

    the model's noise taken off; the largest of ``loops`` circles. A potential with all derivatives
    gives 1e-6 and less, a change of slope by a share q some q/200, jumps more.

    Can't see: kinks off the path; roughness below the noise.

    Raises
    ------
    ModelError, NonFiniteOutput

    Cost: 24 evaluations a loop.

    Source: the spectrum's decay says how often a periodic function can be differentiated (Boyd,
    Chebyshev and Fourier Spectral Methods, chapter 2).
    """
    meter, one = Meter(model), as_configurations(start)
    resolution = ensure_resolution(meter, one, resolution, rng)
    circles = collective_circles(one.n_atoms, loops, _AMPLITUDE, rng)
    spectra = [_measure(meter, one, circle, rng, resolution) for circle in circles]
    target = default_tolerance("path_smoothness") if tolerance is None else tolerance
    return _report(meter, one, circles, spectra, target, resolution)


def _measure(
    meter: Meter,
    one: Configurations,
    circle: Circle,
    rng: np.random.Generator,
    resolution: Resolution,
) -> Floats:
    positions, _ = circle.path(one.positions[0], _POINTS)
    answer = visit(
        meter,
        one.at(positions),
        want=frozenset({"forces"}),
        rng=rng,
        fresh=resolution.needs_fresh,
    )
    return _spectrum(answer.require_forces())


def _report(
    meter: Meter,
    one: Configurations,
    circles: Sequence[Circle],
    spectra: Sequence[Floats],
    target: float,
    resolution: Resolution,
) -> Measurement:
    tails = [math.sqrt(float(np.mean(c[_POINTS // 4 : _POINTS // 2] ** 2))) for c in spectra]
    scales = [float(c[1]) for c in spectra]
    shares = [t / s if s > 0 else 0.0 for t, s in zip(tails, scales)]
    worst = int(np.argmax(shares))
    scale = scales[worst] if scales[worst] > 0 else math.inf
    # A Fourier coefficient is a mean over the points, of all components together.
    error = resolution.force_noise * math.sqrt(one.n_coordinates / _POINTS) / scale
    # Noise may be alike in many components: as many are counted as there are harmonics.
    chance = 1 - FALSE_FAIL / (2 * len(circles))
    limit = error * noise_rms_quantile(_POINTS // 4, resolution.dof, chance)
    return Measurement(
        value=math.sqrt(max(shares[worst] ** 2 - error**2, 0.0)),
        uncertainty=error,
        uncertainty_components={"rounding": error},
        interval=(max(0.0, shares[worst] - limit), max(shares) + error),
        detection_limit=limit_of_difference(
            target, allowance=limit, scatter=error, probes=len(circles)
        ),
        noise_floor=limit,
        force_evaluations=meter.evaluations,
        nothing_tested=resolution.rigid_reason,
        evidence={
            "place": f"{circles[worst].label} of {_AMPLITUDE} Å",
            "scale": f"the first harmonic of the forces is {scale:.3g} eV/Å in 3N space",
            "quantities": {"loops": len(circles), "spectrum_eV_per_A": spectra[worst].tolist()},
            "configurations": one,
            "plane": [circles[worst].u, circles[worst].v],
        },
    )


def _spectrum(forces: Floats) -> Floats:
    """(n/2 + 1,) |c_k| of forces (n, N, 3), pooled over components, eV/Å."""
    n = len(forces)
    c = np.fft.rfft(forces.reshape(n, -1), axis=0) / n
    return np.asarray(np.linalg.norm(c, axis=1))


assert_path_smoothness = derive_assert(measure_path_smoothness)
