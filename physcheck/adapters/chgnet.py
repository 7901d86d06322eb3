"""CHGNet: ``chgnet::0.3.0``, also 0.2.0 and r2scan, or a checkpoint file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from ase.units import GPa

from physcheck.adapters.batched import Answer, BatchedModel
from physcheck.adapters.frameworks import (
    FORCE_REACH,
    batched_model,
    check_dtype,
    existing_argument,
    file_sha256,
    imported,
)

if TYPE_CHECKING:
    from ase import Atoms

__all__ = ["make_model"]

_PRETRAINED = ("0.2.0", "0.3.0", "r2scan")
_LARGEST_SPECIES = 94


def make_model(argument: str, *, device: str = "cpu", dtype: str = "float32") -> BatchedModel:
    """A pretrained CHGNet by its version, or a checkpoint file; many graphs a call.

    Autograd forces and stress.  Its angles come from a second graph with a shorter cutoff, and its
    neighbour lists from Cython code.  Trained and used in float32; in float64 graphs are made from
    unrounded positions and cells.

    Raises
    ------
    SpecError
        The package is missing, there is neither such a version nor such a file, or the dtype is
        unknown.
    """
    check_dtype("chgnet", dtype)
    package = imported("chgnet", "chgnet.model")
    weights: Path
    if (argument or "0.3.0") in _PRETRAINED:
        version = argument or "0.3.0"
        folder = Path(imported("chgnet", "chgnet").__file__).parent / "pretrained" / version
        weights = next(folder.glob("*.pth.tar"))
    else:
        version, weights = "", existing_argument("chgnet", argument)

    def load() -> Any:
        if version:
            return package.CHGNet.load(model_name=version, verbose=False, use_device=device)
        return package.CHGNet.from_file(str(weights)).to(device)

    def describe(call: Any) -> dict[str, Any]:
        settings = call.net.model_args
        hop = float(settings["atom_graph_cutoff"]) + float(settings["bond_graph_cutoff"])
        return {"interaction_range": FORCE_REACH * int(settings["n_conv"]) * hop}

    return batched_model(
        "chgnet",
        lambda: _Call(load(), device, dtype),
        describe=describe,
        name=f"CHGNet {version or weights.name}",
        outputs=frozenset({"energy", "forces", "stress"}),
        dtype=dtype,
        device=device,
        species=frozenset(range(1, _LARGEST_SPECIES + 1)),
        structures=("Si8", "NaCl8"),
        details={"weights_sha256": file_sha256(weights)},
    )


class _Call:
    """As ``chgnet.model.CHGNetCalculator``, for many structures."""

    def __init__(self, net: Any, device: str, dtype: str) -> None:
        self._torch = imported("chgnet", "torch")
        self._structure = imported("chgnet", "pymatgen.io.ase").AseAtomsAdaptor.get_structure
        self._device, self._dtype = device, getattr(self._torch, dtype)
        net.graph_converter.set_isolated_atom_response("ignore")
        self.net = net.to(self._dtype)
        if net.composition_model is not None:
            # Counts of elements come in float32.
            net.composition_model.fc.register_forward_pre_hook(
                lambda layer, given: (given[0].to(layer.weight.dtype),)
            )

    def __call__(self, structures: list[Atoms], want: frozenset[str]) -> Answer:
        """As ``physcheck.adapters.batched.Call``."""
        graphs = [self._graph(atoms) for atoms in structures]
        task = "efs" if "stress" in want else "ef"
        answers = self.net.predict_graph(graphs, task=task, batch_size=len(graphs))
        rows = [answers] if isinstance(answers, dict) else answers
        sizes = [len(atoms) if self.net.is_intensive else 1 for atoms in structures]
        # In float64, as the energies of many atoms have no room in a float32.
        answer = {
            "energy": [float(np.float64(row["e"]) * n) for row, n in zip(rows, sizes)],
            "forces": np.concatenate([row["f"] for row in rows]),
        }
        if "stress" in want:
            # Volumes are float32 in the package whatever the model is.
            volumes = [
                float(np.float32(atoms.get_volume())) / atoms.get_volume() for atoms in structures
            ]
            answer["stress"] = [row["s"] * v * GPa for row, v in zip(rows, volumes)]
        return answer

    def further(self, atoms: Atoms) -> Answer:
        """Energies of atoms, where the model sums them."""
        if not self.net.model_args.get("mlp_first", True):
            return {}
        row = self.net.predict_graph(self._graph(atoms), task="e", return_site_energies=True)
        total = float(np.float64(row["e"])) * (len(atoms) if self.net.is_intensive else 1)
        return {"energy": total, "energies": np.asarray(row["site_energies"], dtype=np.float64)}

    def _graph(self, atoms: Atoms) -> Any:
        torch = self._torch
        structure = self._structure(atoms)
        graph = self.net.graph_converter(structure)
        if self._dtype != torch.float32:
            # The converter rounds to float32.
            settings = {"dtype": self._dtype, "requires_grad": True}
            graph.atom_frac_coord = torch.tensor(structure.frac_coords, **settings)
            graph.lattice = torch.tensor(structure.lattice.matrix, **settings)
            graph.neighbor_image = graph.neighbor_image.to(self._dtype)
        return graph.to(self._device)
