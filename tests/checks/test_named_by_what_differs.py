"""Faults that people reported in public whose failure is named by the output that shows it."""

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.calculator import all_changes
from ase.calculators.emt import EMT
from ase.stress import full_3x3_to_voigt_6_stress, voigt_6_to_full_3x3_stress
from support.family_runs import structure

import physcheck
from physcheck.measurement import Outcome, judge
from physcheck.registry import tolerance_of


def outcome(measured):
    return judge(measured, tolerance_of(measured.check, "md")).outcome


class Changed(EMT):
    """EMT with results that a method changes."""

    def calculate(self, atoms=None, properties=("energy",), system_changes=all_changes):
        super().calculate(atoms, properties, system_changes)
        self.change(self.results, atoms)

    def change(self, results, atoms):
        pass


class EnergiesOfACommittee(Changed):
    """ASE's energies of atoms are those of the members (ACEsuit/mace#1178)."""

    def change(self, results, atoms):
        results["energies"] = results["energy"] * np.array([0.99, 1.0, 1.01])


@pytest.mark.parametrize("count", [2, 3])
def test_energies_of_a_committee_are_not_energies_of_atoms(count):
    # Three members by chance match three atoms: the six of two cells tell.
    start = bulk("Cu") * (count, 1, 1)
    found = physcheck.measure_outputs_agree(EnergiesOfACommittee(), start, rng=0)
    assert outcome(found) is Outcome.FAIL
    assert "energies (3 numbers) and the" in found.evidence["title"]
    sound = physcheck.measure_outputs_agree(Changed(), start, rng=0)
    assert outcome(sound) is Outcome.PASS
    assert "title" not in sound.evidence


class AllAxes(Changed):
    """What is periodic along one axis is taken to be so along all."""

    def calculate(self, atoms=None, properties=("energy",), system_changes=all_changes):
        if atoms.pbc.any():
            atoms = atoms.copy()
            atoms.pbc = True
        super().calculate(atoms, properties, system_changes)


def test_axes_that_are_not_periodic_are_told_in_crystals_alone():
    found = physcheck.measure_lattice_basis(AllAxes(), structure("copper"), rng=0)
    assert outcome(found) is Outcome.FAIL
    assert "the third axis not periodic, and its cell vector" in found.evidence["place"]
    sound = physcheck.measure_lattice_basis(Changed(), structure("copper"), rng=0)
    assert outcome(sound) is Outcome.PASS
    assert sound.force_evaluations - 16 <= 15


class InTheFrameOfLAMMPS(Changed):
    """The stress stays in the frame in which the cell is a triangle; forces are turned back."""

    def change(self, results, atoms):
        _, turn = atoms.cell.standard_form()
        stress = voigt_6_to_full_3x3_stress(results["stress"])
        results["stress"] = full_3x3_to_voigt_6_stress(turn @ stress @ turn.T)


def test_a_stress_in_another_frame_is_called_so():
    start = bulk("Cu") * (2, 1, 1)
    start.rattle(0.1, seed=1)
    for measure in (physcheck.measure_lattice_basis, physcheck.measure_rotation_equivariance):
        found = measure(InTheFrameOfLAMMPS(), start, rng=0)
        assert outcome(found) is Outcome.FAIL
        assert found.evidence["title"].startswith("the stress d")
        assert found.evidence["only_output"] == "stress"
        assert "title" not in measure(Changed(), start, rng=0).evidence


class OfAnAtom(Changed):
    """The energy is one per atom."""

    def change(self, results, atoms):
        results["energy"] = results["free_energy"] = results["energy"] / len(atoms)


def test_an_energy_of_an_atom_is_called_so():
    ethanol = structure("ethanol")
    gap = physcheck.measure_force_energy_gap(OfAnAtom(), ethanol, rng=0)
    assert gap.evidence["factor"] == pytest.approx(9, rel=0.02)
    assert "the energy is one per atom" in gap.evidence["title"]
    apart = physcheck.measure_separated_additivity(OfAnAtom(), ethanol, rng=0)
    assert apart.evidence["only_output"] == "energy"
    assert apart.evidence["title"] == "the energies of two fragments far apart don't add up"
