"""The path through a jump as evidence keeps it for a picture."""

from __future__ import annotations

from typing import Any

import numpy as np

from physcheck.checks.differences import ENERGY_LENGTH
from physcheck.checks.plotted import short
from physcheck.checks.smoothness.jumps import Bracket
from physcheck.system import Floats

__all__ = ["path_series", "series_about"]


def path_series(
    places: Floats, forces: Floats, energies: Floats | None, jump: Floats
) -> dict[str, Any]:
    """What a path through a jump shows: one atom's force along the jump, and the energy.

    Parameters
    ----------
    places : (n,) float, Å
        Along the path, in any order.
    forces : (n, 3) float, eV/Å
        On the atom.
    energies : (n,) float, eV, or None
        Counted from the first.
    jump : (3,) float
        The change of the force.
    """
    order = np.argsort(places, kind="stable")
    size = float(np.linalg.norm(jump)) or 1.0
    series = {
        "distance_A": short(places[order]),
        "force_eV_per_A": short((forces @ (jump / size))[order]),
    }
    if energies is not None:
        series["energy_eV"] = short((energies - energies[order[0]])[order])
    return series


def series_about(
    bracket: Bracket, places: Floats, values: Floats, atom: int, *, has_energy: bool
) -> dict[str, Any]:
    """:func:`path_series` of a line (n,) with its channels' values (n, C, 3), and of its bracket.

    The last channel holds the energy over 1 Å, if there is one.
    """
    step = bracket.right - bracket.left
    near = [bracket.left - step, bracket.left, bracket.right, bracket.right + step]
    inner = [bracket.before, bracket.values_left, bracket.values_right, bracket.after]
    values = np.concatenate([values, np.array(inner)])
    jump = bracket.values_right[atom] - bracket.values_left[atom]
    energies = ENERGY_LENGTH * values[:, -1, 0] if has_energy else None
    return path_series(np.concatenate([places, near]), values[:, atom], energies, jump)
