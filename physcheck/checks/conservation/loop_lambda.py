"""The relative antisymmetry lambda from works around a few loops in random planes.

Loops of positions and loops of strain share the errors and the rule of confirmation.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from physcheck.checks.conservation.estimate import Estimate
from physcheck.checks.conservation.subject import Subject
from physcheck.checks.conservation.walked_loops import WalkedLoop, stiffness_squared, walk_loops
from physcheck.numerics.detection import SampledRms
from physcheck.numerics.quantiles import plane_rms_quantile, plane_rms_spread
from physcheck.numerics.resampling import jackknife_sd
from physcheck.system import Floats

__all__ = [
    "LoopLambda",
    "confirm_loop_lambda",
    "estimate_loop_lambda",
    "estimate_works",
    "work_is_confirmed",
    "work_per_lambda",
]

# A work is confirmed if it changes by less than this share of itself ...
_STEADY = 0.5
# ... or by less than so many standard deviations of its noise.
_NOISE_SDS = 4
# Keeps the logarithm of a stiffness of zero finite.
_TINY = 1e-300


def estimate_works(
    works: Floats,
    unit: float,
    *,
    tolerance: float,
    rounding: float,
    truncation: float,
    dof: float,
    unit_spread: float = 0.0,
) -> Estimate:
    """rms work over its unit, with its errors, from loops in random planes.

    Parameters
    ----------
    works : (L,) float, eV
    unit : float, eV
        The rms work that a lambda of 1 stands for.
    tolerance : float
        In that unit, for the detection limit.
    rounding, truncation : float
        rms errors of a work, in that unit.
    dof : float
        Degrees of freedom behind the errors.
    unit_spread : float
        Relative standard deviation of ``unit``.
    """
    count = len(works)
    rms = float(np.sqrt(np.mean(works**2))) / unit
    error = math.hypot(rounding, truncation)
    # Errors add to the mean square whatever their sign.
    value = math.sqrt(max(rms**2 - error**2, 0.0))
    sampling = value * plane_rms_spread(count)
    components = {
        "truncation": truncation / math.sqrt(count),
        "rounding": rounding / math.sqrt(count),
        "sampling": math.hypot(sampling, value * unit_spread) if value > 0 else 0.0,
    }
    # The worst shape of defect (rank 2), and a unit that came out small.
    found = SampledRms(
        rms=rms,
        error=error,
        dof=dof,
        count=count,
        strays=plane_rms_quantile,
        size_spread=unit_spread,
    )
    return Estimate(
        value=value,
        uncertainty=math.sqrt(sum(c**2 for c in components.values())),
        components=components,
        interval=found.interval(),
        detection_limit=found.limit(tolerance),
        noise_floor=found.noise_floor(),
        work_needed=found.work_needed(tolerance),
    )


def work_is_confirmed(first: float, again: float, noise: float) -> bool:
    """Whether the work around the same loop, begun half a spacing on, is the same but for noise.

    Points halfway between the first ones meet the harmonic that those alias with the other sign:
    what was work stays, what was truncation changes sign.  A fresh random phase would repeat it by
    chance.  The estimated truncation excuses no change: it may be what is wrong.
    """
    size = abs(again + first) / 2
    return abs(again - first) <= max(_STEADY * size, _NOISE_SDS * noise)


@dataclass(frozen=True, slots=True, eq=False)
class LoopLambda:
    """lambda_loop of circles, with what it was made of.

    Attributes
    ----------
    walked : sequence of WalkedLoop
    truncation : (L,) float, eV
        One standard deviation of each work's truncation error.
    unit : float, eV
        The rms work that a lambda of 1 stands for.
    tolerance : float
    estimate : Estimate
    """

    walked: Sequence[WalkedLoop]
    truncation: Floats
    unit: float
    tolerance: float
    estimate: Estimate

    @property
    def worst(self) -> WalkedLoop:
        """The loop with the largest work."""
        return self.walked[int(np.argmax([abs(loop.work) for loop in self.walked]))]


def work_per_lambda(walked: Sequence[WalkedLoop], dimension: int) -> float:
    """The rms work, eV, of such circles at a lambda of 1; infinite where the forces don't respond.

    W_rms = 2 pi a^2 |A|_F/sqrt(n(n-1)), with |A|_F = lambda |J|_F and |J|_F^2 = n stiffness^2.
    """
    stiffness = math.sqrt(stiffness_squared(walked))
    radius = walked[0].circle.radius
    return 2 * np.pi * radius**2 * stiffness / math.sqrt(dimension - 1) or math.inf


def estimate_loop_lambda(
    subject: Subject, walked: Sequence[WalkedLoop], truncation: Floats, tolerance: float
) -> LoopLambda:
    """lambda_loop of circles of one radius; ``truncation`` (L,) is that of each work, eV.

    ``tolerance`` is that of lambda, for the detection limit.
    """
    resolution = subject.resolution
    unit = work_per_lambda(walked, subject.n_coordinates)
    noises = np.array([loop.noise(resolution.force_noise) for loop in walked])
    # The unit is proportional to the root of the mean stiffness, whose logarithm is steadier.
    logs = np.log([max(loop.stiffness_squared(), _TINY) for loop in walked]) / 2
    estimate = estimate_works(
        np.array([loop.work for loop in walked]),
        unit,
        tolerance=tolerance,
        rounding=float(np.sqrt(np.mean(noises**2))) / unit,
        truncation=float(np.sqrt(np.mean(truncation**2))) / unit,
        dof=resolution.dof,
        unit_spread=jackknife_sd(lambda kept: float(np.mean(logs[kept])), len(walked)),
    )
    return LoopLambda(walked, truncation, unit, tolerance, estimate)


def confirm_loop_lambda(
    subject: Subject, found: LoopLambda, loop: WalkedLoop, n_points: int
) -> tuple[LoopLambda, WalkedLoop, bool]:
    """One loop again, at ``n_points`` points halfway between the first: what that says of lambda.

    Returns
    -------
    found : LoopLambda
        With the change as truncation, where it doesn't confirm the work.
    again : WalkedLoop
    confirmed : bool

    Cost: ``n_points`` evaluations.
    """
    shifted = loop.circle.rephased(loop.circle.phase + np.pi / n_points)
    again = walk_loops(subject, [shifted], n_points)[0]
    if work_is_confirmed(loop.work, again.work, again.noise(subject.resolution.force_noise)):
        return found, again, True
    # One wrong truncation says that the rule failed here: it counts for every loop.
    truncation = np.maximum(found.truncation, abs(again.work - loop.work))
    return estimate_loop_lambda(subject, found.walked, truncation, found.tolerance), again, False
