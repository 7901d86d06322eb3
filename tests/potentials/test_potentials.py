import pickle

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, molecule
from ase.calculators.lj import LennardJones as AseLennardJones
from ase.calculators.morse import MorsePotential
from support.structures_for_tests import FULL, STRUCTURES, numerical_forces, numerical_stress

from physcheck.errors import ModelError
from physcheck.model import Meter, Model
from physcheck.potentials import BUILTINS, Gupta, HarmonicNetwork, LennardJones, Morse, make_builtin
from physcheck.potentials.switching import bond_lengths, switch
from physcheck.search.case import with_cell
from physcheck.structures import catalogue
from physcheck.system import Configurations

ALL = frozenset({"energy", "forces", "stress"})
GENERAL = ["lennard-jones", "morse", "harmonic", "gupta"]


@pytest.mark.parametrize("structure", STRUCTURES)
@pytest.mark.parametrize("name", [*GENERAL, "network"])
def test_forces_are_minus_the_gradient(name, structure):
    start = STRUCTURES[structure]
    if name == "network":
        rng = np.random.default_rng(8)
        model = HarmonicNetwork(start)
        start = start.displaced(rng.normal(0, 0.05, (1, start.n_atoms, 3)))
    else:
        model = make_builtin(name)
    forces = model.evaluate(start).forces[0]
    gap = numerical_forces(model, start) - forces
    assert np.abs(forces).max() > 1e-2
    assert np.abs(gap).max() < 1e-6 * np.abs(forces).max()
    assert np.abs(forces.sum(axis=0)).max() < 1e-12 * np.abs(forces).sum()


@pytest.mark.parametrize("structure", FULL)
@pytest.mark.parametrize("name", [*GENERAL, "network"])
def test_stress_is_the_strain_derivative(name, structure):
    start = STRUCTURES[structure]
    if name == "network":
        rng = np.random.default_rng(8)
        model = HarmonicNetwork(start)
        start = start.displaced(rng.normal(0, 0.05, (1, start.n_atoms, 3)))
    else:
        model = make_builtin(name)
    stress = model.evaluate(start, want=ALL).stress[0]
    assert np.abs(stress).max() > 1e-4
    assert np.abs(numerical_stress(model, start) - stress).max() < 1e-6 * np.abs(stress).max()


@pytest.mark.parametrize("structure", STRUCTURES)
@pytest.mark.parametrize("name", GENERAL)
def test_batch_equals_one_by_one(name, structure):
    start, model = STRUCTURES[structure], make_builtin(name)
    rng = np.random.default_rng(9)
    batch = start.displaced(rng.normal(0, 0.1, (5, start.n_atoms, 3)))
    together = Meter(model).evaluate(
        batch, want=ALL - ({"stress"} if structure not in FULL else set())
    )
    for b in range(5):
        alone = model.evaluate(batch[b], want=ALL)
        assert together.energy[b] == pytest.approx(alone.energy[0], rel=1e-13)
        assert np.abs(together.forces[b] - alone.forces[0]).max() < 1e-12
        assert (alone.stress is None) == (structure not in FULL)


def test_lennard_jones_agrees_with_ase_inside_the_switch():
    rng = np.random.default_rng(0)
    atoms = Atoms(
        "Ar6",
        rng.permutation(np.indices((2, 2, 2)).reshape(3, -1).T)[:6] * 3.5
        + rng.normal(0, 0.2, (6, 3)),
    )
    model = LennardJones(epsilon=0.0104, sigma=3.4, cutoff=30, switch_width=5)
    answer = model.evaluate(Configurations.from_atoms(atoms))
    atoms.calc = AseLennardJones(epsilon=0.0104, sigma=3.4, rc=1e6)
    assert answer.energy[0] == pytest.approx(atoms.get_potential_energy(), rel=1e-12)
    assert np.abs(answer.forces[0] - atoms.get_forces()).max() < 1e-13


def test_morse_agrees_with_ase_inside_the_switch():
    rng = np.random.default_rng(0)
    atoms = Atoms(
        "Cu6",
        rng.permutation(np.indices((2, 2, 2)).reshape(3, -1).T)[:6] * 2.6
        + rng.normal(0, 0.2, (6, 3)),
    )
    model = Morse(depth=0.34, rho=3.9, distance=2.87, cutoff=30, switch_width=5)
    answer = model.evaluate(Configurations.from_atoms(atoms))
    atoms.calc = MorsePotential(epsilon=0.34, r0=2.87, rho0=3.9, rcut1=20, rcut2=25)
    assert answer.energy[0] == pytest.approx(atoms.get_potential_energy(), rel=1e-12)
    assert np.abs(answer.forces[0] - atoms.get_forces()).max() < 1e-12


def test_lennard_jones_stress_agrees_with_ase():
    atoms = bulk("Ar", "fcc", a=5.0)
    atoms.rattle(0.1, seed=3)
    atoms.set_cell(atoms.cell + np.random.default_rng(1).normal(0, 0.1, (3, 3)), scale_atoms=True)
    # ASE's own smooth cutoff, fed with our parameters, differs; so push both cutoffs between two
    # shells.
    model = LennardJones(epsilon=0.0104, sigma=3.4, cutoff=4.6, switch_width=0.2)
    answer = model.evaluate(Configurations.from_atoms(atoms), want=ALL)
    atoms.calc = AseLennardJones(epsilon=0.0104, sigma=3.4, rc=4.5)
    assert np.abs(answer.stress[0] - atoms.get_stress(voigt=False)).max() < 1e-14


