"""The model against the energies and forces of a structure file."""

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import write

import physcheck
from physcheck.errors import CapabilityMissing, ModelError
from physcheck.potentials import make_builtin
from physcheck.structures import load_structures
from physcheck.system import Configurations

MODEL = make_builtin("gupta")


def answers(atoms):
    found = MODEL.evaluate(Configurations.from_atoms(atoms), want=frozenset({"energy", "forces"}))
    return float(found.energy[0]), np.array(found.forces[0])


def labelled_file(path, *, count=20, force_error=0.0, energy_error=0.0, offset=0.0, factor=1.0):
    """Frames of copper, labelled by the model itself with errors that are known."""
    rng = np.random.default_rng(0)
    frames = []
    for i in range(count):
        atoms = bulk("Cu", cubic=True)
        atoms.rattle(0.1, seed=i)
        energy, forces = answers(atoms)
        atoms.calc = SinglePointCalculator(
            atoms,
            energy=energy + offset + len(atoms) * energy_error * rng.standard_normal(),
            forces=factor * forces + force_error * rng.standard_normal(forces.shape),
        )
        frames.append(atoms)
    write(path, frames)
    return load_structures(str(path))


def measured(structure, **options):
    return physcheck.measure_reference_error(MODEL, structure.configurations, **options)


def test_labels_of_the_model_itself(tmp_path):
    first, *others = labelled_file(tmp_path / "own.traj", offset=1234.5)
    found = measured(first)
    assert found.value < 1e-12
    assert found.evidence["quantities"]["energy_error_meV_per_atom"] < 1e-6
    assert found.evidence["quantities"]["slope_of_forces"] == pytest.approx(1.0)
    # The first frame's record stands for the file.
    with pytest.raises(CapabilityMissing, match="first frame of a file compares them all"):
        measured(others[0])
    with pytest.raises(CapabilityMissing, match="no energies and forces are at hand"):
        physcheck.measure_reference_error(MODEL, bulk("Cu", cubic=True))


def test_errors_of_known_size(tmp_path):
    (first, *_) = labelled_file(
        tmp_path / "off.traj", count=40, force_error=0.05, energy_error=0.003, offset=7.0
    )
    found = measured(first, frames=40)
    # 480 components: a standard error of 1/sqrt(2 480) = 3 %.
    assert found.value == pytest.approx(0.05, rel=0.1)
    assert found.interval[0] < 0.05 < found.interval[1]
    assert found.uncertainty == pytest.approx(0.05 / np.sqrt(2 * 480), rel=0.5)
    assert found.evidence["quantities"]["energy_error_meV_per_atom"] == pytest.approx(3, rel=0.35)
    assert found.force_evaluations == 40
    few = measured(first)
    assert few.force_evaluations == 12
    assert len(few.evidence["quantities"]["frames"]) == 12


def test_a_wrong_unit_shows_as_a_slope(tmp_path):
    (first, *_) = labelled_file(tmp_path / "unit.traj", factor=1 / 27.211386)
    quantities = measured(first).evidence["quantities"]
    assert quantities["slope_of_forces"] == pytest.approx(27.211386, rel=1e-6)
    assert quantities["force_correlation"] == pytest.approx(1.0)


def test_frames_that_the_model_refuses(tmp_path):
    silicon, copper = bulk("Si", cubic=True), bulk("Cu", cubic=True)
    silicon.calc = SinglePointCalculator(silicon, energy=-1.0, forces=np.ones((8, 3)))
    copper.rattle(0.1, seed=1)
    copper.calc = EMT()
    labels = {"energy": copper.get_potential_energy(), "forces": copper.get_forces()}
    copper.calc = SinglePointCalculator(copper, **labels)
    write(tmp_path / "mixed.extxyz", [copper, silicon, copper])
    first, *_ = load_structures(str(tmp_path / "mixed.extxyz"))
    found = physcheck.measure_reference_error(EMT(), first.configurations)
    assert list(found.evidence["quantities"]["refused"]) == [f"{tmp_path}/mixed.extxyz[1]"]
    # extxyz has eight decimals.
    assert found.value < 1e-7
    write(tmp_path / "silicon.extxyz", silicon)
    (only,) = load_structures(str(tmp_path / "silicon.extxyz"))
    with pytest.raises(ModelError):
        physcheck.measure_reference_error(EMT(), only.configurations)


def test_energies_alone_are_not_enough(tmp_path):
    copper = bulk("Cu", cubic=True)
    copper.info["REF_energy"] = -1.0
    write(tmp_path / "e.extxyz", copper)
    (one,) = load_structures(str(tmp_path / "e.extxyz"))
    with pytest.raises(CapabilityMissing, match="energies but no forces"):
        measured(one)


def test_other_configurations_do_not_inherit_the_labels(tmp_path):
    first, *_ = labelled_file(tmp_path / "own.traj", count=3)
    start = first.configurations
    assert len(start.labelled) == 3
    assert start[0].labelled == start.displaced(np.zeros(12)).labelled == ()
