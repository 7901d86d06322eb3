"""Structure files: which frames, which format, what is refused and how fast."""

import time
import warnings

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, molecule
from ase.calculators.emt import EMT
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import read, write

from physcheck.errors import SpecError
from physcheck.files.reference_labels import labels_of
from physcheck.structures import load_structures


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def rattled(atoms, scale, seed=0, energy=None):
    moved = atoms.copy()
    moved.rattle(scale, seed=seed)
    if energy is not None:
        moved.calc = SinglePointCalculator(moved, energy=energy, forces=0.1 + 0 * moved.positions)
    return moved


def names(text):
    return [structure.name for structure in load_structures(text)]


def test_frames_by_index_in_ases_syntax():
    write("md.traj", [rattled(bulk("Cu", cubic=True), 0.1, i) for i in range(23)])
    assert names("md.traj@:10") == [f"md.traj@:10[{i}]" for i in range(10)]
    assert len(names("md.traj@::5")) == 5
    assert names("md.traj@-1") == ["md.traj@-1"]
    assert len(names("md.traj@5:9:2")) == 2
    (one,) = load_structures("md.traj@7")
    np.testing.assert_array_equal(one.configurations.positions[0], read("md.traj", 7).positions)
    for text, message in [
        ("md.traj@99", "has no frame @99"),
        ("md.traj@50:", "holds no structures at @50:"),
        ("md.traj@::0", "step should be 1 or more"),
        ("md.traj@", "has no index after the @"),
        ("md.traj@9999999999", "more than 9 digits"),
        ("md.trj@:3", "no structure file md.trj@:3; did you mean md.traj"),
    ]:
        with pytest.raises(SpecError, match=message):
            load_structures(text)


def test_a_file_that_has_an_at_sign_in_its_name():
    write("x@1.extxyz", molecule("H2O"))
    write("x@2", molecule("CH4"), format="extxyz")
    assert names("x@1.extxyz") == ["x@1.extxyz"]
    assert names("x@2") == ["x@2"]
    assert load_structures("x@2:extxyz")[0].configurations.system.formula == "CH4"


def test_the_format_by_name():
    write("c.out", [molecule("H2O")] * 3, format="extxyz")
    assert names("c.out:extxyz@1") == names("c.out:extxyz@1") == ["c.out:extxyz@1"]
    assert len(names("c.out:extxyz@:2")) == len(names("c.out@:2:extxyz")) == 2
    with pytest.raises(SpecError, match="no format 'extxy'; did you mean extxyz"):
        load_structures("c.out:extxy")


def test_lammps_data_needs_elements():
    copper = bulk("Cu", cubic=True)
    write("cu.data", copper, format="lammps-data")
    write("m.data", copper, format="lammps-data", masses=True)
    for name in ("cu.data", "cu.data:lammps-data"):
        with pytest.raises(
            SpecError, match=r"LAMMPS data without elements.*section Masses or Atom"
        ):
            load_structures(name)
    for name in ("m.data", "m.data:lammps-data"):
        assert load_structures(name)[0].configurations.system.formula == "Cu4"


CIF = """data_x
_cell_length_a 3.85
_cell_length_b 3.85
_cell_length_c 3.85
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
_symmetry_space_group_name_H-M 'F m -3 m'
loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_occupancy
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
"""


def test_sites_that_are_occupied_in_part(folder):
    (folder / "half.cif").write_text(CIF + "Cu1 Cu 0.5 0 0 0\nAu1 Au 0.5 0 0 0\n")
    (folder / "vacant.cif").write_text(CIF + "Cu1 Cu 0.75 0 0 0\n")
    (folder / "full.cif").write_text(CIF + "Cu1 Cu 1.0 0 0 0\n")
    with pytest.raises(SpecError, match=r"occupied in part \(Cu 0.5, Au 0.5\).*ordered supercell"):
        load_structures("half.cif")
    with pytest.raises(SpecError, match=r"occupied in part \(Cu 0.75\)"):
        load_structures("vacant.cif")
    assert load_structures("full.cif")[0].configurations.system.formula == "Cu4"
    water = molecule("H2O")
    water.arrays["occupancy"] = np.array([1.0, 1.0, 0.5])
    write("w.extxyz", water)
    with pytest.raises(SpecError, match=r"atom 2 \(H\) with the occupancy 0.5"):
        load_structures("w.extxyz")


def cell_of(*rows):
    return Atoms("Cu", cell=rows, pbc=True)


