"""ALIGNN-FF 2023.5.3: ``alignn::ff``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator, all_changes
from ase.stress import full_3x3_to_voigt_6_stress
from ase.units import GPa

from physcheck.adapters.ase import CalculatorModel
from physcheck.adapters.frameworks import calculator_model, file_sha256, imported
from physcheck.errors import SpecError

__all__ = ["make_model"]

_LARGEST_SPECIES = 89
_STRESS_WEIGHT = 0.1


class _AlignnFF(Calculator):
    """As ``alignn.ff.ff.AlignnAtomwiseCalculator``, which doesn't import beside a current ASE."""

    implemented_properties = ["energy", "forces", "stress"]  # noqa: RUF012

    def __init__(self, folder: Path, device: str) -> None:
        torch = imported("alignn", "torch")
        nets = imported("alignn", "alignn.models.alignn_atomwise")
        super().__init__()  # type: ignore[no-untyped-call]
        self._make_graph = imported("alignn", "alignn.graphs").Graph.atom_dgl_multigraph
        self._structure = imported("alignn", "jarvis.core.atoms").Atoms
        self._device = device
        config = json.loads((folder / "config.json").read_text())["model"]
        # Any weight but zero makes the network give a stress.
        config["stresswise_weight"] = _STRESS_WEIGHT
        self.net = nets.ALIGNNAtomWise(nets.ALIGNNAtomWiseConfig(**config))
        weights = torch.load(folder / "best_model.pt", map_location=device, weights_only=True)
        self.net.load_state_dict(weights)
        self.net.to(device).eval()

    def calculate(
        self,
        atoms: Atoms | None = None,
        properties: Any = ("energy",),
        system_changes: Any = all_changes,
    ) -> None:
        """Energy is the network's output times N, forces its gradient times N, stress in GPa."""
        super().calculate(atoms, properties, system_changes)  # type: ignore[no-untyped-call]
        current: Any = self.atoms
        structure = self._structure(
            lattice_mat=np.array(current.cell),
            elements=current.get_chemical_symbols(),
            coords=current.positions,
            cartesian=True,
        )
        graph, line_graph = self._make_graph(structure)
        answer = self.net((graph.to(self._device), line_graph.to(self._device)))
        n_atoms = len(current)
        stress = answer["stresses"][:3].reshape(3, 3).detach().cpu().numpy()
        self.results = {
            "energy": float(answer["out"].detach()) * n_atoms,
            "forces": answer["grad"].detach().cpu().numpy() * n_atoms,
            "stress": full_3x3_to_voigt_6_stress(stress) * GPa,  # type: ignore[no-untyped-call]
        }


def make_model(argument: str, *, device: str = "cpu") -> CalculatorModel:
    """The pretrained ALIGNN-FF; float32, always fully periodic.

    Its forces are an autograd gradient that misses a part: the angles of the line graph are
    computed before the bond vectors require grad.  So they are the gradient of nothing.

    Raises
    ------
    SpecError
        A package is missing, or the argument is unknown.
    """
    if argument not in ("", "ff"):
        raise SpecError(f"alignn has no model {argument!r}; write alignn::ff")
    folder = Path(imported("alignn", "alignn").__file__).parent / "ff"
    return calculator_model(
        "alignn",
        lambda: _AlignnFF(folder, device),
        name="ALIGNN-FF 2023.5.3",
        dtype="float32",
        device=device,
        species=frozenset(range(1, _LARGEST_SPECIES + 1)),
        structures=("Si8", "NaCl8"),
        details={"weights_sha256": file_sha256(folder / "best_model.pt")},
    )
