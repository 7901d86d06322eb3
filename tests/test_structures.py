import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, molecule
from ase.constraints import FixAtoms
from ase.io import write
from ase.neighborlist import neighbor_list

from physcheck.errors import SpecError
from physcheck.potentials import make_builtin
from physcheck.structures import catalogue, load_structures


def test_the_catalogue():
    structures = catalogue()
    assert list(structures)[:3] == ["ethanol", "Si8", "Cu32"]
    first_four = [structures[name].tags for name in list(structures)[:4]]
    assert any("molecule" in tags for tags in first_four)
    assert any("crystal" in tags for tags in first_four)
    for name, structure in structures.items():
        assert structure.name == name
        assert len(structure.configurations) == 1
        thermal = "dynamics" in structure.provenance or "molten" in structure.provenance
        assert ("rattled" in structure.provenance) is not thermal
        assert structure.tags
    tags = frozenset().union(*(s.tags for s in structures.values()))
    assert tags >= {
        "molecule",
        "crystal",
        "cluster",
        "slab",
        "metal",
        "ionic",
        "covalent",
        "triclinic",
        "liquid",
        "disordered",
    }


def test_names_need_no_structures(monkeypatch):
    def fail(name):
        raise AssertionError(f"{name} was made")

    monkeypatch.setattr("physcheck.structures._made", fail)
    structures = catalogue()
    assert "H2O-box32" in structures
    assert "unobtainium" not in structures
    assert len(list(structures)) == len(structures) >= 16
    with pytest.raises(KeyError):
        structures["unobtainium"]


def test_the_water_box_is_liquid_water():
    box = catalogue()["H2O-box32"].configurations
    atoms = box.to_atoms()
    assert atoms.get_masses().sum() / box.volumes()[0] * 1.66054 == pytest.approx(1.0, abs=1e-3)
    assert box.system.symbols == ("O", "H", "H") * 32
    bonds = box.positions[0].reshape(32, 3, 3)
    lengths = np.linalg.norm(bonds[:, 1:] - bonds[:, :1], axis=2)
    # Thermal spread of a bond at 300 K: sqrt(kT/k) = 0.024 Å about SPC/Fw's 1.012 Å, a little
    # longer in the liquid.
    assert lengths.mean() == pytest.approx(1.025, abs=0.02)
    assert 0.015 < lengths.std() < 0.035
    oxygens = atoms[atoms.numbers == 8]
    distances = neighbor_list("d", oxygens, 3.3)
    assert distances.min() > 2.4
    # Four to five neighbours in the first shell.
    assert 4.0 < len(distances) / 32 < 5.5
    model = make_builtin("water")
    energy = model.evaluate(box, want=frozenset({"energy"})).require_energy()[0] / 96
    assert energy == pytest.approx(-0.136, abs=0.01)


def test_the_disordered_copper_has_no_lattice():
    structures = catalogue()
    melt, crystal = (structures[name].configurations for name in ("Cu32-disordered", "Cu32"))
    near = [neighbor_list("d", c.to_atoms(), 3.2) for c in (melt, crystal)]
    # The crystal has 12 neighbours within a thermal spread, the melt a broad first shell.
    assert len(near[1]) / 32 == 12
    assert near[0].std() > 2 * near[1].std()
    assert np.unique(melt.positions.round(3)).size > 60


def test_names_say_the_size():
    for name, structure in catalogue().items():
        digits = (
            name.removesuffix("-triclinic")
            .removesuffix("-slab")
            .removesuffix("-disordered")
            .lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
        )
        if name == "H2O-box32":
            assert structure.configurations.n_atoms == 3 * 32
        elif not structure.tags & {"molecule"}:
            assert structure.configurations.n_atoms == int(digits)


def test_deterministic_and_independent_of_the_others():
    again = catalogue()
    for name, structure in catalogue().items():
        np.testing.assert_array_equal(
            structure.configurations.positions, again[name].configurations.positions
        )
        (alone,) = load_structures(name)
        np.testing.assert_array_equal(
            structure.configurations.positions, alone.configurations.positions
        )