def test_gupta_agrees_with_a_direct_loop():
    c = STRUCTURES["cubic"]
    m = Gupta()
    x, h, z = c.positions[0], c.cells[0], c.system.numbers
    energy = 0.0
    for i in range(len(x)):
        rho = pair = 0.0
        for j in range(len(x)):
            for n in np.ndindex(5, 5, 5):
                r = np.linalg.norm(x[j] - x[i] + (np.array(n) - 2) @ h)
                if 0 < r < m.cutoff:
                    d = bond_lengths(z[[i]], z[[j]])[0]
                    t = max(0.0, (r - m.cutoff + m.switch_width) / m.switch_width)
                    s = 1 - 10 * t**3 + 15 * t**4 - 6 * t**5
                    pair += m.a * np.exp(-m.p * (r / d - 1)) * s
                    rho += np.exp(-2 * m.q * (r / d - 1)) * s
        energy += pair - m.xi * (np.sqrt(rho + m.rho_0) - np.sqrt(m.rho_0))
    assert m.evaluate(c).energy[0] == pytest.approx(energy, rel=1e-12)


def test_the_switch_is_c2_at_both_ends():
    for end in (4.0, 6.0):
        for h, power in ((1e-2, 3), (1e-3, 3)):
            r = np.array([end - h, end, end + h])
            value, slope = switch(r, 4.0, 6.0)
            # Without a jump in the second derivative the slope grows as h² and the value as h³.
            assert np.abs(value - value[1]).max() < 2 * h**power
            assert np.abs(slope - slope[1]).max() < 6 * h**2


@pytest.mark.parametrize("end", ["onset", "cutoff"])
@pytest.mark.parametrize("name", GENERAL)
def test_stiffness_has_no_jump_where_the_switch_begins_and_ends(name, end):
    model = make_builtin(name)
    bond = 2.64
    if name == "harmonic":
        place = (1.25 if end == "onset" else 1.5) * bond
    else:
        place = model.cutoff - (model.switch_width if end == "onset" else 0.0)
    c = Configurations.from_atoms(Atoms("Cu2", [[0, 0, 0], [2, 0, 0]]))

    def largest_change(h):
        x = np.repeat(c.positions, 9, axis=0)
        x[:, 1, 0] = place + h * np.arange(-4, 5)
        stiffness = np.diff(model.evaluate(c.at(x)).forces[:, 1, 0]) / h
        return np.abs(np.diff(stiffness)).max()

    # A jump would stay as the step shrinks; a kink's change shrinks with it.
    assert 0 < largest_change(1e-3) < 0.15 * largest_change(1e-2)


def test_an_atom_alone_and_far_atoms_have_no_forces():
    for name in GENERAL:
        model = make_builtin(name)
        for atoms in (Atoms("Cu"), Atoms("CuH", [[0, 0, 0], [0, 0, 50]])):
            answer = model.evaluate(Configurations.from_atoms(atoms))
            assert np.abs(answer.forces).max() == 0.0
            assert answer.energy[0] == 0.0


@pytest.mark.parametrize("name", GENERAL)
def test_rattled_structures_have_moderate_forces(name):
    model, rng = make_builtin(name), np.random.default_rng(0)
    for atoms in (
        *(molecule(m) for m in ("CH3CH2OH", "CH4", "H2O", "C6H6", "N2", "HCN")),
        *(
            bulk("Cu", cubic=True),
            bulk("NaCl", "rocksalt", a=5.64, cubic=True),
            bulk("Si", cubic=True),
        ),
    ):
        c = Configurations.from_atoms(atoms)
        forces = model.evaluate(c.displaced(rng.normal(0, 0.05, (10, len(atoms), 3)))).forces
        assert np.linalg.norm(forces, axis=-1).max() < 30


def test_network_is_harmonic_and_survives_rotation_and_lattice_shifts():
    start = STRUCTURES["triclinic-outside"]
    model = HarmonicNetwork(start)
    assert model.evaluate(start).energy[0] == 0.0
    rng = np.random.default_rng(1)
    moved = start.displaced(rng.normal(0, 0.1, (1, start.n_atoms, 3)))
    energy = model.evaluate(moved).energy[0]
    q, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    shifts = rng.integers(-2, 3, (start.n_atoms, 3)) @ start.cells[0]
    turned = moved.at((moved.positions[0] + shifts) @ q, moved.cells[0] @ q)
    assert model.evaluate(turned).energy[0] == pytest.approx(energy, rel=1e-12)
    with pytest.raises(ValueError, match="reference"):
        model.evaluate(STRUCTURES["cubic"])


@pytest.mark.parametrize("name", BUILTINS)
def test_models_fulfil_the_protocol_and_can_be_pickled(name):
    model = make_builtin(name)
    assert isinstance(model, Model)
    assert model.capabilities.batched
    assert model.capabilities.adapter == "builtin"
    again = pickle.loads(pickle.dumps(model))
    assert vars(again) == vars(model)


def test_the_many_body_range_is_twice_the_cutoff():
    assert make_builtin("gupta", cutoff="4.5").capabilities.interaction_range == 9.0
    assert make_builtin("morse").capabilities.interaction_range == 6.0


def test_water_refuses_cells_in_which_a_bond_has_no_nearest_image():
    start = catalogue()["H2O"].configurations
    model = make_builtin("water")
    narrow = with_cell(start, np.diag([2.9, 9.0, 9.0]), (True, True, True))
    with pytest.raises(ModelError, match=r"at least 3 Å between opposite faces, this one has 2\.9"):
        model.evaluate(narrow)
    model.evaluate(with_cell(start, np.diag([2.9, 9.0, 9.0]), (False, True, True)))
