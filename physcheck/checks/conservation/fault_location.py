"""Where in a system the antisymmetric part of the Jacobian is: in which molecule or atom.

``A`` is that part, (J - J^T)/2; a *block* of it are the rows and columns of some of the atoms.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from physcheck.probes.directions import orthonormal_directions
from physcheck.probes.loops import molecules
from physcheck.system import Configurations, Floats

__all__ = [
    "Place",
    "groups_of",
    "localisation_cost",
    "place_by_bisection",
    "place_by_products",
    "resolve_block",
]

# A last block of at most this many atoms is resolved coordinate by coordinate.
_BLOCK = 8
# A half holds the fault if its pair shows this much of the whole.  Two random directions show less
# of a fault that is there with a chance of 0.3 % (Laplace), and of a symmetric half only noise.
_PRESENT = 2e-3
# A half that shows nothing speaks against a spread fault if it is so many times larger than that.
_SPREAD_SHOWS = 10
# A signal is no noise beyond so many of its standard deviations.
_NOISE_SDS = 5
# Below this share of the antisymmetric part a place is not called the place.
_LOCAL = 0.5
# Halving is pointless where noise is a larger share of the whole than this.
_TOO_NOISY = 0.05
# A block of a fraction f of the system holds about f^2 of |A|^2 if the fault is spread, all of it
# if the fault is there.  The border is between them, f^1.5, times 4 for the scatter of a pair.
_SPREAD_FACTOR, _SPREAD_POWER = 4, 1.5
# A halving measures a pair of directions by central differences, a block each of its coordinates.
_PER_HALVING, _PER_ATOM = 4, 6
# Atoms that a message names.
_NAMED = 6

# Central slopes (k, n) along unit directions (k, n), eV/Å².
Slopes = Callable[[Floats], Floats]


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """The part of a system that holds most of the antisymmetry.

    Attributes
    ----------
    atoms : (M,) int
    share : float
        |A_block|_F^2 over |A|_F^2: near 1 for a fault in one place, small for a spread one.
    plane : (2, N, 3)
        Orthonormal directions: the plane of the block's largest antisymmetric pair.
    what : str
        "molecule of atoms" or "atom".
    block : (3M, 3M) float, eV/Å², or None
        The atoms' own Jacobian, where it was resolved.
    stands_out : bool
        Whether these atoms, and what they have with others, explain what no chance does: then the
        violation is theirs even if less than half of it is within their own block.
    """

    atoms: np.ndarray
    share: float
    plane: Floats
    what: str
    block: Floats | None = None
    stands_out: bool = False

    def sentence(self, start: Configurations) -> str:
        """For the failure's line of place."""
        symbols = start.system.symbols
        names = ", ".join(f"{a} ({symbols[a]})" for a in self.atoms[:_NAMED])
        if len(self.atoms) > _NAMED:
            names += f" and {len(self.atoms) - _NAMED} more"
        if self.share < _LOCAL and self.stands_out:
            return f"the violation sits in the {self.what} {names} and its neighbours"
        if self.share < _LOCAL:
            return f"the violation is spread; most of it is in the {self.what} {names}"
        return f"the violation sits in the {self.what} {names}"


def groups_of(start: Configurations) -> tuple[list[np.ndarray], str]:
    """The groups among which a fault is looked for, and what they are called.

    Molecules where every atom is in one, else single atoms.
    """
    found = [atoms for atoms, _ in molecules(start)]
    covered = sum(len(atoms) for atoms in found)
    if found and covered == start.n_atoms:
        return found, "molecule of atoms"
    return [np.array([i]) for i in range(start.n_atoms)], "atom"


def localisation_cost(start: Configurations, *, resolve: bool) -> int:
    """The most evaluations :func:`place_by_bisection` makes, and :func:`resolve_block` after it."""
    groups, _ = groups_of(start)
    halvings = math.ceil(math.log2(len(groups))) if len(groups) > 1 else 0
    largest = min(_BLOCK, max(len(g) for g in groups))
    return _PER_HALVING * halvings + (_PER_ATOM * largest if resolve else 0)


