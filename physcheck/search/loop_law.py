"""The work around one small circle of a case."""

from __future__ import annotations

import math
from typing import ClassVar, final

import numpy as np

from physcheck.checks.conservation.loop_lambda import work_is_confirmed, work_per_lambda
from physcheck.checks.conservation.subject import Subject
from physcheck.checks.conservation.walked_loops import WalkedLoop, walk_loops
from physcheck.measurement import Measurement
from physcheck.model import Meter
from physcheck.numerics.quadrature import aliasing, spectrum
from physcheck.numerics.quantiles import FALSE_FAIL, FALSE_PASS, student_quantile
from physcheck.probes.loops import Circle
from physcheck.resolution import RESOLUTION_EVALUATIONS
from physcheck.search.asking import Asked, Noise, energy_of, sane_answer
from physcheck.search.case import Case
from physcheck.search.energy_gap_law import moved_atoms
from physcheck.search.law import SearchLaw
from physcheck.search.tape import Tape
from physcheck.system import Configurations

__all__ = ["LoopWork"]

_MEV = 1e3
# Radius of a circle, Å a moved coordinate (rms).
_RADII = (0.004, 0.02)
# Points of an asking, and of each of the two walks of a judgement.
_COARSE, _FINE = 8, 16


@final
class LoopWork(SearchLaw):
    """Forces do no work around the circle ``circle``: u and v (2, N, 3), Å, of one length.

    lambda is as that of the check ``loop_work``, for the coordinates that move.
    """

    check: ClassVar[str] = "loop_work"
    least_atoms: ClassVar[int] = 2
    asking: ClassVar[int] = _COARSE
    judging: ClassVar[int] = RESOLUTION_EVALUATIONS + 2 * _FINE

    def acted(self, tape: Tape, start: Configurations, made_from: str) -> Case:
        """A circle of one atom, two or all, in a random plane."""
        ways, count = moved_atoms(tape, start, 2)
        radius = tape.between(*_RADII) * math.sqrt(3 * count)
        frame, _ = np.linalg.qr(ways.reshape(-1, 2))
        circle = radius * frame.T.reshape(2, start.n_atoms, 3)
        return Case(self.check, start, {"circle": circle.tolist()}, made_from)

    def ask(self, meter: Meter, case: Case, noise: Noise) -> Asked:
        """|lambda| from eight points."""
        circle = _circle(case)
        positions, tangents = circle.path(case.start.positions[0], _COARSE)
        answer = sane_answer(meter, case.start.at(positions))
        walked = WalkedLoop(circle, positions, tangents, answer.require_forces())
        unit = work_per_lambda([walked], _coordinates(case))
        # The highest harmonic that eight points tell stands far above the one that they alias.
        doubt = float(spectrum(walked.integrand).magnitudes[-1]) + walked.noise(noise.forces)
        return Asked(abs(walked.work) / unit, doubt / unit, energy=energy_of(answer))

    def judge(
        self, meter: Meter, case: Case, rng: np.random.Generator, tolerance: float
    ) -> Measurement:
        """Two walks of sixteen points, the second halfway between the first: both must agree."""
        own = Meter(meter)
        subject = Subject.of(own, case.start, rng, None)
        circle = _circle(case)
        (first,) = walk_loops(subject, [circle], _FINE)
        (again,) = walk_loops(subject, [circle.rephased(np.pi / _FINE)], _FINE)
        unit = work_per_lambda([first, again], _coordinates(case))
        noise = first.noise(subject.resolution.force_noise) / math.sqrt(2)
        work = (first.work + again.work) / 2
        truncation = max(
            abs(first.work - again.work) / 2,
            aliasing(
                spectrum(np.array([first.integrand, again.integrand])),
                first.noise(subject.resolution.force_noise),
            ),
        )
        error = math.hypot(noise, truncation)
        quantile = student_quantile(FALSE_FAIL / 4, subject.resolution.dof)
        confirmed = work_is_confirmed(first.work, again.work, noise)
        low = max(0.0, abs(work) - quantile * error) / unit if confirmed else 0.0
        high = abs(work) + student_quantile(FALSE_PASS, subject.resolution.dof) * error
        return Measurement(
            value=abs(work) / unit,
            uncertainty=error / unit,
            uncertainty_components={"rounding": noise / unit, "truncation": truncation / unit},
            interval=(low, high / unit),
            detection_limit=quantile * error / unit,
            force_evaluations=own.evaluations,
            nothing_tested=subject.resolution.rigid_reason,
            evidence={
                "place": f"{_MEV * work:.3g} meV per cycle",
                "quantities": {"work_eV": work, "tolerance_per_lambda": unit},
            },
        )

    def described(self, case: Case) -> str:
        """Which atoms go round."""
        circle = case.numbers_of("circle")
        which = np.flatnonzero(circle.any(axis=(0, 2)))
        names = ", ".join(f"{k} ({case.start.system.symbols[k]})" for k in which[:4])
        more = f" and {len(which) - 4} more" if len(which) > 4 else ""
        return f"atom {names}{more} on a circle of {np.linalg.norm(circle[0]):.2g} Å"


def _coordinates(case: Case) -> int:
    """How many coordinates move: those of the atoms that do."""
    return 3 * int(case.numbers_of("circle").any(axis=(0, 2)).sum())


def _circle(case: Case) -> Circle:
    u, v = case.numbers_of("circle")
    radius = float(np.linalg.norm(u))
    return Circle(u / radius, v / float(np.linalg.norm(v)), radius, 0.0, "circle")
