"""Changes of description or place that a law says how forces, energy and stress must follow.

All but the far fragments are one affine map: new atom k is a copy of atom ``order[k]``, at

    x'_k = (x_order[k] + offsets_k h) Q^T + shift,     h' = B h Q^T,

with integer ``offsets``, an integer matrix B and an orthogonal Q, so that they are exact in float64
up to the rounding of the new positions, and forces and stress can be carried back.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from physcheck.system import Configurations, Floats, Ints

__all__ = [
    "AtCorner",
    "InCell",
    "OtherAxes",
    "Transformation",
    "atom_at_corner",
    "axes_in_other_rows",
    "box_that_means_nothing",
    "doubled",
    "exchanged_vectors",
    "far_pair",
    "inversion",
    "jittered",
    "lattice_shifts",
    "new_basis",
    "rattled",
    "relabelling",
    "rigid_rotation",
    "rigid_shift",
    "supercell",
    "wrapped_into_cell",
]

# Strain, and displacement in Å, of jittered copies: far above the rounding of positions in float32
# (1e-6 Å), so that each copy is rounded anew, and far below the reach of any physics.
_JITTER_STRAIN = 1e-4
_JITTER_STEP = 1e-4
# Room between a structure that isn't periodic and its copy, Å.
_ROOM = 20.0
# Keeps the axis of a rotation by nothing finite.
_TINY = 1e-300


@dataclass(frozen=True, slots=True, eq=False)
class Transformation:
    """One affine map of the atoms and the cell; see the module's formula.

    Attributes
    ----------
    label : str
        What a person calls it.
    order : (M,) int
        The atom that each new atom is a copy of.
    offsets : (M, 3) int
        Lattice translations of the new atoms, in the old cell vectors.
    basis : (3, 3) int
        B; a determinant of 1 changes the description, a larger one makes a supercell.
    orthogonal : (3, 3) float
        Q.
    shift : (3,) float, Å
    """

    label: str
    order: Ints
    offsets: Ints
    basis: Ints
    orthogonal: Floats
    shift: Floats

    def apply(self, start: Configurations) -> Configurations:
        """The transformed configurations, (B, M, 3) and (B, 3, 3)."""
        cells = start.cells
        moved = start.positions[:, self.order] + self.offsets @ cells
        system = start.system
        if not np.array_equal(self.order, np.arange(start.n_atoms)):
            system = system.take(self.order)
        return Configurations(
            system,
            moved @ self.orthogonal.T + self.shift,
            self.basis @ cells @ self.orthogonal.T,
        )

    def expected_forces(self, forces: Floats) -> Floats:
        """(B, M, 3) what :meth:`forces_back` must give, from the original's forces (B, N, 3)."""
        return forces[:, self.order]

    def forces_back(self, forces: Floats) -> Floats:
        """Forces (B, M, 3) of the transformed configurations, turned back."""
        return forces @ self.orthogonal

    def stress_back(self, stress: Floats) -> Floats:
        """Stresses (B, 3, 3) of the transformed configurations, turned back."""
        return np.asarray(self.orthogonal.T @ stress @ self.orthogonal)

    @property
    def copies(self) -> float:
        """M/N: how many times the original's energy the transformed one has."""
        return len(self.order) / len(np.unique(self.order))


def _unchanged(start: Configurations, label: str) -> dict[str, object]:
    n = start.n_atoms
    return {
        "label": label,
        "order": np.arange(n),
        "offsets": np.zeros((n, 3), np.int64),
        "basis": np.eye(3, dtype=np.int64),
        "orthogonal": np.eye(3),
        "shift": np.zeros(3),
    }


def _changed(start: Configurations, label: str, **changes: object) -> Transformation:
    return Transformation(**{**_unchanged(start, label), **changes})  # type: ignore[arg-type]


def rigid_shift(start: Configurations, length: float, rng: np.random.Generator) -> Transformation:
    """All atoms moved by ``length`` (Å) in a random direction; the cell stays."""
    direction = rng.standard_normal(3)
    shift = length * direction / np.linalg.norm(direction)
    text = ", ".join(f"{x:.2f}" for x in shift)
    return _changed(start, f"all atoms moved by ({text}) Å", shift=shift)


