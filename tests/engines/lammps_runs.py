"""LAMMPS, started on a cluster of argon with the lines that physcheck prints, and what it wrote."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ase.units import fs

from engines.predictions import places_in

SCRIPT = Path(__file__).with_name("run_lammps.py")
PATIENCE_S = 120
BOX = 200.0
# No atom of the cluster is as far from another: the potential has no end there.
CUTOFF = 60.0
# Axis of the built-in defect ``curl``.
AXIS = np.array([2.0, 3.0, 6.0]) / 7.0

INPUT = """units metal
atom_style atomic
boundary f f f
read_data start.data
{pair}
{fixes}
neighbor 2.0 bin
fix move all nve
thermo_style custom step pe ke etotal
thermo 1
thermo_modify format float %.15g lost error
dump places all custom 1 places.dump id x y z type fx fy fz
dump_modify places sort id format float %.15g
{dynamics}
run {steps}
"""


@dataclass(frozen=True)
class LammpsRun:
    """What LAMMPS wrote at each outer step, the start included.

    Attributes
    ----------
    potential, kinetic : (T + 1,) eV
    positions : (T + 1, N, 3) Å
    """

    potential: np.ndarray
    kinetic: np.ndarray
    positions: np.ndarray


def pair_of(fast_epsilon, epsilon, sigma):
    """The three styles of the printed lines, played by lj/cut: model, -model and reference."""
    sizes = (fast_epsilon, -fast_epsilon, epsilon)
    styles = f"pair_style hybrid/overlay {' '.join([f'lj/cut {CUTOFF}'] * 3)}"
    rows = [f"pair_coeff * * lj/cut {n} {e!r} {sigma!r}" for n, e in enumerate(sizes, 1)]
    return "\n".join([styles, *rows])


def model_alone(fast_epsilon, sigma):
    """The model's pair style by itself."""
    return f"pair_style lj/cut {CUTOFF}\npair_coeff * * {fast_epsilon!r} {sigma!r}"


def curl(strength, levels):
    """``strength u x (r - centroid)`` on every atom; ``levels``: sign at each r-RESPA level."""
    centre = [f"variable {axis}c equal xcm(all,{axis})" for axis in "xyz"]
    moved = dict(zip("xyz", (f"({a}-v_{a}c)" for a in "xyz"), strict=True))
    lines = list(centre)
    for level, sign in levels.items():
        u = dict(zip("xyz", (sign * strength * AXIS).tolist(), strict=True))
        for a, b, c in ("xyz", "yzx", "zxy"):
            lines.append(f'variable f{a}{level} atom "({u[b]!r})*{moved[c]}-({u[c]!r})*{moved[b]}"')
        force = " ".join(f"v_f{a}{level}" for a in "xyz")
        lines.append(f"fix curl{level} all addforce {force}")
        if len(levels) > 1:
            lines.append(f"fix_modify curl{level} respa {level}")
    return "\n".join(lines)


def write_input(folder, atoms, velocities, *, pair, fixes, dynamics, steps):
    """The input and the start, in ``folder``."""
    folder.mkdir(parents=True)
    rows = ["a cluster", "", f"{len(atoms)} atoms", "1 atom types", ""]
    rows += [f"{-BOX / 2} {BOX / 2} {a}lo {a}hi" for a in "xyz"]
    rows += ["", "Masses", "", f"1 {float(atoms.get_masses()[0])!r}", "", "Atoms # atomic", ""]
    rows += [f"{n} 1 {_row(r)}" for n, r in enumerate(atoms.positions, 1)]
    rows += ["", "Velocities", ""]
    rows += [f"{n} {_row(v)}" for n, v in enumerate(1e3 * fs * velocities, 1)]
    (folder / "start.data").write_text("\n".join(rows) + "\n")
    text = INPUT.format(pair=pair, fixes=fixes, dynamics="\n".join(dynamics), steps=steps)
    (folder / "in.lammps").write_text(text)


def run_lammps(folder, atoms, velocities, **lines) -> LammpsRun:
    """Run it; ``velocities`` (N, 3) in ASE's unit, ``lines`` as :func:`write_input` takes them."""
    write_input(folder, atoms, velocities, **lines)
    done = subprocess.run(
        [sys.executable, SCRIPT, "in.lammps"], cwd=folder, timeout=PATIENCE_S, capture_output=True
    )
    log = (folder / "log.lammps").read_text()
    assert done.returncode == 0, log[-3000:] + done.stderr.decode()[-1000:]
    rows = np.array([line.split() for line in log.splitlines() if _is_row(line)], dtype=float)
    return LammpsRun(rows[:, 1], rows[:, 2], places_in(folder / "places.dump", len(atoms), head=9))


def count_pair_calls(folder, gdb) -> int:
    """How often lj/cut computed forces in the run whose input is in ``folder``, by a debugger."""
    commands = [
        "set breakpoint pending on",
        "set confirm off",
        "break LAMMPS_NS::PairLJCut::compute",
        "ignore 1 100000000",
        "run",
        "info breakpoints",
    ]
    options = [part for command in commands for part in ("-ex", command)]
    done = subprocess.run(
        [gdb, "-batch", "-nx", *options, "--args", sys.executable, SCRIPT, "in.lammps"],
        cwd=folder, timeout=PATIENCE_S, capture_output=True, text=True,
    )  # fmt: skip
    found = re.search(r"breakpoint already hit (\d+) times", done.stdout)
    assert found, done.stdout[-3000:] + done.stderr[-1000:]
    return int(found[1])


def _row(values) -> str:
    return " ".join(f"{value:.17g}" for value in values)


def _is_row(line) -> bool:
    parts = line.split()
    return len(parts) == 4 and all(re.fullmatch(r"-?[\d.]+(e[-+]\d+)?", part) for part in parts)
