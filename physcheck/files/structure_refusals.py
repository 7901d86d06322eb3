"""Structures that no model can be judged on: refused before any neighbour list is made of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from physcheck.errors import SpecError
from physcheck.numerics.near_pairs import near_pairs
from physcheck.system import Configurations

if TYPE_CHECKING:
    from ase import Atoms

__all__ = ["refuse_coincident", "refuse_unusable"]

#: Nuclei are never so near, Å; a file that says so names an atom twice or has the wrong cell.
COINCIDENT = 0.05
# Å.  float32 resolves a coordinate of this size to 0.008 Å, a fifth of a thermal displacement;
# beyond it models of that precision see no bonds.  It is 10 µm, more than any simulation's box.
FARTHEST = 1e5
# Å between opposite faces.  The shortest lattice vector of a crystal, that of metallic hydrogen at
# 500 GPa, is 1.2 Å (McMahon and Ceperley, Phys. Rev. Lett. 106, 165302).
THINNEST = 0.7
# Å³ per atom.  The same hydrogen has 1.2; neighbours within 6 Å are then 750 an atom.
DENSEST = 0.5
# Length of a lattice vector over the distance of the faces that it joins: 1 at right angles.  A
# hexagonal cell has 1.15, a primitive fcc cell 1.22; 20 is an angle of 3 degrees.
MOST_SKEW = 20.0
# Å² or Å³ per product of lengths, below which vectors are parallel.
_PARALLEL = 1e-6
_HEAVIEST = 118
# Rounding of an occupancy written with three digits.
_FULL = 1 - 1e-3


def refuse_unusable(atoms: Atoms, label: str) -> None:
    """Hold what a file says against what matter can be; no neighbour list is made.

    Parameters
    ----------
    atoms : ase.Atoms
    label : str
        The structure's name, with which messages begin.

    Raises
    ------
    SpecError
        An element, coordinate, cell, mass or occupancy can't be used; it is named.
    """
    # Numbers of 1e308 overflow on the way to being refused.
    with np.errstate(all="ignore"):
        for problem in _problems(atoms):
            raise SpecError(f"{label} {problem}")


def _problems(atoms: Atoms) -> Iterator[str]:
    if len(atoms) == 0:
        yield "has no atoms"
    numbers = np.asarray(atoms.numbers)
    if len(bad := np.flatnonzero((numbers < 1) | (numbers > _HEAVIEST))):
        yield (
            f"has the atomic number {numbers[bad[0]]} at atom {bad[0]}, should be 1 to {_HEAVIEST}"
        )
    positions, cell = atoms.positions, atoms.cell.array
    if not (np.isfinite(positions).all() and np.isfinite(cell).all()):
        where = "cell" if np.isfinite(positions).all() else "positions"
        yield f"can't be used: its {where} must be finite, and are not"
    if not (np.abs(positions).max() <= FARTHEST):
        atom = int(np.abs(positions).max(axis=1).argmax())
        yield (
            f"has atom {atom} at a coordinate of {np.abs(positions[atom]).max():.3g} Å, should be "
            f"within {FARTHEST:g} Å"
        )
    yield from _cell_problems(cell, atoms.pbc, len(atoms))
    masses = atoms.get_masses()
    if not ((masses > 0) & np.isfinite(masses)).all():
        yield "has an atom without mass"
    yield from _occupancy_problems(atoms)


def _cell_problems(cell: Any, pbc: Any, n_atoms: int) -> Iterator[str]:
    if not pbc.any():
        return
    # Vectors without periodicity are handed to models and neighbour lists, too, unless they are 0.
    periodic = cell[pbc | cell.any(axis=1)]
    lengths = np.linalg.norm(periodic, axis=1)
    if not (lengths.max() <= FARTHEST):
        yield (
            f"has a lattice vector of {lengths.max():.3g} Å, should be at most {FARTHEST:g} Å; "
            "leave out periodicity where there is none"
        )
    unit = periodic / np.maximum(lengths, np.finfo(float).tiny)[:, None]
    # The volume (area, length) spanned by the directions: their Gram determinant's root.
    spanned = float(np.sqrt(max(np.linalg.det(unit @ unit.T), 0.0)))
    # A cell of almost no size is told below.
    if not (lengths.min() > 0) or not (spanned > _PARALLEL):
        if pbc.all():
            yield "is periodic but its cell has no volume"
        yield "has periodic lattice vectors that are parallel or zero"
    # Rows of the pseudoinverse's transpose are normal to the faces; their lengths are 1 / height.
    heights = 1 / np.linalg.norm(np.linalg.pinv(periodic), axis=0)
    skew = float((lengths / heights).max())
    if not (skew <= MOST_SKEW):
        yield (
            f"has a lattice vector {skew:.3g} times as long as its cell is thick, should be at "
            f"most {MOST_SKEW:g}; reduce the cell (ase.build.niggli_reduce)"
        )
    if not (heights.min() >= THINNEST):
        yield (
            f"has a periodic cell only {heights.min():.3g} Å thick, should be at least "
            f"{THINNEST:g} Å; are its lengths in Å?"
        )
    if pbc.all():
        volume = float(abs(np.linalg.det(periodic))) / n_atoms
        if not (volume >= DENSEST):
            yield (
                f"has {volume:.3g} Å³ an atom, should be at least {DENSEST:g}; "
                "are its lengths in Å?"
            )


def _occupancy_problems(atoms: Atoms) -> Iterator[str]:
    """Sites that are occupied in part, which ASE reads as one atom of the most frequent element."""
    sites = atoms.info.get("occupancy")
    if isinstance(sites, Mapping):
        for site in sites.values():
            if isinstance(site, Mapping) and any(not (float(x) >= _FULL) for x in site.values()):
                shares = ", ".join(f"{symbol} {float(x):g}" for symbol, x in site.items())
                yield (
                    f"has a site that is occupied in part ({shares}), should be one atom a site: "
                    "make an ordered supercell"
                )
    share = atoms.arrays.get("occupancy")
    if share is not None and np.ndim(share) == 1 and np.issubdtype(share.dtype, np.number):
        low = np.flatnonzero(~(np.asarray(share, float) >= _FULL))
        if len(low):
            yield (
                f"has atom {low[0]} ({atoms.symbols[low[0]]}) with the occupancy "
                f"{share[low[0]]:g}, should be 1: choose one of the alternatives"
            )


def refuse_coincident(atoms: Atoms, label: str) -> None:
    """Two atoms at one place, periodic images included.

    Raises
    ------
    SpecError
        They are named.
    """
    found = near_pairs(Configurations.from_atoms(atoms), COINCIDENT)
    if len(found.first):
        a, b = int(found.first[0]), int(found.second[0])
        raise SpecError(
            f"{label} has atoms {a} and {b} ({atoms.symbols[a]}, {atoms.symbols[b]}) at one "
            f"place, less than {COINCIDENT} Å apart; should be one atom, or apart"
        )