@pytest.mark.parametrize(
    ("atoms", "message"),
    [
        (cell_of((0.1, 0, 0), (0, 5, 0), (0, 0, 5)), "only 0.1 Å thick"),
        (cell_of((1e-9, 0, 0), (0, 5, 0), (0, 0, 5)), "only 1e-09 Å thick"),
        (cell_of((0.75, 0, 0), (0, 0.75, 0), (0, 0, 0.75)), "0.422 Å³ an atom"),
        (cell_of((1e308, 0, 0), (0, 5, 0), (0, 0, 5)), "lattice vector of"),
        (cell_of((1e7, 0, 0), (0, 5, 0), (0, 0, 5)), "lattice vector of 1e.07 Å"),
        (Atoms("Cu", cell=[(4, 0, 0), (0, 4, 0), (0, 0, 1e-9)], pbc=(1, 1, 0)), "only 1e-09 Å"),
        (Atoms("Cu", cell=[(4, 0, 0), (0, 4, 0), (0, 0, 1e9)], pbc=(1, 1, 0)), "of 1e.09 Å"),
        (Atoms("Cu", cell=[(4, 0, 0), (0, 4, 0), (4, 0, 0)], pbc=(1, 1, 0)), "parallel or zero"),
        (cell_of((4, 0, 0), (400, 4, 0), (0, 0, 4)), "100 times as long as its cell is thick"),
        (cell_of((4, 0, 0), (np.nan, 4, 0), (0, 0, 4)), "its cell must be finite"),
        (cell_of((4, 0, 0), (8, 0, 0), (0, 0, 4)), "no volume"),
        (cell_of((0, 0, 0), (0, 4, 0), (0, 0, 4)), "no volume"),
        (Atoms("CuCu", [(0, 0, 0), (1e308, 0, 0)]), "atom 1 at a coordinate of 1e.308 Å"),
        (Atoms("CuCu", [(0, 0, 0), (0, -1e6, 0)]), "atom 1 at a coordinate of 1e.06 Å"),
        (Atoms("CuCu", [(0, 0, 0), (0, np.inf, 0)]), "its positions must be finite"),
        (Atoms("Cu", [(np.nan, 0, 0)]), "its positions must be finite"),
        (Atoms("XCu", [(0, 0, 0), (0, 0, 2)]), "atomic number 0 at atom 0"),
    ],
)
def test_cells_and_coordinates_that_cannot_be(atoms, message):
    write("s.traj", atoms)
    started = time.monotonic()
    with pytest.raises(SpecError, match=message):
        load_structures("s.traj")
    assert time.monotonic() - started < 1


@pytest.mark.parametrize("number", [119, 200, 1000, -1])
def test_elements_that_do_not_exist(number):
    from physcheck.files.structure_refusals import refuse_unusable

    atoms = Atoms("Cu2", [(0, 0, 0), (0, 0, 2)])
    atoms.arrays["numbers"][1] = number
    with pytest.raises(SpecError, match=f"x has the atomic number {number} at atom 1"):
        refuse_unusable(atoms, "x")


def test_unusual_structures_that_are_sound():
    sound = {
        "primitive": bulk("Cu"),
        "graphite": bulk("C", "hcp", a=2.46, c=6.7),
        # Hydrogen at 500 GPa is 1.2 Å from its neighbours.
        "dense": bulk("H", "sc", a=1.2),
        "tube": Atoms("H2", [(0, 0, 0), (0, 0, 1)], cell=(2.5, 100, 200), pbc=True),
        "chain": Atoms("C", cell=(1.3, 0, 0), pbc=(1, 0, 0)),
        "unwrapped": Atoms("Cu", [(3000.0, -20.0, 5e4)], cell=(4, 4, 4), pbc=True),
        "lefthanded": Atoms("Cu", cell=[(0, 4, 0), (4, 0, 0), (0, 0, 4)], pbc=True),
        "oganesson": Atoms("Og2", [(0, 0, 0), (0, 0, 4)]),
        "slab": Atoms("Cu", cell=[(2.5, 0, 0), (0, 2.5, 0), (0, 0, 0)], pbc=(1, 1, 0)),
        "huge box": Atoms("H", cell=(1e300, 1e300, 1e-300)),
        "box": Atoms("H2", [(0, 0, 0), (0, 0, 1)], cell=(1e-12, 1, 1), pbc=False),
    }
    for name, atoms in sound.items():
        write(f"{name}.traj", atoms)
        assert names(f"{name}.traj") == [f"{name}.traj"]


def training_set():
    """One isolated atom, 60 frames of copper, 30 of water, 20 of methane, with energies."""
    copper = bulk("Cu", cubic=True)
    frames = [Atoms("Cu", cell=(20, 20, 20), pbc=True)]
    for i in range(60):
        strained = copper.copy()
        strained.set_cell(copper.cell * (1 + 0.002 * (i % 10 - 5)), scale_atoms=True)
        frames.append(rattled(strained, 0.02 + 0.002 * i, i, energy=float(i)))
    frames += [rattled(molecule("H2O"), 0.05, i, energy=-10.0) for i in range(30)]
    frames += [rattled(molecule("CH4"), 0.05, i, energy=-20.0 - i) for i in range(20)]
    return frames