def rigid_rotation(start: Configurations, rng: np.random.Generator) -> Transformation:
    """Atoms and cell turned about the origin by a rotation that is uniform over SO(3)."""
    # A normalised Gaussian quaternion is uniform; q and -q are the same rotation.
    w, x, y, z = (q := rng.standard_normal(4)) / np.linalg.norm(q)
    rotation = np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ]
    )
    angle = np.degrees(2 * np.arccos(min(1.0, abs(w))))
    axis = np.array([x, y, z]) * (1.0 if w >= 0 else -1.0)
    axis /= max(float(np.linalg.norm(axis)), _TINY)
    text = ", ".join(f"{a:.2f}" for a in axis)
    return _changed(start, f"turned by {angle:.0f}° about ({text})", orthogonal=rotation)


def inversion(start: Configurations) -> Transformation:
    """All atoms inverted through their centroid; the cell is kept, as it is its own inverse."""
    centre = start.positions[0].mean(axis=0)
    return _changed(
        start,
        "inverted through the centroid",
        orthogonal=-np.eye(3),
        basis=-np.eye(3, dtype=np.int64),
        shift=2 * centre,
    )


@dataclass(frozen=True, slots=True, eq=False)
class AtCorner(Transformation):
    """Everything moved together so that one atom is at the corner of the cell, almost exactly.

    Attributes
    ----------
    atom : int
    corner : (3,) float, Å
        Where it is put: components of 0.0, -0.0, or of less than any rounding.
    share : float
        Of the sum of the periodic cell vectors, added to the corner: 1 is the opposite corner.
    """

    atom: int
    corner: Floats
    share: float = 0.0

    def apply(self, start: Configurations) -> Configurations:
        """The moved copies; the sum of a position and a tiny number would lose the latter."""
        positions = start.positions - start.positions[:, self.atom : self.atom + 1]
        positions[:, self.atom] = self.corner
        if self.share:
            opposite = self.share * start.cells[:, start.system.pbc].sum(axis=1)
            positions += opposite[:, None]
        return start.at(positions, start.cells)


@dataclass(frozen=True, slots=True, eq=False)
class InCell(Transformation):
    """Each atom's image inside the cell, along its periodic axes.

    Everything is moved together first, so that the first atom is in the middle of the cell.
    """

    def apply(self, start: Configurations) -> Configurations:
        """The wrapped copies."""
        from ase.geometry import complete_cell

        positions = np.empty_like(start.positions)
        for index, (x, cell) in enumerate(zip(start.positions, start.cells, strict=True)):
            whole = np.array(complete_cell(cell))  # type: ignore[no-untyped-call]
            fractional = x @ np.linalg.inv(whole)
            periodic = start.system.pbc
            moved = fractional + np.where(periodic, 0.5 - fractional[0], 0.0)
            moved[:, periodic] %= 1.0
            positions[index] = moved @ whole
        return start.at(positions, start.cells)


@dataclass(frozen=True, slots=True, eq=False)
class OtherAxes(Transformation):
    """The same atoms and images with other cell vectors where they mean nothing, or in other rows.

    Attributes
    ----------
    rows : (3,) int
        Which row of the cell each new one is, its periodicity with it.
    box : float, Å
        Length of the vectors of axes that aren't periodic, at right angles to the others; 0 leaves
        them as they are.
    """

    rows: Ints
    box: float = 0.0

    def apply(self, start: Configurations) -> Configurations:
        """The same positions in the other cell."""
        from ase.geometry import complete_cell

        system, cells = start.system, start.cells.copy()
        if self.box:
            for cell in cells:
                cell[~system.pbc] = 0.0
                whole = np.array(complete_cell(cell))  # type: ignore[no-untyped-call]
                cell[~system.pbc] = self.box * whole[~system.pbc]
        turned = replace(system, pbc=system.pbc[self.rows])
        return Configurations(turned, start.positions, cells[:, self.rows])


