"""Pairs of atoms within a cutoff, periodic images included, for a whole batch of configurations."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import product

import numpy as np

from physcheck.numerics.cells import completed_cell
from physcheck.system import Bools, Configurations, Floats, Ints

__all__ = ["Pairs", "find_pairs", "mirrored"]

# Candidates (pair x image, or pair x configuration) treated at once: bounds the memory to tens of
# MB.
_BLOCK = 400_000
# So many atoms and more are sorted by a tree first: fewer are as fast without.
_MANY = 500
# Beyond this displacement between configurations of a batch, shared candidates cost more than they
# save.
_SHARED_SKIN = 1.5


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """Each pair of atoms within the cutoff once, over all configurations of a batch.

    A pair is (atom ``first``; image ``shifts`` of atom ``second``).  An atom and its own image
    count as a pair, once for each pair of opposite translations.

    Attributes
    ----------
    n_batch, n_atoms : int
    config : (P,) int
        Configuration that a pair belongs to, ascending.
    first, second : (P,) int
        Atoms.
    shifts : (P, 3) int
        Lattice translation of ``second``.
    vectors : (P, 3) float, Å
        ``x[second] + shifts @ cell - x[first]``.
    distances : (P,) float, Å
    """

    n_batch: int
    n_atoms: int
    config: Ints
    first: Ints
    second: Ints
    shifts: Ints
    vectors: Floats
    distances: Floats

    def __len__(self) -> int:
        return len(self.distances)

    def keep(self, mask: Bools) -> Pairs:
        """The pairs where ``mask`` (P,) is True."""
        return Pairs(
            self.n_batch,
            self.n_atoms,
            self.config[mask],
            self.first[mask],
            self.second[mask],
            self.shifts[mask],
            self.vectors[mask],
            self.distances[mask],
        )

    @property
    def first_rows(self) -> Ints:
        """(P,) rows of ``first`` in arrays flattened over batch and atoms."""
        return self.config * self.n_atoms + self.first

    @property
    def second_rows(self) -> Ints:
        """(P,) rows of ``second`` in arrays flattened over batch and atoms."""
        return self.config * self.n_atoms + self.second

    @property
    def directions(self) -> Floats:
        """(P, 3) unit vectors from first to second."""
        return self.vectors / self.distances[:, None]

    def sum_configs(self, values: Floats) -> Floats:
        """(B,) sums of ``values`` (P,) over the pairs of each configuration."""
        return _sums(self.config, values, self.n_batch)

    def sum_atoms(self, on_first: Floats, on_second: Floats) -> Floats:
        """(B, N) sums of what each pair (P,) gives to its first and to its second atom."""
        size = self.n_batch * self.n_atoms
        total = _sums(self.first_rows, on_first, size) + _sums(self.second_rows, on_second, size)
        return total.reshape(self.n_batch, self.n_atoms)

    def sum_vectors(self, on_first: Floats, on_second: Floats) -> Floats:
        """(B, N, 3) sums of the vectors (P, 3) that each pair gives to its two atoms."""
        return np.stack(
            [self.sum_atoms(on_first[:, k], on_second[:, k]) for k in range(3)], axis=-1
        )

    def forces(self, gradients: Floats) -> Floats:
        """(B, N, 3) forces from ``gradients`` (P, 3), dE/d(vectors)."""
        return self.sum_vectors(gradients, -gradients)

    def virial(self, gradients: Floats) -> Floats:
        """(B, 3, 3) dE/d(strain), eV, symmetrised: ``sum over pairs of gradient x vector``."""
        total = np.empty((self.n_batch, 3, 3))
        for a in range(3):
            for b in range(a, 3):
                products = gradients[:, a] * self.vectors[:, b]
                if a != b:
                    products = 0.5 * (products + gradients[:, b] * self.vectors[:, a])
                total[:, a, b] = total[:, b, a] = self.sum_configs(products)
        return total


def _sums(rows: Ints, values: Floats, size: int) -> Floats:
    return np.asarray(np.bincount(rows, weights=values, minlength=size), dtype=np.float64)


def mirrored(pairs: Pairs) -> Pairs:
    """Each pair from both ends (2P pairs, the originals first), not ordered by configuration."""
    return Pairs(
        pairs.n_batch,
        pairs.n_atoms,
        np.concatenate([pairs.config, pairs.config]),
        np.concatenate([pairs.first, pairs.second]),
        np.concatenate([pairs.second, pairs.first]),
        np.concatenate([pairs.shifts, -pairs.shifts]),
        np.concatenate([pairs.vectors, -pairs.vectors]),
        np.concatenate([pairs.distances, pairs.distances]),
    )


@lru_cache(maxsize=16)
def _upper(n_atoms: int) -> tuple[Ints, Ints]:
    first, second = np.triu_indices(n_atoms, 1)
    return first.astype(np.int64), second.astype(np.int64)


def _near_pairs(positions: Floats, cell: Floats, pbc: Bools, radius: float) -> tuple[Ints, Ints]:
    """The pairs first < second that may be within ``radius`` in some image, in the order of all.

    All pairs, unless there are many atoms in a cell that is wider than the radius: then a tree of
    the atoms and of their images near the faces of the cell finds them, at a cost of N log N.
    """
    n_atoms = len(positions)
    full = completed_cell(cell, pbc)
    inverse = np.linalg.inv(full)
    # A little more than the radius: what is too far is left out by distance later.
    margins = (radius + 1e-3) * np.linalg.norm(inverse, axis=0)
    if n_atoms < _MANY or bool((margins[pbc] >= 1).any()):
        return _upper(n_atoms)
    from scipy.spatial import cKDTree

    fractions = positions @ inverse
    fractions -= np.where(pbc, np.floor(fractions), 0.0)
    owners = np.arange(n_atoms)
    for axis in np.flatnonzero(pbc):
        parts, labels = [fractions], [owners]
        for shift in (1.0, -1.0):
            moved = fractions.copy()
            moved[:, axis] += shift
            near = (moved[:, axis] > -margins[axis]) & (moved[:, axis] < 1 + margins[axis])
            parts.append(moved[near])
            labels.append(owners[near])
        fractions, owners = np.concatenate(parts), np.concatenate(labels)
    found = cKDTree(fractions @ full).query_pairs(radius + 1e-3, output_type="ndarray")
    found = found[(found < n_atoms).any(axis=1)]
    ends = np.sort(owners[found], axis=1)
    codes = np.unique(ends[:, 0] * n_atoms + ends[:, 1])
    first, second = np.divmod(codes, n_atoms)
    own = first == second
    return first[~own].astype(np.int64), second[~own].astype(np.int64)


def _translations(shifts: Ints, cell: Floats) -> Floats:
    # Written out so that the rounding is the same for any batch and any number of pairs.
    s = shifts.astype(np.float64)
    moved: Floats = s[:, :1] * cell[0] + s[:, 1:2] * cell[1] + s[:, 2:] * cell[2]
    return moved


def _candidates(
    positions: Floats, cell: Floats, pbc: Bools, radius: float
) -> tuple[Ints, Ints, Ints]:
    """Pairs (first, second, shifts) of one configuration within ``radius``, by trying every image.

    With fractional differences reduced to [-1/2, 1/2] an image n along an axis of height H can be
    within the radius only if |n| <= radius/H + 1/2.
    """
    first, second = _near_pairs(positions, cell, pbc, radius)
    between = positions[second] - positions[first]
    limit = radius * radius
    if not pbc.any():
        near = np.einsum("pk,pk->p", between, between) < limit
        return first[near], second[near], np.zeros((int(near.sum()), 3), np.int64)
    full = completed_cell(cell, pbc)
    inverse = np.linalg.inv(full)
    heights = 1.0 / np.linalg.norm(inverse, axis=0)
    reach = np.where(pbc, np.floor(radius / heights + 0.5), 0).astype(int)
    base = np.where(pbc, -np.rint(between @ inverse), 0.0).astype(np.int64)
    reduced = between + _translations(base, full)
    images = np.array(list(product(*(range(-m, m + 1) for m in reach))), dtype=np.int64)
    offsets = _translations(images, full)
    step = max(1, _BLOCK // max(1, len(first)))
    firsts, seconds, shifts = [], [], []
    for begin in range(0, len(images), step):
        trial = reduced[None] + offsets[begin : begin + step, None]
        which, pair = np.nonzero(np.einsum("mpk,mpk->mp", trial, trial) < limit)
        firsts.append(first[pair])
        seconds.append(second[pair])
        shifts.append(base[pair] + images[begin + which])
    # Half of an atom's own images: those after the null translation in lexicographic order.
    own = images[len(images) // 2 + 1 :]
    own = own[np.einsum("mk,mk->m", *(2 * [_translations(own, full)])) < limit]
    atoms = np.arange(len(positions), dtype=np.int64)
    firsts.append(np.repeat(atoms, len(own)))
    seconds.append(firsts[-1])
    shifts.append(np.tile(own, (len(atoms), 1)))
    return np.concatenate(firsts), np.concatenate(seconds), np.concatenate(shifts)


def _shared_radius(configurations: Configurations, cutoff: float) -> float | None:
    """A radius in configuration 0 that holds every pair within the cutoff in all the others.

    With deformation F (h = h0 F) and residual displacements u, |vector| >= s_min(F) |vector_0| - 2
    max |u|.  None where the configurations have too little in common.
    """
    cells, positions = configurations.cells, configurations.positions
    if np.array_equal(cells, np.broadcast_to(cells[0], cells.shape)):
        smallest, mapped = 1.0, positions[:1]
    elif configurations.system.is_fully_periodic and np.linalg.det(cells[0]) != 0.0:
        deformation = np.linalg.solve(cells[0], cells)
        smallest = float(np.linalg.svd(deformation, compute_uv=False).min())
        mapped = positions[0] @ deformation
    else:
        return None
    moved = positions - mapped
    moved = moved - moved.mean(axis=1, keepdims=True)
    # The slack covers the rounding of positions far from the origin.
    skin = 2.0 * float(np.sqrt(np.einsum("bnk,bnk->bn", moved, moved).max())) + 1e-6
    if skin > _SHARED_SKIN or smallest < 0.8:
        return None
    return (cutoff + skin) / smallest


def find_pairs(configurations: Configurations, cutoff: float) -> Pairs:
    """All pairs closer than ``cutoff`` (Å) in each configuration, exact for any cell, pbc and
    position.

    Cells may be smaller than the cutoff (several images) or triclinic, atoms may be outside the
    cell. A batch gives the same pairs in the same order as its configurations one by one.  The cost
    is N²/2 candidates x images, N log N from 500 atoms on in a cell wider than the cutoff, shared
    by configurations that differ by small displacements and strains.

    Raises
    ------
    ValueError
        The periodic lattice vectors are linearly dependent.
    """
    if not cutoff > 0:
        raise ValueError(f"cutoff is {cutoff} Å, should be positive")
    n_batch, pbc = len(configurations), configurations.system.pbc
    radius = _shared_radius(configurations, cutoff) if n_batch > 1 else None
    blocks: list[tuple[Ints, ...]] = []
    vectors: list[Floats] = []

    def add(begin: int, end: int, candidates: tuple[Ints, Ints, Ints]) -> None:
        first, second, shifts = candidates
        x = configurations.positions[begin:end]
        between = x[:, second] - x[:, first]
        if pbc.any():
            between += np.stack(
                [_translations(shifts, cell) for cell in configurations.cells[begin:end]]
            )
        which, pair = np.nonzero(np.einsum("bpk,bpk->bp", between, between) < cutoff * cutoff)
        blocks.append((which + begin, first[pair], second[pair], shifts[pair]))
        vectors.append(between[which, pair])

    if radius is None:
        for b in range(n_batch):
            x, cell = configurations.positions[b], configurations.cells[b]
            add(b, b + 1, _candidates(x, cell, pbc, cutoff + 1e-6))
    else:
        x, cell = configurations.positions[0], configurations.cells[0]
        candidates = _candidates(x, cell, pbc, radius)
        size = max(1, _BLOCK // max(1, len(candidates[0])))
        for begin in range(0, n_batch, size):
            add(begin, min(begin + size, n_batch), candidates)
    config, first, second, shifts = (np.concatenate(part) for part in zip(*blocks, strict=True))
    joined = np.concatenate(vectors)
    distances = np.sqrt(np.einsum("pk,pk->p", joined, joined))
    return Pairs(n_batch, configurations.n_atoms, config, first, second, shifts, joined, distances)
