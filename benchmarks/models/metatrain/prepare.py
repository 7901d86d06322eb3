"""A small PET as ``pet.pt``, trained on silicon for three minutes.

It has an energy, whose gradient are the conservative forces, and direct heads.  Labels are
Stillinger-Weber's.  The export is what metatrain gives users: float32 TorchScript for metatomic
engines.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import ase.io
import numpy as np

from physcheck.adapters.ase import ModelCalculator
from physcheck.adapters.loading import load_model
from physcheck.structures import catalogue

FRAMES, EPOCHS, RATTLE, STRAIN = 400, 60, 0.12, 0.03

OPTIONS = """
seed: 0
device: cpu
base_precision: 32
architecture:
  name: pet
  model:
    cutoff: 4.5
    d_pet: 32
    d_head: 32
    d_node: 64
    d_feedforward: 64
    num_heads: 4
    num_gnn_layers: 1
    num_attention_layers: 1
  training:
    num_epochs: {epochs}
    batch_size: 16
    learning_rate: 2.0e-3
    log_interval: 10
    checkpoint_interval: 1000
    loss:
      energy:
        type: mse
        weight: 1.0
        gradients:
          positions: {{type: mse, weight: 10.0}}
          strain: {{type: mse, weight: 1.0}}
      # Left at its default weight, a direct head stays untrained.
      non_conservative_force: {{type: mse, weight: 30.0}}
      non_conservative_stress: {{type: mse, weight: 30.0}}
training_set:
  systems: {{read_from: frames.extxyz, length_unit: angstrom}}
  targets:
    energy: {{key: energy, unit: eV, forces: true, stress: true}}
    non_conservative_force:
      {{key: forces, unit: eV/angstrom, type: {{cartesian: {{rank: 1}}}}, sample_kind: atom}}
    non_conservative_stress:
      {{key: stress, unit: eV/angstrom^3, type: {{cartesian: {{rank: 2}}}}, sample_kind: system}}
validation_set: 0.1
test_set: 0.0
"""


def write_frames(path: Path) -> None:
    """Rattled and strained Si8 with the energy, forces and stress of builtin::stillinger-weber."""
    rng = np.random.default_rng(0)
    calculator = ModelCalculator(load_model("builtin::stillinger-weber"))
    start = catalogue()["Si8"].configurations.to_atoms()
    frames = []
    for _ in range(FRAMES):
        atoms = start.copy()
        strain = STRAIN * rng.standard_normal((3, 3))
        atoms.set_cell(atoms.cell @ (np.eye(3) + (strain + strain.T) / 2), scale_atoms=True)
        atoms.positions += RATTLE * rng.random() * rng.standard_normal(atoms.positions.shape)
        atoms.calc = calculator
        atoms.info = {
            "energy": atoms.get_potential_energy(),
            "stress": atoms.get_stress(voigt=False),
        }
        atoms.arrays["forces"] = atoms.get_forces()
        atoms.calc = None
        frames.append(atoms)
    ase.io.write(path, frames)


if not Path("pet.pt").exists():
    write_frames(Path("frames.extxyz"))
    Path("pet.yaml").write_text(OPTIONS.format(epochs=EPOCHS))
    mtt = Path(sys.executable).with_name("mtt")
    subprocess.run([mtt, "train", "pet.yaml", "-o", "pet.pt"], check=True)
