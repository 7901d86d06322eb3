"""A small eSEN of fairchem as ``fairchem.pt``, for charges and spins; random weights."""

from __future__ import annotations

import hydra
import torch
from fairchem.core.units.mlip_unit.api.inference import MLIPInferenceCheckpoint

UNIT = "fairchem.core.units.mlip_unit.mlip_unit"
NORMALIZER = {
    "_target_": "fairchem.core.modules.normalization.normalizer.Normalizer",
    **{"mean": 0.0, "rmsd": 1.0},
}
MODEL = {
    "_target_": "fairchem.core.models.base.HydraModel",
    "backbone": {
        "model": "fairchem.core.models.uma.escn_md.eSCNMDBackbone",
        **{"sphere_channels": 16, "hidden_channels": 16, "edge_channels": 16, "num_layers": 2},
        **{"lmax": 2, "mmax": 2, "cutoff": 4.5, "num_distance_basis": 32, "max_neighbors": 300},
        **{"direct_forces": False, "regress_forces": True, "regress_stress": True},
        **{"use_dataset_embedding": False, "always_use_pbc": False, "otf_graph": True},
    },
    "heads": {"all": {"module": "fairchem.core.models.uma.escn_md.MLP_EFS_Head"}},
    **{"pass_through_head_outputs": True, "supports_single_atoms": True},
}


def task(name: str, level: str, dim: list[int]) -> dict[str, object]:
    """The settings of one output of the data set ``omol``."""
    return {
        "_target_": f"{UNIT}.Task",
        **{"name": name, "level": level, "property": name, "datasets": ["omol"]},
        "out_spec": {"_target_": f"{UNIT}.OutputSpec", "dim": dim, "dtype": "float32"},
        "normalizer": NORMALIZER,
    }


torch.manual_seed(0)
net = hydra.utils.instantiate(MODEL)
averaged = torch.optim.swa_utils.AveragedModel(net)
held = MLIPInferenceCheckpoint(
    model_config=MODEL,
    model_state_dict=net.state_dict(),
    ema_state_dict=averaged.state_dict(),
    tasks_config=[task("energy", "system", [1]), task("forces", "atom", [3])],
)
torch.save(held, "fairchem.pt")
