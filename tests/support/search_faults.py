"""Lennard-Jones potentials with faults that only special cases show, for tests of the search."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from ase.geometry import complete_cell

from physcheck.potentials.lennard_jones import LennardJones
from physcheck.potentials.neighbours import find_pairs
from physcheck.system import Evaluation


class Faulty:
    """The sound potential; a fault changes ``broken``."""

    def __init__(self):
        self.sound = LennardJones()

    @property
    def capabilities(self):
        return self.sound.capabilities

    def evaluate(self, configurations, *, want=frozenset({"forces"})):
        return self.broken(configurations, self.sound.evaluate(configurations, want=want))

    def broken(self, c, answer):
        return answer


class SpeciesDirect(Faulty):
    """A force on oxygen only, which is no gradient and has no reaction."""

    def broken(self, c, answer):
        pairs = find_pairs(c, 4.0)
        sideways = np.cross(pairs.directions, [0.3, 0.5, 0.8])
        forces = pairs.forces(sideways * np.exp(-pairs.distances)[:, None])
        oxygen = (c.system.numbers == 8)[:, None]
        return replace(answer, forces=answer.forces + 0.05 * forces * oxygen)


class LeftHanded(Faulty):
    """Everything is 1 % larger where the determinant of the cell is negative."""

    def broken(self, c, answer):
        factor = np.where((np.linalg.det(c.cells) < 0) & c.system.pbc.all(), 1.01, 1.0)
        stress = answer.stress
        return Evaluation(
            answer.energy * factor,
            answer.forces * factor[:, None, None],
            None if stress is None else stress * factor[:, None, None],
        )


class Collinear(Faulty):
    """NaN where a neighbour stands exactly opposite to another: an arccos without a guard."""

    def broken(self, c, answer):
        pairs, forces = find_pairs(c, 3.0), answer.forces.copy()
        vectors = np.concatenate([pairs.directions, -pairs.directions])
        atoms = np.concatenate([pairs.first_rows, pairs.second_rows])
        for atom in np.unique(atoms):
            around = vectors[atoms == atom]
            if (around @ around.T <= -1 + 1e-15).any():
                forces.reshape(-1, 3)[atom] = np.nan
        return replace(answer, forces=forces)


class OutsideCell(Faulty):
    """Atoms farther out than the neighbouring cells feel less."""

    def broken(self, c, answer):
        if not c.system.is_periodic:
            return answer
        forces = answer.forces.copy()
        for row, (x, cell) in enumerate(zip(c.positions, c.cells)):
            fractional = x @ np.linalg.inv(np.array(complete_cell(cell)))
            out = ((abs(fractional - 0.5) > 1.5) & c.system.pbc).any(axis=1)
            forces[row, out] *= 0.9
        return replace(answer, forces=forces)


class LastNeighbourOnly(Faulty):
    """Each atom feels only the last atom of the list within 4 Å: energies jump where one enters."""

    bottom = 3.0

    @property
    def capabilities(self):
        return replace(super().capabilities, outputs=frozenset({"energy", "forces"}))

    def evaluate(self, c, *, want=frozenset({"forces"})):
        energies = np.zeros(len(c))
        forces = np.zeros_like(c.positions)
        pairs, n = find_pairs(c, 4.0), c.n_atoms
        last = {}
        for k, (a, b) in enumerate(zip(pairs.first_rows, pairs.second_rows)):
            for atom, other, sign in ((a, b, 1.0), (b, a, -1.0)):
                if atom not in last or other > last[atom][0]:
                    last[atom] = other, k, sign
        for atom, (other, k, sign) in last.items():
            distance = pairs.distances[k]
            energies[atom // n] += 0.1 * (distance - self.bottom) ** 2
            pull = 0.2 * (distance - self.bottom) * sign * pairs.directions[k]
            forces.reshape(-1, 3)[atom] += pull
            forces.reshape(-1, 3)[other] -= pull
        return Evaluation(energies, forces, None)


class NeighbourCap(LastNeighbourOnly):
    """The same with an energy that is zero at 4 Å: it jumps only where one neighbour drops another,
    which takes an atom and two that cross.
    """

    bottom = 4.0


class TooClose(Faulty):
    """Atoms nearer than 2.0 Å push each other sideways: no gradient, below that distance alone."""

    reach = 2.0

    def broken(self, c, answer):
        pairs = find_pairs(c, self.reach)
        sideways = np.cross(pairs.directions, [0.3, 0.5, 0.8])
        depth = 20.0 * (1 - pairs.distances / self.reach)
        return replace(answer, forces=answer.forces + pairs.forces(sideways * depth[:, None]))


class ManyKinks(Faulty):
    """No fault: a triangle wave of each distance, whose force jumps by 0.3 eV/Å every 0.05 Å."""

    slope, width, reach = 0.15, 0.05, 4.0

    def broken(self, c, answer):
        pairs = find_pairs(c, self.reach)
        place = (self.reach - pairs.distances) / self.width
        is_rising = np.floor(place) % 2 == 0
        part = self.width * (place - np.floor(place))
        energies = self.slope * np.where(is_rising, part, self.width - part)
        slopes = np.where(is_rising, -self.slope, self.slope)
        energy = answer.energy.copy()
        np.add.at(energy, pairs.first_rows // c.n_atoms, energies)
        forces = answer.forces + pairs.forces(slopes[:, None] * pairs.directions)
        return replace(answer, energy=energy, forces=forces)