def atom_at_corner(
    start: Configurations, atom: int, corner: Floats, share: float = 0.0
) -> AtCorner:
    """See :class:`AtCorner`."""
    text = "(" + ", ".join(f"{x:g}" for x in corner) + ") Å"
    if share:
        text = "the opposite corner of the cell"
        text += f", less {1 - share:.1g} of the way" if share < 1 else ""
    label = f"atom {atom} ({start.system.symbols[atom]}) moved to {text}, all others with it"
    options: dict[str, object] = {"atom": atom, "corner": corner, "share": share}
    return AtCorner(**_unchanged(start, label), **options)  # type: ignore[arg-type]


def wrapped_into_cell(start: Configurations) -> InCell:
    """See :class:`InCell`."""
    label = "all atoms moved together and wrapped into the cell"
    return InCell(**_unchanged(start, label))  # type: ignore[arg-type]


def axes_in_other_rows(start: Configurations) -> OtherAxes:
    """The cell's rows and their periodicity exchanged in a cycle: c, a, b for a, b, c."""
    label = "cell vectors and periodic axes listed as c, a, b"
    rows = np.array([2, 0, 1])
    return OtherAxes(**_unchanged(start, label), rows=rows)  # type: ignore[arg-type]


def box_that_means_nothing(start: Configurations, length: float) -> OtherAxes:
    """Cell vectors of ``length`` Å along all axes that aren't periodic."""
    label = f"cell vectors of {length:g} Å along the axes that aren't periodic"
    options: dict[str, object] = {"rows": np.arange(3), "box": length}
    return OtherAxes(**_unchanged(start, label), **options)  # type: ignore[arg-type]


def lattice_shifts(start: Configurations, reach: int, rng: np.random.Generator) -> Transformation:
    """Each atom moved by a lattice vector of its own, up to ``reach`` cells along periodic axes."""
    offsets = rng.integers(-reach, reach + 1, (start.n_atoms, 3)) * start.system.pbc
    # A draw that moves nothing would test nothing.
    axis = int(np.flatnonzero(start.system.pbc)[0])
    if not offsets.any():
        offsets[0, axis] = reach
    moved = int(np.any(offsets != 0, axis=1).sum())
    return _changed(
        start, f"{moved} atoms moved by lattice vectors of up to {reach} cells", offsets=offsets
    )


def new_basis(start: Configurations, rng: np.random.Generator) -> Transformation:
    """Other vectors of the same lattice: periodic axes exchanged in a cycle and sheared.

    Atoms are put inside the new cell.

    Raises
    ------
    ValueError
        Fewer than two periodic axes: there is nothing to mix.
    """
    pbc = start.system.pbc
    axes = np.flatnonzero(pbc)
    if len(axes) < 2:
        raise ValueError(f"{len(axes)} periodic axes, should be 2 or more")
    cycle = np.eye(3, dtype=np.int64)
    if len(axes) == 3:
        # A cycle of three axes keeps the handedness.
        cycle = np.roll(cycle, int(rng.integers(3)), axis=0)
    target, source = rng.permutation(axes)[:2]
    shear = np.eye(3, dtype=np.int64)
    shear[target, source] = rng.choice([-1, 1])
    basis = shear @ cycle
    full = basis @ start.cells[0]
    blank = ~full.any(axis=1)
    if blank.any():
        # Axes without a vector are completed for the sake of fractional coordinates only.
        _, _, rows = np.linalg.svd(full)
        full = full.copy()
        full[blank] = rows[3 - int(blank.sum()) :]
    inside = -np.floor(start.positions[0] @ np.linalg.inv(full)).astype(np.int64) * pbc
    names = "abc"
    text = ", ".join(
        f"{names[k]}' = "
        + " ".join(f"{'+' if c > 0 else '-'} {names[j]}" for j, c in enumerate(row) if c)
        for k, row in enumerate(basis)
    )
    return _changed(start, f"cell vectors {text}", basis=basis, offsets=inside @ basis)


