"""Closed loops in configuration space: smooth periodic curves and their tangents."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from physcheck.numerics.near_pairs import near_pairs
from physcheck.probes.directions import orthonormal_directions
from physcheck.system import Configurations, Floats

__all__ = [
    "Circle",
    "RigidRotation",
    "StrainedTurn",
    "atom_circle",
    "collective_circles",
    "molecule_rotation",
    "molecule_turned_and_deformed",
    "molecules",
    "thermal_circles",
]

# Atoms nearer than this times the sum of their covalent radii are bonded.
_BOND = 1.2
# A bond that leads back to an atom elsewhere than it was found, Å: the group spans the cell.
_ELSEWHERE = 1e-6
# Å²: a molecule with less than this second moment across is linear.
_LINEAR = 1e-8
# Largest strain of a molecule on its way: stretches bonds by about as much as thermal motion.
_STRAIN = 0.08
# Atoms of a molecule that its label names.
_NAMED = 4


@dataclass(frozen=True, slots=True, eq=False)
class Circle:
    """x(t) = x0 + radius (cos(t + phase) u + sin(t + phase) v), u and v orthonormal in 3N space.

    Attributes
    ----------
    u, v : (N, 3) float
        Unit vectors of configuration space; of mass-weighted one, but for a factor, in
        :func:`thermal_circles`.
    radius : float, Å
        In 3N space: the rms displacement of a coordinate is ``radius/sqrt(3N)``.
    phase : float, rad
    label : str
        What a person calls it.
    """

    u: Floats
    v: Floats
    radius: float
    phase: float
    label: str

    def path(self, center: Floats, n_points: int) -> tuple[Floats, Floats]:
        """Positions and tangents dx/dt, each (n_points, N, 3), at t_j = 2 pi j/n_points."""
        t = 2 * np.pi * np.arange(n_points) / n_points + self.phase
        c, s = np.cos(t)[:, None, None], np.sin(t)[:, None, None]
        return (
            center + self.radius * (c * self.u + s * self.v),
            self.radius * (c * self.v - s * self.u),
        )

    def rephased(self, phase: float) -> Circle:
        """The same circle begun elsewhere: other points, the same integral."""
        return replace(self, phase=phase)


@dataclass(frozen=True, slots=True, eq=False)
class RigidRotation:
    """Some atoms turned once about an axis through their centre, the rest frozen.

    Attributes
    ----------
    atoms : (M,) int
    offsets : (M, 3) float, Å
        Places of the atoms relative to the centre (whole molecule, not cut by the cell).
    axis : (3,) unit vector
    phase : float, rad
    label : str
    """

    atoms: np.ndarray
    offsets: Floats
    axis: Floats
    phase: float
    label: str

    def path(self, center: Floats, n_points: int) -> tuple[Floats, Floats]:
        """Positions and tangents dx/dt, each (n_points, N, 3), at t_j = 2 pi j/n_points."""
        t = 2 * np.pi * np.arange(n_points) / n_points + self.phase
        along = np.outer(self.offsets @ self.axis, self.axis)
        across = self.offsets - along
        # Rodrigues' formula: what is along the axis stays, what is across turns.
        turned = np.cross(self.axis, across)
        c, s = np.cos(t)[:, None, None], np.sin(t)[:, None, None]
        positions = np.repeat(center[None], n_points, axis=0)
        tangents = np.zeros_like(positions)
        positions[:, self.atoms] += along + c * across + s * turned - self.offsets
        tangents[:, self.atoms] = c * turned - s * across
        return positions, tangents


@dataclass(frozen=True, slots=True, eq=False)
class StrainedTurn:
    """Some atoms turned once about an axis through their centre and strained on the way.

    ``x(t) = center + R(t) (1 + sin(t) E_1 + (1 - cos t) E_2/2) offsets``, R(t) the turn by t, so
    that the loop begins and ends at the structure itself.

    Attributes
    ----------
    atoms : (M,) int
    offsets : (M, 3) float, Å
        Places of the atoms relative to the centre (whole molecule, not cut by the cell).
    axis : (3,) unit vector
    strains : (2, 3, 3) float
        E_1 and E_2, symmetric.
    label : str
    """

    atoms: np.ndarray
    offsets: Floats
    axis: Floats
    strains: Floats
    label: str

    def path(self, center: Floats, n_points: int) -> tuple[Floats, Floats]:
        """Positions and tangents dx/dt, each (n_points, N, 3), at t_j = 2 pi j/n_points."""
        t = 2 * np.pi * np.arange(n_points) / n_points
        c, s = np.cos(t)[:, None, None], np.sin(t)[:, None, None]
        x, y, z = self.axis
        cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
        # Rodrigues' formula, and its derivative.
        turn = np.eye(3) + s * cross + (1 - c) * (cross @ cross)
        turning = c * cross + s * (cross @ cross)
        first, second = self.strains
        strain = np.eye(3) + s * first + (1 - c) / 2 * second
        straining = c * first + s / 2 * second
        positions = np.repeat(center[None], n_points, axis=0)
        tangents = np.zeros_like(positions)
        transposed = self.offsets.T
        moved = turn @ strain @ transposed
        speed = (turning @ strain + turn @ straining) @ transposed
        positions[:, self.atoms] += np.swapaxes(moved, 1, 2) - self.offsets
        tangents[:, self.atoms] = np.swapaxes(speed, 1, 2)
        return positions, tangents


def collective_circles(
    n_atoms: int, count: int, rms_displacement: float, rng: np.random.Generator
) -> list[Circle]:
    """Circles in random planes of 3N space, with random phases.

    Parameters
    ----------
    rms_displacement : float, Å
        Of a coordinate: the radius is this times ``sqrt(3N)``.
    """
    n = 3 * n_atoms
    per_frame = max(1, min(count, n // 2))
    # As many planes as one frame has room for are orthogonal to each other.
    planes: list[Floats] = []
    while len(planes) < count:
        frame = orthonormal_directions(n, 2 * per_frame, rng).reshape(per_frame, 2, n_atoms, 3)
        planes.extend(frame)
    phases = rng.uniform(0, 2 * np.pi, count)
    radius = float(rms_displacement * np.sqrt(n))
    return [
        Circle(u, v, radius, float(phase), f"collective circle {i}")
        for i, ((u, v), phase) in enumerate(zip(planes[:count], phases))
    ]


def thermal_circles(
    masses: Floats, count: int, displacement: float, rng: np.random.Generator
) -> list[Circle]:
    """Circles on which heavy atoms move less than light ones, as 1/sqrt(m), as heat moves them.

    Random planes of mass-weighted coordinates: the kinetic energy is the same all along.

    Parameters
    ----------
    masses : (N,) float, amu
    displacement : float, Å sqrt(amu)
        rms of a coordinate, times the root of its mass.
    """
    n = 3 * len(masses)
    found = []
    for number in range(count):
        plane = orthonormal_directions(n, 2, rng).reshape(2, len(masses), 3)
        u, v = plane / np.sqrt(masses)[:, None]
        size = float(np.linalg.norm(u))
        radius = displacement * float(np.sqrt(n)) * size
        phase = float(rng.uniform(0, 2 * np.pi))
        found.append(Circle(u / size, v / size, radius, phase, f"thermal circle {number}"))
    return found


def atom_circle(
    start: Configurations, atom: int, radius: float, rng: np.random.Generator
) -> Circle:
    """One atom on a circle of ``radius`` (Å) about its place, in a random plane."""
    plane = orthonormal_directions(3, 2, rng)
    u, v = np.zeros((2, start.n_atoms, 3))
    u[atom], v[atom] = plane
    label = f"atom {atom} ({start.system.symbols[atom]}), circle of {radius:g} Å"
    return Circle(u, v, radius, float(rng.uniform(0, 2 * np.pi)), label)


def molecules(start: Configurations) -> list[tuple[np.ndarray, Floats]]:
    """Bonded groups of 2 or more atoms that don't span the periodic cell.

    Bonds are distances below 1.2 times the sum of covalent radii (ase.data), minimum image.

    Returns
    -------
    list of (atoms (M,) int, offsets (M, 3) Å from the group's centroid, made whole)
    """
    from ase.data import covalent_radii

    system = start.system
    if len(system) < 2:
        return []
    radii = _BOND * covalent_radii[system.numbers]
    found = near_pairs(start, radii)
    bonds: list[list[tuple[int, Floats]]] = [[] for _ in range(len(system))]
    for a, b, vector in zip(found.first, found.second, found.vectors):
        bonds[a].append((int(b), vector))
    seen = np.zeros(len(system), bool)
    groups = []
    for first in range(len(system)):
        if seen[first]:
            continue
        place = {first: np.zeros(3)}
        queue, whole = [first], True
        while queue:
            a = queue.pop()
            for b, vector in bonds[a]:
                if b not in place:
                    place[b] = place[a] + vector
                    queue.append(b)
                elif np.abs(place[a] + vector - place[b]).max() > _ELSEWHERE:
                    whole = False
        atoms = np.array(sorted(place))
        seen[atoms] = True
        if whole and len(atoms) > 1:
            offsets = np.array([place[a] for a in atoms])
            groups.append((atoms, offsets - offsets.mean(axis=0)))
    return groups


def molecule_rotation(start: Configurations, rng: np.random.Generator) -> RigidRotation | None:
    """One molecule, chosen by ``rng``, turned once about its axis of least inertia.

    None if the structure has no molecule.

    The axis is the molecule's long one, so that the turn stays within the room that it has.
    """
    chosen = _chosen_molecule(start, rng)
    if chosen is None:
        return None
    atoms, offsets, axis, name = chosen
    label = f"{name}, turned once about its long axis"
    return RigidRotation(atoms, offsets, axis, float(rng.uniform(0, 2 * np.pi)), label)


def molecule_turned_and_deformed(
    start: Configurations, rng: np.random.Generator
) -> StrainedTurn | None:
    """One molecule, chosen by ``rng``, turned about its long axis and strained by up to 8 % on the
    way.

    None if the structure has no molecule.
    """
    chosen = _chosen_molecule(start, rng)
    if chosen is None:
        return None
    atoms, offsets, axis, name = chosen
    drawn = rng.standard_normal((2, 3, 3))
    symmetric = (drawn + np.swapaxes(drawn, 1, 2)) / 2
    sizes = np.abs(np.linalg.eigvalsh(symmetric)).max(axis=1)
    strains = _STRAIN * symmetric / sizes[:, None, None]
    label = f"{name}, turned once about its long axis and strained on the way"
    return StrainedTurn(atoms, offsets, axis, strains, label)


def _chosen_molecule(
    start: Configurations, rng: np.random.Generator
) -> tuple[np.ndarray, Floats, Floats, str] | None:
    """A molecule's atoms, their offsets, its long axis and what to call it; None without one."""
    groups = molecules(start)
    if not groups:
        return None
    atoms, offsets = groups[int(rng.integers(len(groups)))]
    # The largest second moment is along the long axis, about which the inertia is least.
    moments, axes = np.linalg.eigh(offsets.T @ offsets)
    # Turning a linear molecule about its own axis would move nothing.
    axis = axes[:, 0] if moments[1] < _LINEAR else axes[:, 2]
    names = ", ".join(f"{a} ({start.system.symbols[a]})" for a in atoms[:_NAMED])
    more = f" and {len(atoms) - _NAMED} more" if len(atoms) > _NAMED else ""
    return atoms, offsets, axis, f"molecule of atoms {names}{more}"
