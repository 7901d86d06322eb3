"""A small TensorNet of matgl as the folder ``matgl-net``; random weights know no chemistry."""

from __future__ import annotations

import torch
from matgl.apps.pes import Potential
from matgl.models import TensorNet

torch.manual_seed(0)
net = TensorNet(element_types=("H", "C", "O", "Cu"), is_intensive=False, units=16, cutoff=4.5)
Potential(net).save("matgl-net")
