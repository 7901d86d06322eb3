"""Arrays that evidence keeps for pictures, thinned so that the report of a run stays small."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from physcheck.system import Floats

__all__ = ["MOST_POINTS", "changes_by_atom", "evenly", "line_through", "parity", "short"]

#: A curve of more points looks the same.
MOST_POINTS = 300
# Digits that a picture shows, and one more.
_DIGITS = 6
# Atoms whose changes are kept, the largest first: they colour the picture of a structure.
_MOST_ATOMS = 64


def short(values: Any) -> Floats:
    """The array with six digits of each number: in JSON a third of what all of them take."""
    array = np.asarray(values, dtype=float)
    rounded = [float(f"{value:.{_DIGITS}g}") for value in array.ravel().tolist()]
    return np.array(rounded).reshape(array.shape)


def evenly(count: int, most: int = MOST_POINTS) -> Any:
    """Indices of at most ``most`` of ``count`` places, the first and the last among them."""
    if count <= most:
        return np.arange(count)
    return np.linspace(0, count - 1, most).round().astype(int)


def changes_by_atom(sizes: Floats, symbols: Sequence[str], indices: Any = None) -> dict[str, Any]:
    """How much the force on each atom changes, eV/Å, of the 64 atoms where that is most.

    Parameters
    ----------
    sizes : (n,) float, eV/Å
    symbols : sequence of str
        Of all atoms.
    indices : (n,) int, optional
        Which atoms the sizes belong to; all in their order if left out.
    """
    atoms = np.arange(len(sizes)) if indices is None else np.asarray(indices)
    first = np.argsort(-sizes, kind="stable")[:_MOST_ATOMS]
    return {
        "atoms": [f"{symbols[int(atom)]} {int(atom)}" for atom in atoms[first]],
        "indices": atoms[first],
        "sizes_eV_per_A": short(sizes[first]),
    }


def line_through(places: Sequence[float], energies: Floats, slopes: Floats) -> dict[str, Any]:
    """A piece of a line: energies from its middle, and the slope that forces or stress stand for.

    Parameters
    ----------
    places : (3,) float
        From one end over the middle to the other, in the unit of the coordinate.
    energies : (3,) float, eV
    slopes : (3,) float, eV a unit of the coordinate
        dE/dx as forces (their negative) or stress have it.
    """
    return {
        "place": short(places),
        "energy_eV": short(energies - energies[1]),
        "slope_eV": short(slopes),
    }


def parity(first: Floats, second: Floats, symbols: Sequence[str]) -> dict[str, Any]:
    """Components of two forces (N, 3) at the same places, by species; at most 300 atoms.

    What is left out is chosen evenly: the picture keeps its shape.
    """
    chosen = evenly(len(first), MOST_POINTS // 3)
    return {
        "first_eV_per_A": short(first[chosen]),
        "second_eV_per_A": short(second[chosen]),
        "species": [symbols[int(i)] for i in chosen],
    }
