"""A small open-shell AIMNet2 as ``aimnet.pt``; random weights know no chemistry."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import torch
import yaml
from aimnet.config import build_module

SETTINGS = """
class: aimnet.models.AIMNet2
kwargs:
  nfeature: 8
  d2features: true
  ncomb_v: 4
  hidden: [[64, 64], [64, 64], [64, 64, 64]]
  aim_size: 32
  num_charge_channels: 2
  aev: {rc_s: 5.0, nshifts_s: 8}
  outputs:
    energy_mlp:
      class: aimnet.modules.Output
      kwargs:
        {n_in: 32, n_out: 1, key_in: aim, key_out: energy,
         mlp: {activation_fn: torch.nn.GELU, last_linear: true, hidden: [32, 32]}}
    atomic_shift: {class: aimnet.modules.AtomicShift, kwargs: {key_in: energy, key_out: energy}}
    atomic_sum: {class: aimnet.modules.AtomicSum, kwargs: {key_in: energy, key_out: energy}}
    lrcoulomb:
      class: aimnet.modules.LRCoulomb
      kwargs: {rc: 4.6, key_in: charges, key_out: energy}
"""

torch.manual_seed(0)
Path("aimnet.yaml").write_text(SETTINGS)
torch.save(build_module(yaml.safe_load(SETTINGS)).state_dict(), "aimnet-weights.pt")
Path("aimnet-sae.yaml").write_text(yaml.safe_dump({1: -13.6, 6: -1036.0, 8: -2043.0}))
export = [sys.executable, "-m", "aimnet.train.export_model", "aimnet-weights.pt", "aimnet.pt"]
subprocess.run([*export, "--model", "aimnet.yaml", "--sae", "aimnet-sae.yaml"], check=True)
