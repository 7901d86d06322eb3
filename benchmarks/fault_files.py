"""Structure files of benchmarks/faults.py: sound ones, and ones that are wrong in places."""

from __future__ import annotations

import random
import warnings
from pathlib import Path

from fault_case import OUT, SUITE, Case

__all__ = ["file_case"]

_SUFFIXES = ("extxyz", "traj", "cif", "json", "vasp", "xyz", "pdb", "data", "xsf", "gen", "db",
              "xml", "in", "gro", "res")  # fmt: skip
_FORMATS = {"data": "lammps-data", "vasp": "vasp", "in": "aims",
            "gro": "gromacs"}  # fmt: skip
_INDICES = ("", "", "", "", "", "@-1", "@0", "@:10", "@::5", ":extxyz", "@7", "@::0", "@",
            ":nonsense", "@1:1", "@" + "9" * 400, "@-99")  # fmt: skip
_DAMAGES = ("none", "none", "none", "none", "cut", "flip", "flip", "empty", "other", "doubled",
            "not text", "long line")  # fmt: skip


def _strange_number(rng: random.Random) -> float:
    return rng.choice(
        [rng.gauss(0, 5), 0.0, -0.0, 1e-308, 1e-52, 0.1, 1e4, 1e6, 1e16, 1e155, 1e308, -1e308,
         float("nan"), float("inf"), -float("inf")]
    )  # fmt: skip


def _atoms_of(rng: random.Random, is_sound: bool):
    import numpy as np
    from ase import Atoms

    count = rng.choice([1, 2, 3, 8])
    positions = np.array([[rng.gauss(0, 3) for _ in range(3)] for _ in range(count)])
    cell = np.diag([rng.uniform(2, 12) for _ in range(3)])
    numbers = [rng.choice([1, 6, 8, 29]) for _ in range(count)]
    pbc = [rng.random() < 0.6 for _ in range(3)]
    for _ in range(0 if is_sound else rng.choice([1, 1, 2])):
        place = rng.randrange(6)
        if place == 0:
            positions[rng.randrange(count), rng.randrange(3)] = _strange_number(rng)
        elif place == 1:
            cell[rng.randrange(3), rng.randrange(3)] = _strange_number(rng)
        elif place == 2:
            numbers[rng.randrange(count)] = rng.choice([0, 118, 119, 255, 1])
        elif place == 3:
            with np.errstate(over="ignore"):
                cell = cell * rng.choice([1e-3, 1e-1, 1e3, 1e8])
        elif place == 4:
            positions[:] = positions[0]
        else:
            cell[2] *= -1
    atoms = Atoms("H" * count, positions=positions, cell=cell, pbc=pbc)
    atoms.arrays["numbers"] = np.array(numbers)
    if not is_sound and rng.random() < 0.3:
        _label(atoms, rng)
    return atoms


def _label(atoms, rng: random.Random) -> None:
    """Energies, forces, charges and masses that make no sense."""
    import numpy as np

    n = len(atoms)
    key, value = rng.choice(
        [("forces", np.full((n, 3), np.nan)), ("forces", np.zeros((n, 2))),
         ("forces", np.full((n, 3), 1e308)), ("momenta", np.full((n, 3), np.inf)),
         ("masses", np.zeros(n)), ("masses", np.full(n, np.nan)), ("tags", np.full(n, 2**40)),
         ("initial_charges", np.full(n, np.nan)), ("initial_magmoms", np.full(n, 1e308))]
    )  # fmt: skip
    atoms.arrays[key] = value
    name, said = rng.choice(
        [("energy", float("nan")), ("energy", "low"), ("stress", [1.0]), ("charge", "two"),
         ("charge", float("inf")), ("spin", -3), ("occupancy", {"0": {"Cu": 0.5}}), ("x", "\x1b[m")]
    )  # fmt: skip
    atoms.info[name] = said


def _damaged(data: bytearray, damage: str, rng: random.Random) -> bytearray:
    if damage == "cut":
        return data[: rng.randrange(len(data) + 1)]
    if damage == "flip":
        for _ in range(5):
            if data:
                data[rng.randrange(len(data))] = rng.randrange(256)
    lines = data.split(b"\n")
    if damage == "not text":
        lines.insert(rng.randrange(len(lines)), b"\xff\xfe\x00\x80")
        return bytearray(b"\n".join(lines))
    if damage == "long line":
        lines[rng.randrange(len(lines))] *= 20_000 // (len(lines[0]) + 1) + 2
        return bytearray(b"\n".join(lines))
    return {"empty": bytearray(), "other": bytearray(rng.randbytes(200)), "doubled": data * 2}.get(
        damage, data
    )


def file_case(rng: random.Random) -> Case:
    """A structure file and a command line that names it."""
    suffix = rng.choice(_SUFFIXES[:6] if rng.random() < 0.6 else _SUFFIXES)
    is_sound = rng.random() < 0.5
    count = rng.choice([1, 1, 2, 12])
    wrong = set() if is_sound else {rng.randrange(count)}
    frames = [_atoms_of(rng, k not in wrong) for k in range(count)]
    damage, index = rng.choice(_DAMAGES), rng.choice(_INDICES)
    if is_sound and rng.random() < 0.6:
        damage, index = "none", rng.choice(_INDICES[:10])
    salt = rng.random()

    def prepare(folder: Path) -> None:
        from ase.io import write

        path = folder / f"s.{suffix}"
        warnings.simplefilter("ignore")
        try:
            several = suffix in ("extxyz", "traj", "xyz", "json", "db")
            write(path, frames if several else frames[0], format=_FORMATS.get(suffix))
        except Exception:
            path.write_text("\n".join(str(frame.positions) for frame in frames))
        data = bytearray(path.read_bytes())
        path.write_bytes(bytes(_damaged(data, damage, random.Random(salt))))

    words = (
        *SUITE, "--physcheck-model=builtin::harmonic", "--physcheck-checks=determinism,net_force",
        f"--physcheck-structures=s.{suffix}{index}", OUT,
    )  # fmt: skip
    sound = "sound" if is_sound else "wrong in places"
    return Case("files", f"{suffix}{index[:10]}, {sound}, damage: {damage}", words, prepare)
