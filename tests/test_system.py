"""How systems, configurations and answers show themselves."""

import numpy as np
from ase.build import bulk, molecule
from hypothesis.vendor.pretty import pretty

from physcheck import Configurations, Evaluation, as_configurations


def test_few_atoms_are_shown_with_their_places():
    water = as_configurations(molecule("H2O"))
    assert repr(water) == (
        "<1 configuration of H2O, 3 atoms, not periodic\n"
        "  O     0.00000000    0.00000000    0.11926200\n"
        "  H     0.00000000    0.76323900   -0.47704700\n"
        "  H     0.00000000   -0.76323900   -0.47704700>"
    )
    assert repr(water.system) == "<System H2O, 3 atoms, not periodic>"


def test_many_atoms_take_six_lines_and_an_example_is_shown_whole():
    cube = as_configurations(bulk("Cu", cubic=True).repeat((2, 1, 1)))
    lines = repr(cube).splitlines()
    assert lines[0] == "<1 configuration of Cu8, 8 atoms, periodic"
    assert lines[1] == "  cell  7.22 0 0, 0 3.61 0, 0 0 3.61"
    assert lines[-1] == "  and 5 more atoms>"
    assert len(lines) == 6
    # What hypothesis prints of a test that fails.
    assert len(pretty(cube).splitlines()) == 2 + 8


def test_batches_and_answers_are_a_line():
    slab = bulk("Cu")
    slab.pbc = (True, False, True)
    one = as_configurations(slab)
    two = Configurations(one.system, np.zeros((2, 1, 3)), np.zeros((2, 3, 3)))
    assert repr(two) == "<2 configurations of Cu, 1 atom, periodic along ac alone>"
    answer = Evaluation(energy=np.array([-1.5]), forces=np.zeros((1, 3, 3)))
    assert repr(answer) == "<Evaluation: energy -1.5 eV, forces (1, 3, 3)>"
    assert repr(Evaluation()) == "<Evaluation: no output>"