def _embedded(atoms: np.ndarray, n_atoms: int, rng: np.random.Generator) -> Floats:
    """(2, 3N) orthonormal directions that move only ``atoms``."""
    out = np.zeros((2, n_atoms, 3))
    out[:, atoms] = orthonormal_directions(3 * len(atoms), 2, rng).reshape(2, len(atoms), 3)
    return out.reshape(2, -1)


def place_by_bisection(
    start: Configurations,
    slopes: Slopes,
    total: float,
    noise: float,
    rng: np.random.Generator,
) -> Place | None:
    """Halve the groups, keep the half that holds the antisymmetry, down to one group.

    For two random directions that move only one half, u.J v - v.J u is zero if that half's own
    Jacobian is symmetric.  A fault between groups is not followed.

    Parameters
    ----------
    slopes : callable
        Central slopes of the forces along unit directions (k, n), eV/Å².
    total : float
        |J_anti|_F of the whole, eV/Å².
    noise : float
        Standard deviation of an antisymmetric element, eV/Å².

    Returns
    -------
    Place or None
        None where noise hides the halves, or where the violation is spread: the last half that was
        seen to hold it holds no more than its size explains.

    Cost: 4 evaluations a halving.
    """
    groups, what = groups_of(start)
    whole = len(groups)
    n = start.n_coordinates
    if not _NOISE_SDS * noise * n <= _TOO_NOISY * total or whole < 2:
        return None
    plane, share, fraction = np.zeros((2, start.n_atoms, 3)), 1.0, 1.0
    clean = False
    while len(groups) > 1:
        middle = len(groups) // 2
        half = groups[:middle]
        atoms = np.concatenate(half)
        frame = _embedded(atoms, start.n_atoms, rng)
        projected = frame @ slopes(frame).T
        size = 3 * len(atoms)
        seen = abs(projected[0, 1] - projected[1, 0]) / 2 * math.sqrt(size * (size - 1))
        if seen > max(_PRESENT * total, _NOISE_SDS * noise * size):
            groups, share, fraction = half, (seen / total) ** 2, size / n
            plane = frame.reshape(2, -1, 3)
        else:
            clean = clean or size / n > _SPREAD_SHOWS * _PRESENT
            groups = groups[middle:]
    if not clean and share <= _SPREAD_FACTOR * fraction**_SPREAD_POWER:
        return None
    return Place(groups[0], share, plane, what)


def resolve_block(start: Configurations, slopes: Slopes, total: float, place: Place) -> Place:
    """The block's own Jacobian, coordinate by coordinate: its true share and its worst plane.

    Cost: 6 evaluations an atom; a block of more than 8 atoms is left as it is.
    """
    if len(place.atoms) > _BLOCK:
        return place
    frame = np.zeros((3 * len(place.atoms), start.n_atoms, 3))
    for row, (atom, axis) in enumerate((a, x) for a in place.atoms for x in range(3)):
        frame[row, atom, axis] = 1.0
    flat = frame.reshape(len(frame), -1)
    projected = flat @ slopes(flat).T
    # Singular values of an antisymmetric matrix come in pairs: the first two vectors are the plane.
    left, singular, _ = np.linalg.svd((projected - projected.T) / 2)
    plane = (left[:, :2].T @ flat).reshape(2, start.n_atoms, 3)
    share = float(np.sum(singular**2)) / total**2
    return Place(place.atoms, share, plane, place.what, projected)


def place_by_products(start: Configurations, vectors: Floats) -> Place:
    """The group with most of the norm of exact (J - J^T) u of random u, and the plane they show.

    Parameters
    ----------
    vectors : (k, n) with k >= 2
        (J - J^T) u_i; the plane is that of their two largest singular vectors.
    """
    groups, what = groups_of(start)
    weight = np.sum(vectors.reshape(len(vectors), -1, 3) ** 2, axis=(0, 2))
    by_group = np.array([weight[g].sum() for g in groups])
    best = int(np.argmax(by_group))
    share = float(by_group[best] / (by_group.sum() or 1.0))
    _, _, plane = np.linalg.svd(vectors, full_matrices=False)
    return Place(groups[best], share, plane[:2].reshape(2, -1, 3), what)
