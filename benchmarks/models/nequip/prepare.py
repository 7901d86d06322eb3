"""A small NequIP as ``nequip.ckpt``, trained for a few epochs on copper in ASE's EMT."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import write

CONFIG = """
run: [train]
cutoff_radius: 4.5
chemical_symbols: [Cu]
data:
  _target_: nequip.data.datamodule.ASEDataModule
  seed: 0
  split_dataset: {file_path: copper.xyz, train: 0.9, val: 0.1}
  transforms:
    - {_target_: nequip.data.transforms.ChemicalSpeciesToAtomTypeMapper,
       model_type_names: "${chemical_symbols}"}
    - {_target_: nequip.data.transforms.NeighborListTransform, r_max: "${cutoff_radius}"}
  train_dataloader: {_target_: torch.utils.data.DataLoader, batch_size: 4}
  val_dataloader: {_target_: torch.utils.data.DataLoader, batch_size: 4}
  stats_manager:
    _target_: nequip.data.CommonDataStatisticsManager
    type_names: ${chemical_symbols}
trainer:
  _target_: lightning.Trainer
  accelerator: cpu
  max_epochs: 5
  logger: false
  enable_progress_bar: false
  callbacks:
    - {_target_: lightning.pytorch.callbacks.ModelCheckpoint, dirpath: ., filename: nequip-last,
       save_last: false, enable_version_counter: false}
training_module:
  _target_: nequip.train.NequIPLightningModule
  loss:
    _target_: nequip.train.EnergyForceLoss
    per_atom_energy: true
    coeffs: {total_energy: 1.0, forces: 1.0}
  val_metrics:
    _target_: nequip.train.EnergyForceMetrics
    coeffs: {per_atom_energy_mae: 1.0, forces_mae: 1.0}
  optimizer: {_target_: torch.optim.Adam, lr: 0.01}
  model:
    _target_: nequip.model.NequIPGNNModel
    seed: 0
    model_dtype: float32
    type_names: ${chemical_symbols}
    r_max: ${cutoff_radius}
    num_layers: 2
    l_max: 1
    num_features: 8
    radial_mlp_width: 16
    avg_num_neighbors: ${training_data_stats:num_neighbors_mean}
    per_type_energy_shifts: ${training_data_stats:per_atom_energy_mean}
    per_type_energy_scales: ${training_data_stats:forces_rms}
"""

if Path("nequip.ckpt").exists():
    sys.exit()
random = np.random.default_rng(0)
frames = []
for _ in range(40):
    atoms = bulk("Cu", cubic=True)
    atoms.set_cell(atoms.cell * random.uniform(0.96, 1.04), scale_atoms=True)
    atoms.positions += 0.1 * random.standard_normal(atoms.positions.shape)
    atoms.calc = EMT()
    labels = {"energy": atoms.get_potential_energy(), "forces": atoms.get_forces()}
    atoms.calc = SinglePointCalculator(atoms, **labels)
    frames.append(atoms)
write("copper.xyz", frames)
Path("nequip.yaml").write_text(CONFIG)
train = Path(sys.executable).with_name("nequip-train")
subprocess.run([train, "-cp", Path.cwd(), "-cn", "nequip.yaml", "hydra.run.dir=."], check=True)
shutil.move("nequip-last.ckpt", "nequip.ckpt")
