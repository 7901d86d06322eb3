"""physcheck engine: what a program wrote against its model, and what a difference looks like."""

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import write
from ase.units import GPa, Hartree, kcal, mol

from physcheck.cli import main
from physcheck.files.engine_agreement import engine_frames, measure_agreement
from physcheck.potentials import Gupta
from physcheck.system import Configurations

ALL = frozenset({"energy", "forces", "stress"})
MODEL = "--model=builtin::gupta"


def frames(count=6, model=None, step=0.02):
    """Copper that wanders, with what a model says of each frame."""
    atoms = bulk("Cu", cubic=True) * 2
    rng, made = np.random.default_rng(0), []
    for _ in range(count):
        atoms = atoms.copy()
        atoms.positions += step * rng.standard_normal(atoms.positions.shape)
        made.append(atoms)
    said = model or Gupta()
    return [one for one in labelled(made, said)]


def labelled(made, model):
    for one in made:
        answer = model.evaluate(Configurations.from_atoms(one), want=ALL)
        yield with_results(one, answer.energy[0], answer.forces[0], answer.stress[0])


def with_results(atoms, energy, forces, stress):
    atoms = atoms.copy()
    voigt = stress[[0, 1, 2, 1, 0, 0], [0, 1, 2, 2, 2, 1]]
    atoms.calc = SinglePointCalculator(atoms, energy=energy, forces=forces, stress=voigt)
    return atoms


def changed(made, energy=1.0, forces=1.0, stress=1.0):
    return [
        with_results(
            one, energy * one.get_potential_energy(), forces * one.get_forces(),
            stress * one.get_stress(voigt=False),
        )
        for one in made
    ]  # fmt: skip


def agreements(made, model=None):
    found = measure_agreement(model or Gupta(), engine_frames(made, 50))
    return {one.output: one for one in found}


def test_a_program_that_ran_the_model_agrees(tmp_path, capsys):
    for name in ("run.traj", "run.extxyz"):
        write(tmp_path / name, frames())
        assert main(["engine", str(tmp_path / name), MODEL]) == 0
        out = capsys.readouterr().out
        assert out.startswith("6 of 6 frames compared")
        assert out.count("agrees") == 3
        assert "DIFFERS" not in out


@pytest.mark.parametrize(
    ("output", "factor", "words"),
    [
        ("forces", mol / kcal, "forces are in kcal/mol/Å, read as eV/Å"),
        ("forces", -1.0, "forces are of the opposite sign"),
        ("forces", 1.3, "forces / the engine's is 0.7692: a unit, or a scale factor"),
        ("energy", 1 / Hartree, "energy is in Hartree, read as eV/atom"),
        ("stress", -1 / GPa, "stress is in GPa and of the opposite sign, read as eV/Å³"),
    ],
)
def test_units_and_signs_are_named(output, factor, words):
    found = agreements(changed(frames(), **{output: factor}))
    assert {name for name, one in found.items() if not one.agrees} == {output}
    assert words in found[output].findings[0]


def test_forces_of_the_frame_before_are_told():
    made = frames()
    late = [
        with_results(
            one, one.get_potential_energy(), before.get_forces(), one.get_stress(voigt=False)
        )
        for before, one in zip([made[0], *made[:-1]], made, strict=True)
    ]
    assert agreements(late)["forces"].findings == ["the engine's forces are of the frame before"]


def test_lost_neighbours_are_told_by_the_atoms_that_differ():
    made = frames()
    for one in made:
        forces = one.get_forces()
        forces[3] += 0.2
        one.calc.results["forces"] = forces
    words = agreements(made)["forces"].findings[0]
    assert words.startswith("3.1 % of the atoms differ and the others agree")
    assert "atom 3" in words


def test_a_cache_that_is_not_made_again_is_told_by_when_it_begins():
    made = frames(10)
    for one in made[5:]:
        one.calc.results["forces"] = made[4].get_forces()
    found = agreements(made)["forces"]
    assert not found.agrees
    assert any("the first 5 compared frames agree, frame 5" in words for words in found.findings)


def test_a_zero_of_energy_is_no_difference_but_is_said(tmp_path, capsys):
    made = frames()
    shifted = [
        with_results(o, o.get_potential_energy() + 32.0, o.get_forces(), o.get_stress(voigt=False))
        for o in made
    ]
    write(tmp_path / "run.traj", shifted)
    assert main(["engine", str(tmp_path / "run.traj"), MODEL]) == 0
    assert "engine's zero is +1 eV/atom from the model's" in capsys.readouterr().out


def dump(path, made, types):
    lines = []
    for step, one in enumerate(made):
        lines += ["ITEM: TIMESTEP", str(step), "ITEM: NUMBER OF ATOMS", str(len(one))]
        lines += ["ITEM: BOX BOUNDS pp pp pp", *(f"0.0 {one.cell[i, i]:.12g}" for i in range(3))]
        lines += ["ITEM: ATOMS id type x y z fx fy fz"]
        for n, (r, f) in enumerate(zip(one.positions, one.get_forces(), strict=True), 1):
            lines.append(f"{n} {types} " + " ".join(f"{v:.12g}" for v in (*r, *f)))
    path.write_text("\n".join(lines) + "\n")


def test_a_lammps_dump_with_types(tmp_path, capsys):
    path = tmp_path / "out.dump"
    dump(path, frames(3), 1)
    spec = f"{path}:lammps-dump-text"
    assert main(["engine", spec, MODEL, "--elements=Cu"]) == 0
    assert "forces" in capsys.readouterr().out
    dump(path, changed(frames(3), forces=2.0), 1)
    assert main(["engine", spec, MODEL, "--elements=Cu"]) == 1
    assert "DIFFERS" in capsys.readouterr().out


def test_what_is_wrong_is_said_in_a_line(tmp_path, capsys):
    path = tmp_path / "bare.extxyz"
    write(path, Atoms("Cu", cell=[3, 3, 3], pbc=True))
    assert main(["engine", str(path), MODEL]) == 4
    assert "no frame has energies, forces or stresses" in capsys.readouterr().err
    out = tmp_path / "out.dump"
    dump(out, frames(2), 2)
    assert main(["engine", f"{out}:lammps-dump-text", MODEL, "--elements=Cu"]) == 4
    assert "atom type 2, and --elements names 1" in capsys.readouterr().err
    assert main(["engine", str(path), MODEL, "--elements=Xx"]) == 4
    assert main(["engine", str(path), MODEL, "--frames=0"]) == 4
