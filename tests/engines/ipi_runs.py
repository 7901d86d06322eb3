"""i-PI, started with a socket client for each force field, and what it wrote."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ase.calculators.socketio import SocketClient
from ase.units import AUT, Bohr, _amu, _me

from engines.predictions import places_in
from physcheck.adapters.ase import ModelCalculator

# Box of an isolated molecule, Å: i-PI needs a cell.
BOX = 100.0
PATIENCE_S = 120

INPUT = """<simulation verbosity='quiet'>
  <output prefix='out'>
    <properties filename='properties' stride='1'>
      [ step, conserved{{electronvolt}}, potential{{electronvolt}}, kinetic_md{{electronvolt}} ]
    </properties>
    <trajectory filename='places' stride='1'> positions{{angstrom}} </trajectory>
  </output>
  <total_steps> {steps} </total_steps>
  {sockets}
  <system>
    <initialize nbeads='1'>
      <file mode='xyz' units='angstrom'> start.xyz </file>
      <masses mode='manual'> {masses} </masses>
      <velocities mode='manual'> {velocities} </velocities>
    </initialize>
    {forces}
    <ensemble> <temperature units='kelvin'> 300 </temperature> </ensemble>
    <motion mode='dynamics'>
      <dynamics mode='nve'>
        {dynamics}
      </dynamics>
    </motion>
  </system>
</simulation>
"""

SOCKET = """<ffsocket name='{name}' mode='unix' pbc='False'>
    <address> {address} </address> <latency> 1e-4 </latency>
  </ffsocket>"""


@dataclass(frozen=True)
class IpiRun:
    """What i-PI wrote at each outer step, the start included.

    Attributes
    ----------
    conserved, potential, kinetic : (T + 1,) eV
        ``conserved`` counts what taking off the motion of the centre of mass removes, too.
    positions : (T + 1, N, 3) Å, to five digits
    calls : dict of force field to the number of times that i-PI asked it
    """

    conserved: np.ndarray
    potential: np.ndarray
    kinetic: np.ndarray
    positions: np.ndarray
    calls: dict[str, int]


def split_lines(lines):
    """The printed lines: those that belong in <system>, and those that belong in <dynamics>."""
    end = next(n for n, line in enumerate(lines) if "</forces>" in line) + 1
    return lines[:end], lines[end:]


def run_ipi(folder: Path, fields, atoms, velocities, lines, steps: int) -> IpiRun:
    """Run i-PI in ``folder``.

    ``fields``: name to Model; ``velocities`` (N, 3) in ASE's unit; ``lines`` as physcheck prints.
    """
    folder.mkdir(parents=True)
    tag = f"physcheck{os.getpid()}{folder.name}"
    forces, dynamics = split_lines(lines)
    sockets = [SOCKET.format(name=name, address=f"{tag}{name}") for name in fields]
    text = INPUT.format(
        steps=steps,
        sockets="\n  ".join(sockets),
        masses=_listed(atoms.get_masses() * _amu / _me),
        velocities=_listed(velocities.ravel() / Bohr * AUT),
        forces="\n    ".join(forces),
        dynamics="\n        ".join(dynamics),
    )
    (folder / "input.xml").write_text(text)
    _write_xyz(folder / "start.xyz", atoms)
    calculators = {name: ModelCalculator(model) for name, model in fields.items()}
    program = Path(sys.executable).parent / "i-pi"
    with (folder / "log").open("w") as log:
        engine = subprocess.Popen(
            [program, "input.xml"], cwd=folder, stdout=log, stderr=subprocess.STDOUT
        )
        clients = [
            threading.Thread(target=_serve, args=(f"{tag}{name}", atoms, calculator, engine))
            for name, calculator in calculators.items()
        ]
        for client in clients:
            client.start()
        try:
            code = engine.wait(PATIENCE_S)
        finally:
            engine.kill()
            engine.wait()
            for client in clients:
                client.join(10)
    assert code == 0, (folder / "log").read_text()[-3000:]
    rows = np.loadtxt(folder / "out.properties")
    calls = {name: c.meter.evaluations for name, c in calculators.items()}
    (path,) = folder.glob("out.places_0.xyz")
    return IpiRun(*rows[:, 1:4].T, places_in(path, len(atoms), head=2), calls)


def _serve(address, atoms, calculator, engine) -> None:
    """Answer i-PI until it ends."""
    client = None
    while client is None:
        if engine.poll() is not None:
            return
        # The file of the socket is there a moment before anybody listens.
        try:
            client = SocketClient(unixsocket=address)
        except (FileNotFoundError, ConnectionRefusedError):
            time.sleep(0.05)
    mine = atoms.copy()
    mine.calc = calculator
    try:
        client.run(mine, use_stress=False)
    finally:
        client.close()


def _listed(values) -> str:
    return "[ " + ", ".join(f"{value:.17g}" for value in np.asarray(values).ravel()) + " ]"


def _write_xyz(path, atoms) -> None:
    rows = [
        f"{s} {x:.15f} {y:.15f} {z:.15f}"
        for s, (x, y, z) in zip(atoms.get_chemical_symbols(), atoms.positions, strict=True)
    ]
    head = f"# CELL(abcABC): {BOX} {BOX} {BOX} 90.0 90.0 90.0"
    path.write_text("\n".join([str(len(rows)), head, *rows]) + "\n")
