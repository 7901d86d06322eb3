"""Where a law begins to fail: by the closest pair, the strain and the temperature of the cases.

Of the cases that exploring asked anyway, each once: a map of what was looked at, no verdict.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from ase.geometry import complete_cell
from ase.units import kB

from physcheck.probes.random_structures import closest_contact
from physcheck.search.asking import Asked
from physcheck.search.case import Case
from physcheck.system import Configurations, Floats
from physcheck.text.phrases import count

__all__ = ["AXES", "domain_map", "said_of_domain"]

#: What cases are laid out by, from gentle to severe: what it is and its unit.
AXES: dict[str, tuple[str, str]] = {
    "closest_contact": ("closest pair, in sums of covalent radii", ""),
    "strain": ("strain of the cell", ""),
    "temperature_K": ("temperature of the displacement", "K"),
}
# Fewer cases say nothing of where something begins.
_FEWEST = 6
# Groups of equally many cases, at most, that an axis is divided into.
_GROUPS = 10
# An axis tells which cases fail where so many of those beyond the first that fails do.
_TELLING = 0.5


def domain_map(
    cases: Sequence[tuple[Case, Asked]], seeds: Sequence[Configurations], tolerance: float
) -> dict[str, dict[str, Any]]:
    """Of each axis: what was looked at, and from where on cases are above the tolerance.

    - ``closest_contact``: min over pairs and images of d_ij / (R_i + R_j); severe is small.
    - ``strain``: the largest |eigenvalue| of (Fᵀ F - 1)/2, with F the deformation of the cell of
      one of the run's own structures.
    - ``temperature_K``: 2 (E - E_low) / (3 N k_B), the temperature at which a harmonic solid has
      this energy on average; E_low is the lowest energy among the cases of the same structure.
      Where these are few it is a lower bound.

    Costs no evaluations.  The temperature needs energies, it and the strain cases of the run's own
    structures.

    Parameters
    ----------
    cases : sequence of (Case, Asked)
    seeds : sequence of Configurations, B = 1
        The run's own structures; cases made from one share its system.
    tolerance : float
        In the unit of the law's check.

    Returns
    -------
    mapping of axis to mapping
        ``cases``; ``gentlest`` and ``severest`` place; ``fails_from``, the gentlest place of a case
        above the tolerance, and ``fail_beyond``, the share of the cases from there on that are
        above it, both None where none is; ``groups`` of [from, to, largest violation].  Axes with
        fewer than six cases are left out.
    """
    places = _places(cases, seeds)
    found = {}
    for axis in AXES:
        sign = -1.0 if axis == "closest_contact" else 1.0
        points = [
            (sign * place[axis], asked.suspicion)
            for place, (_, asked) in zip(places, cases)
            if np.isfinite(place.get(axis, np.nan))
        ]
        if len(points) >= _FEWEST:
            found[axis] = _along(np.array(sorted(points)), sign, tolerance)
    return found


def said_of_domain(found: dict[str, dict[str, Any]]) -> str:
    """A sentence about the axis that tells best which cases fail; empty where none does."""
    failing = [axis for axis in found if found[axis]["fails_from"] is not None]
    if not failing:
        return ""
    # An axis on which the gentlest case fails already tells nothing.
    telling = [axis for axis in failing if found[axis]["fails_from"] != found[axis]["gentlest"]]
    best = max(telling, key=lambda axis: float(found[axis]["fail_beyond"]), default=None)
    if best is None or found[best]["fail_beyond"] < _TELLING:
        return "it begins to fail at no closest pair, strain or temperature in particular"
    one = found[best]
    name, unit = AXES[best]
    share = f"{100 * one['fail_beyond']:.0f} % of the cases from there on fail"
    place = f"{one['fails_from']:.3g} {unit}".strip()
    return f"begins to fail at {name}: {place} ({share}; {count(one['cases'], 'case')} looked at)"


def _places(
    cases: Sequence[tuple[Case, Asked]], seeds: Sequence[Configurations]
) -> list[dict[str, float]]:
    """Where each case lies on the axes on which that can be said."""
    owners = [_seed_of(case, seeds) for case, _ in cases]
    lowest: dict[int, float] = {}
    for (_, asked), owner in zip(cases, owners):
        if owner is not None and asked.energy is not None:
            lowest[owner] = min(asked.energy, lowest.get(owner, np.inf))
    found = []
    for (case, asked), owner in zip(cases, owners):
        place = {"closest_contact": closest_contact(case.start)}
        if owner is not None and case.start.system.is_periodic:
            place["strain"] = _strain(case.start, seeds[owner])
        if owner is not None and asked.energy is not None:
            above = asked.energy - lowest[owner]
            place["temperature_K"] = 2 * above / (3 * case.start.n_atoms * kB)
        found.append(place)
    return found


def _seed_of(case: Case, seeds: Sequence[Configurations]) -> int | None:
    for k, seed in enumerate(seeds):
        if case.start.system is seed.system:
            return k
    return None


def _strain(start: Configurations, seed: Configurations) -> float:
    old, new = (np.asarray(complete_cell(one.cells[0])) for one in (seed, start))
    if np.linalg.det(old) * np.linalg.det(new) < 0:
        # Made left-handed by its third vector.
        new[2] *= -1
    change = np.linalg.solve(old, new)
    green = (change @ change.T - np.eye(3)) / 2
    return float(np.abs(np.linalg.eigvalsh(green)).max())


def _along(points: Floats, sign: float, tolerance: float) -> dict[str, Any]:
    """Of points (place, violation), sorted from gentle to severe, places times ``sign``."""
    places, violations = points.T
    # A number that isn't finite is above any tolerance.
    failing = ~(violations <= tolerance)
    begins = beyond = None
    if failing.any():
        first = int(np.argmax(failing))
        begins, beyond = sign * float(places[first]), float(failing[first:].mean())
    groups = np.array_split(np.arange(len(places)), min(_GROUPS, len(places)))
    return {
        "cases": len(places),
        "gentlest": sign * float(places[0]),
        "severest": sign * float(places[-1]),
        "fails_from": begins,
        "fail_beyond": beyond,
        "groups": [
            [sign * float(places[g[0]]), sign * float(places[g[-1]]), float(violations[g].max())]
            for g in groups
        ],
    }
