"""The circle in the plane of the largest antisymmetric pair: what a fault does, in eV per cycle."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from physcheck.checks.conservation.fault_location import Place
from physcheck.checks.conservation.subject import Subject
from physcheck.checks.conservation.walked_loops import walk_loops
from physcheck.numerics.quadrature import aliasing, spectrum
from physcheck.probes.loops import Circle

__all__ = ["LOOP_POINTS", "worst_loop_evidence"]

#: What :func:`worst_loop_evidence` costs: the points of the circle.
LOOP_POINTS = 16
# Radius of the circle in 3N space, Å: a thermal displacement of one coordinate.
_RADIUS = 0.05


def worst_loop_evidence(subject: Subject, place: Place) -> dict[str, Any]:
    """The entries of the evidence that name a place and the work in its plane.

    Cost: 16 evaluations.
    """
    u, v = place.plane
    phase = float(subject.rng.uniform(0, 2 * np.pi))
    circle = Circle(u, v, _RADIUS, phase, "circle in the worst plane")
    walked = walk_loops(subject, [circle], LOOP_POINTS)[0]
    size = float(np.linalg.norm(walked.tangents))
    noise = subject.resolution.force_noise * size * 2 * np.pi / LOOP_POINTS
    return {
        "place": f"{place.sentence(subject.start)}; a circle of {_RADIUS} Å in its worst plane "
        f"does {1e3 * walked.work:.3g} meV per cycle",
        "worst_loop": {
            "work_eV": walked.work,
            "uncertainty_eV": math.hypot(noise, aliasing(spectrum(walked.integrand), noise)),
            "radius": _RADIUS,
            "phase": circle.phase,
            "u": u,
            "v": v,
            "center": subject.start.positions[0],
            "atoms": place.atoms,
            "share": place.share,
        },
        "configurations": subject.start.at(walked.positions),
    }
