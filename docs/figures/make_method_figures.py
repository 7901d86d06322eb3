"""The figures of docs/method.md: ``make figures`` writes the SVG files beside this script.

Every curve is measured on a built-in potential, with the functions that the checks use.
"""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
from ase.build import bulk, molecule
from figure_style import in_style, save

import physcheck
from physcheck.model import Meter
from physcheck.numerics.quadrature import aliasing, spectrum
from physcheck.potentials import make_builtin
from physcheck.probes.loops import Circle, collective_circles

POINTS = (4, 8, 16, 32, 64, 128)
# A reference for the error of the integral: far beyond where smooth surfaces have converged.
REFERENCE_POINTS = 1024
MEV = 1e3
TOLERANCE = 3e-5


def rattled(atoms: object, seed: int = 1) -> physcheck.Configurations:
    """A structure with each coordinate moved by 0.05 Å (rms)."""
    start = physcheck.as_configurations(atoms)
    noise = 0.05 * np.random.default_rng(seed).standard_normal(start.positions.shape)
    return start.at(start.positions + noise)


def integrand(
    meter: Meter, start: physcheck.Configurations, circle: Circle, n_points: int
) -> np.ndarray:
    """F.dx/dt along a circle, eV/rad."""
    positions, tangents = circle.path(start.positions[0], n_points)
    forces = meter.evaluate(start.at(positions)).require_forces()
    return np.einsum("tia,tia->t", forces, tangents)


def work(values: np.ndarray) -> float:
    """The periodic trapezoid, meV."""
    return float(MEV * 2 * np.pi * values.mean())


def loop_error_against_points() -> None:
    """How fast the work around a loop converges, on a smooth surface and on one with kinks."""
    figure, axes = plt.subplots(figsize=(6.4, 4.0))
    cases = (
        ("smooth surface (Gupta copper)", "gupta", bulk("Cu", cubic=True), "C0", "o"),
        (
            "surface with jumps (hard cutoff)",
            "gupta+hard-cutoff=0.01",
            bulk("Cu", cubic=True),
            "C1",
            "s",
        ),
    )
    for label, name, atoms, colour, marker in cases:
        start = rattled(atoms)
        meter = Meter(make_builtin(name))
        circles = collective_circles(start.n_atoms, 8, 0.03, np.random.default_rng(3))
        errors, estimates = [], []
        truth = [work(integrand(meter, start, c, REFERENCE_POINTS)) for c in circles]
        for n in POINTS:
            found = [integrand(meter, start, c, n) for c in circles]
            deviations = [work(f) - t for f, t in zip(found, truth, strict=True)]
            errors.append(np.sqrt(np.mean(np.square(deviations))))
            estimates.append(MEV * aliasing(spectrum(np.array(found))) if n >= 16 else np.nan)
        axes.loglog(POINTS, errors, marker=marker, color=colour, label=label)
        axes.loglog(
            POINTS, estimates, "--", color=colour, label="   its estimate from the spectrum"
        )
    axes.set_xticks(POINTS, [str(n) for n in POINTS])
    axes.minorticks_off()
    axes.set_xlabel("points on the loop (one evaluation each)")
    axes.set_ylabel("error of the work, rms over 8 loops (meV)")
    axes.set_ylim(1e-13, None)
    axes.legend()
    save(figure, "loop-error")


def intervals_and_verdicts() -> None:
    """Four records of loop_work: the interval decides, not the value."""
    cases = (
        ("conservative, float64", "morse"),
        ("curl 1e-5 eV/Å², float64", "morse+curl=1e-5"),
        ("curl 3e-4 eV/Å², float64", "morse+curl=3e-4"),
        ("curl 1e-2 eV/Å², float64", "morse+curl=1e-2"),
        ("conservative, float32", "morse+float32"),
    )
    colours = {"pass": "C2", "fail": "C3", "inconclusive": "C1"}
    figure, axes = plt.subplots(figsize=(7.2, 3.2))
    start = rattled(molecule("CH3CH2OH"))
    smallest = 1e-10
    for row, (_, name) in enumerate(reversed(cases)):
        found = physcheck.measure_loop_work(make_builtin(name), start, rng=np.random.default_rng(0))
        spec_tolerance = physcheck.Tolerance(TOLERANCE, "", "", "")
        verdict = physcheck.judge(found, spec_tolerance).outcome.value
        low, high = (max(bound, smallest) for bound in found.interval)
        axes.plot([low, high], [row, row], color=colours[verdict], lw=6, solid_capstyle="butt")
        axes.plot(max(found.value, smallest), row, "k|", ms=14)
        axes.annotate(
            verdict.upper(), (high, row), (6, -4), textcoords="offset points",
            color=colours[verdict],
        )  # fmt: skip
    axes.axvline(TOLERANCE, color="k", ls=":", lw=1)
    axes.text(TOLERANCE * 1.1, len(cases) - 0.45, "tolerance (md)", va="bottom")
    axes.set_xscale("log")
    axes.set_xlim(smallest, 1)
    axes.set_ylim(-0.6, len(cases) - 0.4)
    axes.set_yticks(range(len(cases)), [label for label, _ in reversed(cases)])
    axes.set_xlabel("lambda_loop: interval (bar) and value (line)")
    save(figure, "interval-and-tolerance")


def how_a_fail_is_confirmed() -> None:
    """Work that is real doesn't depend on where the points lie; truncation changes its sign."""
    figure, axes = plt.subplots(figsize=(6.4, 3.6))
    shifts = np.linspace(0, 1, 33)
    spacing = 2 * np.pi / 16
    cases = (
        ("a curl in the forces: real work", "morse+curl=0.5", molecule("CH3CH2OH"), "C3"),
        ("a hard cutoff: truncation", "gupta+hard-cutoff=0.01", bulk("Cu", cubic=True), "C0"),
    )
    for label, name, atoms, colour in cases:
        start = rattled(atoms, seed=4)
        meter = Meter(make_builtin(name))
        circle = collective_circles(start.n_atoms, 1, 0.03, np.random.default_rng(5))[0]
        works = [
            work(integrand(meter, start, circle.rephased(circle.phase + s * spacing), 16))
            for s in shifts
        ]
        axes.plot(shifts, works, color=colour, label=label)
        axes.plot([0, 0.5], [works[0], works[16]], "o", color=colour)
    axes.axhline(0, color="k", lw=0.8)
    axes.set_xlabel("shift of the 16 points, in spacings (the check compares 0 and 1/2)")
    axes.set_ylabel("work around the loop (meV)")
    axes.legend()
    save(figure, "confirmation")


def main() -> None:
    """Make all figures."""
    with in_style():
        loop_error_against_points()
        intervals_and_verdicts()
        how_a_fail_is_confirmed()


if __name__ == "__main__":
    main()
