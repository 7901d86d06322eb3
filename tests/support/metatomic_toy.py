"""A model for metatomic that needs no training; TorchScript wants its names in a module."""

# ruff: noqa: UP006, UP035, UP045
from typing import Dict, List, Optional

import torch
from metatensor.torch import Labels, TensorBlock, TensorMap
from metatomic.torch import ModelOutput, NeighborListOptions, System


class Toy(torch.nn.Module):
    """Soft springs between pairs nearer than 5 Å, times charge + 1; direct heads with a curl."""

    def __init__(self, charged: bool):
        super().__init__()
        self.register_buffer("k", torch.tensor([0.3]))
        self.options = NeighborListOptions(cutoff=5.0, full_list=True, strict=True)
        self.charged = charged

    def requested_neighbor_lists(self) -> List[NeighborListOptions]:
        return [self.options]

    def requested_inputs(self) -> Dict[str, ModelOutput]:
        inputs: Dict[str, ModelOutput] = {}
        if self.charged:
            inputs["charge"] = ModelOutput(unit="e", sample_kind="system")
        return inputs

    def forward(
        self,
        systems: List[System],
        outputs: Dict[str, ModelOutput],
        selected_atoms: Optional[Labels] = None,
    ) -> Dict[str, TensorMap]:
        energies: List[torch.Tensor] = []
        forces: List[torch.Tensor] = []
        rows: List[torch.Tensor] = []
        for s, system in enumerate(systems):
            pairs = system.get_neighbor_list(self.options)
            vectors = pairs.values.reshape(-1, 3)
            w = 1 - (vectors**2).sum(dim=1) / 25.0
            scale = self.k[0]
            if self.charged:
                scale = scale * (1 + system.get_data("charge").block().values[0, 0])
            energies.append(scale * (w**3).sum())
            centre = pairs.samples.column("first_atom").to(torch.int64)
            f = torch.zeros_like(system.positions)
            f = f.index_add(0, centre, -12 * scale * (w**2)[:, None] * vectors / 25.0)
            twist = torch.roll(system.positions, 1, dims=1) * torch.tensor([1.0, -1.0, 0.5])
            forces.append(f + 0.01 * twist + 0.1)
            n = len(system)
            rows.append(torch.stack([torch.full((n,), s), torch.arange(n)], dim=1))
        answer: Dict[str, TensorMap] = {}
        key = Labels(["_"], torch.tensor([[0]]))
        one = Labels(["_"], torch.tensor([[0]]))
        for name in outputs:
            if name.startswith("energy"):
                block = TensorBlock(
                    values=torch.stack(energies).reshape(-1, 1) * (2.0 if "/two" in name else 1.0),
                    samples=Labels(["system"], torch.arange(len(systems)).reshape(-1, 1)),
                    components=[],
                    properties=one,
                )
                answer[name] = TensorMap(key, [block])
            if name.startswith("non_conservative_force"):
                block = TensorBlock(
                    values=torch.cat(forces).reshape(-1, 3, 1),
                    samples=Labels(["system", "atom"], torch.cat(rows)),
                    components=[Labels(["xyz"], torch.arange(3).reshape(-1, 1))],
                    properties=one,
                )
                answer[name] = TensorMap(key, [block])
        return answer
