"""Cumulative work along a physical loop: a molecule turned and deformed in the frozen rest."""

from __future__ import annotations

import math

import numpy as np

from physcheck.checks.conservation.subject import Subject
from physcheck.checks.conservation.walked_loops import WalkedLoop, walk_loops
from physcheck.numerics.quadrature import aliasing, running_integral, spectrum
from physcheck.paper.experiment import Experiment, apart
from physcheck.paper.results import Agreement, Curve, Findings, NotRun, Plot, Row
from physcheck.paper.setting import Setting
from physcheck.probes.loops import molecule_turned_and_deformed

__all__ = ["EXPERIMENT"]

_PAPER = "EquiformerV2 -241, PET-NC 132, ORB 15, SOAP-NC -410"


def _run(setting: Setting) -> Findings:
    rows: list[Row] = []
    curves = []
    for who, meter in setting.both:
        subject = Subject.of(meter, setting.equilibrated.places[0], setting.rng("loop"), None)
        loops = [
            molecule_turned_and_deformed(subject.start, setting.rng(f"loop {i}"))
            for i in range(setting.scale.loops)
        ]
        made = [loop for loop in loops if loop is not None]
        if not made:
            raise NotRun("the structure has no molecule")
        walked = walk_loops(subject, made, setting.scale.loop_points)
        noise = subject.resolution.force_noise
        rows += _rows(who, walked, noise)
        x = np.linspace(0, 360, setting.scale.loop_points + 1)
        curves.append(
            Curve(label=who, x=list(x), y=list(1e3 * running_integral(walked[0].integrand)))
        )
    said, agreement = _direction(rows, setting.reference is not None)
    return Findings(
        rows=rows,
        said=said,
        agreement=agreement,
        plots=[
            Plot(
                caption="Work of the forces so far along the first loop, which ends where it "
                "began. With a potential it comes back to zero.",
                x="turned by (degrees)",
                y="work so far (meV)",
                curves=curves,
                level=0.0,
                level_label="back at zero",
            )
        ],
    )


def _rows(who: str, walked: list[WalkedLoop], force_noise: float) -> list[Row]:
    works = 1e3 * np.array([loop.work for loop in walked])
    errors = [
        1e3 * math.hypot(loop.noise(force_noise), aliasing(spectrum(loop.integrand)))
        for loop in walked
    ]
    rms = math.sqrt(float(np.mean(works**2)))
    # Works of independent loops: the relative error of an rms of n normal values is 1/sqrt(2n).
    spread = rms / math.sqrt(2 * len(works))
    return [
        Row(
            quantity="work around the first loop",
            of=who,
            value=float(works[0]),
            error=errors[0],
            unit="meV",
            paper=_PAPER if who == "model" else "conservative: 0",
            note=walked[0].loop.label,
        ),
        Row(
            quantity="rms work of all loops",
            of=who,
            value=rms,
            error=max(spread, max(errors)),
            unit="meV",
            note=f"{len(works)} loops; its error is that of so few",
        ),
    ]


def _direction(rows: list[Row], with_reference: bool) -> tuple[str, Agreement]:
    """What is seen of the first loop and of all."""
    works = [row for row in rows if row.of == "model"]
    seen = any(apart(row.value, row.error) != 0 for row in works)
    said = "Forces of the model do work around loops" if seen else "No work of the model is seen"
    agrees = seen
    if with_reference:
        others = [row for row in rows if row.of == "reference"]
        none = apart(others[0].value, others[0].error) == 0
        said += (
            ", those of the reference none that is seen"
            if none
            else f", those of the reference {others[0].value:.2g} meV"
        )
        agrees = agrees and works[1].value > others[1].value
    said = f"{said}. One loop is no ranking: its sign and size are chance."
    return said, "as in the paper" if agrees else "otherwise"


EXPERIMENT = Experiment(
    id="loop",
    title="Work along a physical loop",
    how="One molecule is turned once about its long axis and stretched on the way by up to 8 %, "
    "back to where it was, the rest frozen; the work of the forces adds up.",
    source="Appendix E, Fig. 6",
    paper="About 1,000 points in liquid water, meV a loop: ORB 15, PET-NC 132, EquiformerV2 -241, "
    "SOAP-NC -410, so that one loop ranks the models otherwise than lambda does.",
    differs="The paper's loop isn't published as a path: molecule, axis and strain are random "
    "here. An isolated molecule turns as a whole, so that its work is that of the strain alone.",
    run=_run,
)
