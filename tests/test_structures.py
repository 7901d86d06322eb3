import numpy as np
import pytest
from ase import Atoms
from ase.build import molecule
from ase.io import write
from ase.neighborlist import neighbor_list

from physcheck.errors import SpecError
from physcheck.structures import catalogue, load_structures


def test_the_catalogue():
    structures = catalogue()
    assert 8 <= len(structures) <= 14
    first_four = [structures[name].tags for name in list(structures)[:4]]
    assert any("molecule" in tags for tags in first_four)
    assert any("crystal" in tags for tags in first_four)
    for name, structure in structures.items():
        assert structure.name == name
        assert len(structure.configurations) == 1
        assert "rattled" in structure.provenance
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
    }


def test_names_say_the_size():
    for name, structure in catalogue().items():
        digits = (
            name.removesuffix("-triclinic")
            .removesuffix("-slab")
            .lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
        )
        if not structure.tags & {"molecule"}:
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


def test_faults(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bad.extxyz").write_text("3\nnonsense\nH 0 0\n")
    (tmp_path / "unknown.qqq").write_text("x")
    write("flat.extxyz", Atoms("H", cell=[[1, 0, 0], [0, 1, 0], [1, 1, 0]], pbc=True))
    (tmp_path / "nan.xyz").write_text("1\n\nH nan 0 0\n")
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
        (str(tmp_path), "is a folder"),
    ]:
        with pytest.raises(SpecError, match=message):
            load_structures(names)
