"""The figures of docs/search.md: ``make figures`` writes the SVG files beside this script.

Searches as a run makes them, on Lennard-Jones with a force on oxygen that is no gradient, and with
one below a distance.
"""

from __future__ import annotations

import sys
from importlib import import_module

import matplotlib.pyplot as plt
import numpy as np
from figure_style import HERE, in_style, save

from physcheck.checks import all_checks
from physcheck.model import Meter
from physcheck.potentials import make_builtin
from physcheck.registry import tolerance_of
from physcheck.search.asking import Asked, Noise
from physcheck.search.case import Case
from physcheck.search.domain_map import domain_map
from physcheck.search.energy_gap_law import ForceEnergyGap
from physcheck.search.laws import SEARCH_LAWS
from physcheck.search.search_one_law import search
from physcheck.search.structures_drawn import pool_of
from physcheck.structures import catalogue

CHECK, MODEL = "force_energy_gap", "lennard-jones+species-direct=1e-2:8"
# Violations below this are drawn at the lower edge, in tolerances.
LOWEST = 1e-3


def cases_of_a_search() -> tuple[list[tuple[int, float]], tuple[int, float], tuple[int, float]]:
    """Atoms and violation over tolerance of each case, of the worst and of the smallest."""
    law = SEARCH_LAWS[CHECK]
    assert isinstance(law, ForceEnergyGap)
    tolerance = tolerance_of(CHECK, "md").value
    seen: list[tuple[int, float]] = []
    ask = law.ask

    def watched(meter: Meter, case: Case, noise: Noise) -> Asked:
        asked = ask(meter, case, noise)
        seen.append((case.start.n_atoms, asked.value / tolerance))
        return asked

    law.ask = watched  # type: ignore[method-assign]
    seeds = [catalogue()[name].configurations for name in ("ethanol", "H2O", "C6H6")]
    result = search(
        law,
        Meter(make_builtin(MODEL)),
        pool_of(seeds, {1, 6, 8}, "partial"),
        allotment=1_000,
        tolerance=tolerance,
        rng=np.random.default_rng(1),
    )
    assert result.failing is not None
    assert result.smallest is not None
    marked = [
        (case.start.n_atoms, asked.value / tolerance)
        for case, asked in (result.failing, result.smallest)
    ]
    return seen, marked[0], marked[1]


def violation_against_atoms() -> None:
    """What was asked, what was worst, and what it was made of."""
    seen, worst, smallest = cases_of_a_search()
    figure, axes = plt.subplots(figsize=(6.4, 3.6))
    atoms = np.array([n for n, _ in seen])
    values = np.maximum([value for _, value in seen], LOWEST)
    spread = 0.12 * np.random.default_rng(0).uniform(-1, 1, len(atoms))
    axes.semilogy(atoms + spread, values, "o", ms=4, alpha=0.5, color="C0", label="cases asked")
    axes.axhline(1.0, color="0.4", lw=1, ls="--")
    axes.text(axes.get_xlim()[1], 1.15, "tolerance", ha="right", color="0.4")
    axes.semilogy(*worst, "s", ms=9, color="C3", label=f"worst: {worst[0]} atoms")
    axes.semilogy(*smallest, "D", ms=9, color="C2", label=f"smallest: {smallest[0]} atoms")
    axes.axhspan(worst[1] / 2, worst[1], color="C3", alpha=0.1, lw=0)
    axes.set_xlabel("atoms")
    axes.set_ylabel("violation over tolerance")
    axes.legend(loc="lower right")
    save(figure, "search-shrinking")


def violation_against_distance() -> None:
    """The groups of a domain map."""
    sys.path.insert(0, str(HERE.parents[1] / "tests"))
    model = import_module("support.search_faults").TooClose()
    start = catalogue()["Si8"].configurations
    pool = pool_of([start], {14}, "partial")
    pool = type(pool)(pool.species, pool.seeds, (0.81, 1.39), pool.pbcs)
    tolerance = tolerance_of(CHECK, "md").value
    result = search(
        SEARCH_LAWS[CHECK], Meter(model), pool, allotment=900, tolerance=tolerance,
        rng=np.random.default_rng(0),
    )  # fmt: skip
    found = domain_map(result.cases, pool.seeds, tolerance)["closest_contact"]
    figure, axes = plt.subplots(figsize=(6.4, 3.2))
    for first, last, size in found["groups"]:
        color = "C0" if size <= tolerance else "C3"
        axes.semilogy([first, last], [max(size / tolerance, LOWEST)] * 2, color=color, lw=3)
    axes.axhline(1.0, color="0.4", lw=1, ls="--")
    axes.axvline(found["fails_from"], color="C3", lw=1, ls=":")
    axes.set_xlabel("closest pair, in sums of covalent radii (gentle on the left)")
    axes.set_ylabel("violation over tolerance")
    axes.invert_xaxis()
    save(figure, "search-domain")


if __name__ == "__main__":
    all_checks()
    with in_style():
        violation_against_atoms()
        violation_against_distance()
