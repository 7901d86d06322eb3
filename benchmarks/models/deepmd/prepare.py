"""A small DeepPot-SE as ``deepmd.pth``; random weights know no chemistry.

The wheel's operations in C++ are compiled for torch 2.11 and can't be loaded by another.  Where
their file is missing, the package computes without them; a potential's energy needs none.
"""

from __future__ import annotations

from importlib.metadata import files

import torch

for file in files("deepmd-kit") or ():
    if file.name == "libdeepmd_op_pt.so" and not torch.__version__.startswith("2.11."):
        file.locate().unlink(missing_ok=True)

from deepmd.pt.model.model import get_model  # noqa: E402

SETTINGS = {
    "type_map": ["H", "C", "O"],
    "descriptor": {
        "type": "se_e2_a",
        # More neighbours than any structure has within the cutoff: no energy jumps.
        **{"sel": [60, 60, 60], "rcut": 4.5, "rcut_smth": 2.0},
        **{"neuron": [6, 12], "axis_neuron": 4, "precision": "float64", "seed": 0},
    },
    "fitting_net": {"neuron": [24, 24], "precision": "float64", "seed": 0},
}

torch.manual_seed(0)
net = torch.jit.script(get_model(SETTINGS).to("cpu").eval())
# As `dp --pt freeze` saves it.
torch.jit.save(net, "deepmd.pth", {"data_modifier.pth": ""})
