"""A small MatterSim (M3GNet) as ``mattersim.pth``; random weights know no chemistry."""

from __future__ import annotations

import torch
from mattersim.forcefield.m3gnet.m3gnet import M3Gnet

torch.manual_seed(0)
settings = {
    **{"num_blocks": 2, "units": 16, "max_l": 3, "max_n": 3},
    **{"cutoff": 5.0, "max_z": 94, "threebody_cutoff": 4.0},
}
net = M3Gnet(device="cpu", **settings)
held = {"model_name": "m3gnet", "model": net.state_dict(), "model_args": settings}
torch.save(held, "mattersim.pth")
