"""The weights of an Orb-v3 at random, as ``orb.ckpt``: they know no chemistry."""

from __future__ import annotations

import torch
from orb_models.forcefield.atomic_system import SystemConfig
from orb_models.forcefield.pretrained import orb_v3_conservative_architecture

torch.manual_seed(0)
config = SystemConfig(radius=6.0, max_num_neighbors=120)
net = orb_v3_conservative_architecture(device="cpu", system_config=config)
torch.save(net.state_dict(), "orb.ckpt")
