"""Tests as this project has had them all along; physcheck leaves them alone."""

import pytest
from ase import Atoms
from silica import Silica
from structures import quartz


def test_nothing_is_left_beyond_the_cutoff():
    assert Atoms("SiO", [(0, 0, 0), (6.1, 0, 0)], calculator=Silica()).get_potential_energy() == 0.0


def test_quartz_is_bound():
    atoms = quartz()
    atoms.calc = Silica()
    assert atoms.get_potential_energy() / 3 == pytest.approx(-38, abs=1)