def test_a_file_of_many_frames_is_represented_by_distinct_ones():
    write("train.extxyz", training_set())
    found = load_structures("train.extxyz")
    assert 3 <= len(found) <= 8
    formulas = [one.configurations.system.formula for one in found]
    # The most frequent first, every composition, at most three of one, no isolated atom.
    assert formulas[:3] == ["Cu4", "H2O", "CH4"]
    assert max(formulas.count(formula) for formula in formulas) <= 3
    volumes = [s.configurations.volumes()[0] for s, f in zip(found, formulas, strict=True)
               if f == "Cu4"]  # fmt: skip
    assert max(volumes) / min(volumes) > 1.03
    remark = found[0].remark
    assert remark.startswith("train.extxyz has 111 frames (Cu4, H2O, CH4); judged are frames ")
    for one in found:
        assert one.name.split("[")[1].rstrip("]") in remark
    assert "1 of a single atom is left out" in remark
    assert [s.remark for s in found[1:]] == [""] * (len(found) - 1)
    again = load_structures("./train.extxyz")
    assert [s.name.split("[")[1] for s in again] == [s.name.split("[")[1] for s in found]


def test_frames_of_a_trajectory_are_its_typical_and_its_most_unlike_ones():
    copper = bulk("Cu", cubic=True)
    frames = [rattled(copper, 0.02, i) for i in range(40)]
    frames[31] = rattled(copper, 0.4, 31)
    frames[12].set_cell(0.9 * copper.cell, scale_atoms=True)
    write("md.traj", frames)
    chosen = names("md.traj")
    assert len(chosen) == 3
    assert {"md.traj[31]", "md.traj[12]"} < set(chosen)
    assert chosen[0] not in {"md.traj[31]", "md.traj[12]"}


def test_identical_frames_and_single_atoms_alone():
    write("same.traj", [molecule("H2O")] * 20)
    assert names("same.traj") == ["same.traj[0]"]
    write("atoms.extxyz", [Atoms(s) for s in ("H", "C", "N", "O", "F", "Cl", "Br", "I", "P", "S")])
    assert len(names("atoms.extxyz")) == 8
    write("few.extxyz", [Atoms("H"), molecule("H2O")])
    assert names("few.extxyz") == ["few.extxyz[1]", "few.extxyz[0]"]


def test_a_file_is_read_anew_when_it_changes():
    write("x.extxyz", molecule("H2O"))
    assert load_structures("x.extxyz")[0].configurations.system.formula == "H2O"
    write("x.extxyz", molecule("CH4"))
    assert load_structures("x.extxyz")[0].configurations.system.formula == "CH4"


def test_a_thousand_frames_are_read_in_seconds():
    copper = bulk("Cu", cubic=True)
    write("md.traj", [rattled(copper, 0.1, i) for i in range(1000)])
    started = time.monotonic()
    assert len(names("md.traj")) == 3
    assert time.monotonic() - started < 10


def test_a_reader_that_never_ends_is_ended(folder, monkeypatch):
    monkeypatch.setattr("physcheck.files.structure_reading._READ_SECONDS", 0.3)
    (folder / "x.restart").write_text("nothing\n")
    with pytest.raises(SpecError, match=r"as cp2k-restart took too long.*FILE:FORMAT"):
        load_structures("x.restart:cp2k-restart")
    with pytest.raises(SpecError, match="took too long"):
        load_structures("x.restart")


def test_somebody_elses_alarm_goes_on():
    import signal

    from physcheck.files.time_limit import TookTooLong, time_limit

    rung = []
    before = signal.signal(signal.SIGALRM, lambda *_: rung.append(1))
    signal.setitimer(signal.ITIMER_REAL, 0.2)
    try:
        with pytest.raises(TookTooLong), time_limit(0.05):
            time.sleep(1)
        time.sleep(0.3)
        assert rung == [1]
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_labels_of_odd_keys():
    water = molecule("H2O")
    assert not labels_of(water)
    water.calc = EMT()
    assert not labels_of(water)
    forces, others = np.ones((3, 3)), np.zeros((3, 3))
    water.calc = SinglePointCalculator(water, energy=1.0, forces=others)
    assert labels_of(water).keys == ("energy", "forces")
    water.info["REF_energy"] = 2.0
    water.arrays["dft_forces"] = forces
    labels = labels_of(water)
    assert (labels.energy, labels.keys) == (2.0, ("REF_energy", "dft_forces"))
    assert labels.passed_over == ("energy", "forces")
    np.testing.assert_array_equal(labels.forces, forces)
    water.info["REF_energy"] = np.nan
    water.arrays["dft_forces"] = np.ones((3, 2))
    assert labels_of(water).keys == ("energy", "forces")
    water.info = {"energy_of_adsorption": 5.0, "ref_energy": "unknown"}
    assert labels_of(water).energy == 1.0


def test_ases_remarks_on_a_file_are_no_errors(folder):
    (folder / "c.cif").write_text((CIF + "Cu1 Cu 1.0 0 0 0\n").replace("'F m -3 m'", "'P 1'"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load_structures("c.cif")