def exchanged_vectors(start: Configurations, rng: np.random.Generator) -> Transformation:
    """Two periodic cell vectors exchanged: the same lattice with the other handedness.

    Raises
    ------
    ValueError
        Fewer than two periodic axes: there is nothing to exchange.
    """
    axes = np.flatnonzero(start.system.pbc)
    if len(axes) < 2:
        raise ValueError(f"{len(axes)} periodic axes, should be 2 or more")
    first, second = rng.permutation(axes)[:2]
    order = np.arange(3)
    order[[first, second]] = order[[second, first]]
    names = "abc"
    label = f"cell vectors {names[first]} and {names[second]} exchanged (det < 0)"
    offsets = np.zeros((start.n_atoms, 3), dtype=np.int64)
    return _changed(start, label, basis=np.eye(3, dtype=np.int64)[order], offsets=offsets)


def supercell(start: Configurations, axis: int, repeats: int) -> Transformation:
    """The cell repeated ``repeats`` times along one periodic axis, with its atoms."""
    n = start.n_atoms
    basis = np.eye(3, dtype=np.int64)
    basis[axis, axis] = repeats
    offsets = np.zeros((repeats, n, 3), np.int64)
    offsets[:, :, axis] = np.arange(repeats)[:, None]
    return _changed(
        start,
        f"cell repeated {repeats} times along {'abc'[axis]}",
        order=np.tile(np.arange(n), repeats),
        offsets=offsets.reshape(-1, 3),
        basis=basis,
    )


def relabelling(
    start: Configurations, rng: np.random.Generator, first: int | None = None
) -> Transformation:
    """The same atoms listed in another order, species and per-atom arrays with them.

    ``first`` is the atomic number of the atom that comes first; any if None.
    """
    n = start.n_atoms
    order = rng.permutation(n)
    if first is not None:
        place = int(np.flatnonzero(start.system.numbers[order] == first)[0])
        order[[0, place]] = order[[place, 0]]
    if n > 1 and np.array_equal(order, np.arange(n)):
        order = order[::-1].copy()
    return _changed(start, "atoms listed in another order", order=order)


def far_pair(first: Configurations, second: Configurations, gap: float) -> Configurations:
    """Two fragments in one system, ``gap`` Å of empty room between their nearest planes along x.

    Parameters
    ----------
    first, second : Configurations of one non-periodic system, same B

    Returns
    -------
    Configurations with 2N atoms, first ones first, centred so that coordinates stay small.
    """
    n = first.n_atoms
    right = first.positions[:, :, 0].max(axis=1)
    left = second.positions[:, :, 0].min(axis=1)
    a, b = first.positions.copy(), second.positions.copy()
    a[:, :, 0] -= right[:, None] + gap / 2
    b[:, :, 0] -= left[:, None] - gap / 2
    system = first.system.take(np.tile(np.arange(n), 2))
    return Configurations(system, np.concatenate([a, b], axis=1), first.cells)


def rattled(start: Configurations, rms: float, rng: np.random.Generator) -> Configurations:
    """One copy with each coordinate displaced by Gaussian noise of ``rms`` Å: as heat does."""
    return start.displaced(rms * rng.standard_normal((1, start.n_atoms, 3)))


def jittered(start: Configurations, count: int, rng: np.random.Generator) -> Configurations:
    """Copies that differ from ``start`` in every digit that rounding touches, by nothing physical.

    Positions and cell are strained by some 1e-4 (all its components), positions moved by 1e-4 Å.
    """
    strains = np.eye(3) + _JITTER_STRAIN * rng.uniform(-1, 1, (count, 3, 3))
    moves = _JITTER_STEP * rng.uniform(-1, 1, (count, start.n_atoms, 3))
    centre = np.zeros(3) if start.system.is_periodic else start.positions[0].mean(axis=0)
    positions = (start.positions[0] - centre) @ strains + centre + moves
    return start.at(positions, start.cells[0] @ strains)


def doubled(start: Configurations) -> Configurations:
    """Twice the structure: a cell repeated along its first periodic axis, or a copy 20 Å away."""
    if start.system.is_periodic:
        axis = int(np.flatnonzero(start.system.pbc)[0])
        return supercell(start, axis, 2).apply(start)
    return far_pair(start, start, _ROOM)