@pytest.mark.parametrize("name", list(catalogue()))
def test_neighbours_are_where_atoms_can_be(name):
    atoms = catalogue()[name].configurations.to_atoms()
    distances = neighbor_list("d", atoms, 6.0)
    assert 0.7 < distances.min() < 4.0


def test_argon_and_slab():
    structures = catalogue()
    argon = structures["Ar13"].configurations
    assert not argon.cells.any()
    np.testing.assert_allclose(
        np.sort(neighbor_list("d", argon.to_atoms(), 9.0))[:10].mean(), 5.43 / np.sqrt(2), atol=0.4
    )
    slab = structures["Cu12-slab"].configurations
    assert slab.system.pbc.tolist() == [True, True, False]


def test_files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    water = molecule("H2O")
    water.info["charge"] = 1
    write("one.extxyz", water)
    write("two frames.extxyz", [water, molecule("CH4")])
    (one,) = load_structures("one.extxyz")
    assert one.name == "one.extxyz"
    assert one.configurations.system.info["charge"] == 1
    np.testing.assert_allclose(one.configurations.positions[0], water.positions, atol=1e-7)
    names = [s.name for s in load_structures("Si8, two frames.extxyz,one.extxyz")]
    assert names == ["Si8", "two frames.extxyz[0]", "two frames.extxyz[1]", "one.extxyz"]
    (last,) = load_structures("two frames.extxyz@1")
    assert last.configurations.system.formula == "CH4"


def test_constraints_are_left_out_aloud(tmp_path):
    atoms = bulk("Cu", cubic=True)
    atoms.set_constraint(FixAtoms([0]))
    write(tmp_path / "fixed.traj", atoms)
    with pytest.warns(UserWarning, match="constraints, which are left out"):
        load_structures(str(tmp_path / "fixed.traj"))


def test_faults(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bad.extxyz").write_text("3\nnonsense\nH 0 0\n")
    (tmp_path / "unknown.qqq").write_text("x")
    write("flat.extxyz", Atoms("H", cell=[[1, 0, 0], [0, 1, 0], [1, 1, 0]], pbc=True))
    (tmp_path / "nan.xyz").write_text("1\n\nH nan 0 0\n")
    write("parallel.extxyz", Atoms("H", cell=[[3, 0, 0], [6, 0, 0], [0, 0, 9]], pbc=(1, 1, 0)))
    write("zero.extxyz", Atoms("H", cell=[[3, 0, 0], [0, 0, 0], [0, 0, 9]], pbc=(1, 1, 0)))
    write("massless.traj", Atoms("HO", positions=[[0, 0, 0], [0, 0, 1]], masses=[0, 16]))
    write("twice.xyz", Atoms("OHH", positions=[[0, 0, 0], [0, 0, 1], [0, 0, 1.01]]))
    write("image.extxyz", Atoms("HO", positions=[[0, 0, 0], [0, 0, 4]], cell=[4, 4, 4], pbc=True))
    for names, message in [
        ("etanol", "no structure 'etanol'; did you mean ethanol"),
        (" , ", "no structures named"),
        ("bad.extxyz", "ASE can't read the structures in bad.extxyz"),
        ("unknown.qqq", "ASE can't read"),
        ("bed.extxyz", "no structure file bed.extxyz; did you mean bad.extxyz"),
        ("sub/x.xyz", "no structure"),
        ("flat.extxyz", "its cell has no volume"),
        ("Si8,Si8", "named twice"),
        ("nan.xyz", "must be finite"),
        ("parallel.extxyz", "parallel or zero"),
        ("zero.extxyz", "parallel or zero"),
        ("massless.traj", "without mass"),
        ("twice.xyz", r"atoms 1 and 2 \(H, H\) at one place"),
        ("image.extxyz", r"atoms 0 and 1 \(H, O\) at one place"),
        (str(tmp_path), "is a folder"),
    ]:
        with pytest.raises(SpecError, match=message):
            load_structures(names)
