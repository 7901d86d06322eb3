"""A small MACE as ``mace.model``: conservative, equivariant; random weights know no chemistry."""

from __future__ import annotations

import mace.calculators  # noqa: F401  it lets e3nn load its constants
import numpy as np
import torch
from e3nn import o3
from mace import modules

torch.set_default_dtype(torch.float64)
torch.manual_seed(0)
block = modules.interaction_classes["RealAgnosticResidualInteractionBlock"]
net = modules.ScaleShiftMACE(
    r_max=4.5,
    num_bessel=6,
    num_polynomial_cutoff=5,
    max_ell=2,
    interaction_cls=block,
    interaction_cls_first=block,
    num_interactions=2,
    num_elements=3,
    hidden_irreps=o3.Irreps("8x0e + 8x1o"),
    MLP_irreps=o3.Irreps("8x0e"),
    atomic_energies=np.array([-13.0, -1000.0, -2000.0]),
    avg_num_neighbors=6,
    atomic_numbers=[1, 6, 8],
    correlation=2,
    gate=torch.nn.functional.silu,
    atomic_inter_scale=1.0,
    atomic_inter_shift=0.0,
)
torch.save(net, "mace.model")
