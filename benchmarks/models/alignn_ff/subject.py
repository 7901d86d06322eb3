"""ALIGNN-FF 2023.5.3, whose weights come with its package.

Its forces are an autograd gradient that misses a part: the angles of the line graph are computed before the
bond vectors require grad.  So they are the gradient of nothing.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from ase.calculators.calculator import Calculator, all_changes
from ase.stress import full_3x3_to_voigt_6_stress
from ase.units import GPa


class AlignnFF(Calculator):
    """As ``alignn.ff.ff.AlignnAtomwiseCalculator``, a module that doesn't import beside a current ASE."""

    implemented_properties = ("energy", "forces", "stress")

    def __init__(self, device="cpu"):
        import alignn
        import torch
        from alignn.models.alignn_atomwise import ALIGNNAtomWise, ALIGNNAtomWiseConfig

        super().__init__()
        folder = Path(alignn.__file__).parent / "ff"
        config = json.loads((folder / "config.json").read_text())["model"]
        config["stresswise_weight"] = 0.1
        self.device = torch.device(device)
        self.net = ALIGNNAtomWise(ALIGNNAtomWiseConfig(**config))
        weights = torch.load(folder / "best_model.pt", map_location=self.device, weights_only=True)
        self.net.load_state_dict(weights)
        self.net.to(self.device).eval()

    def calculate(self, atoms=None, properties=("energy",), system_changes=all_changes):
        """Energy is the network's output times N, forces its gradient times N, stress in GPa."""
        from alignn.graphs import Graph
        from jarvis.core.atoms import Atoms as JarvisAtoms

        super().calculate(atoms, properties, system_changes)
        structure = JarvisAtoms(
            lattice_mat=np.array(self.atoms.cell),
            elements=self.atoms.get_chemical_symbols(),
            coords=self.atoms.positions,
            cartesian=True,
        )
        graph, line_graph = Graph.atom_dgl_multigraph(structure)
        answer = self.net((graph.to(self.device), line_graph.to(self.device)))
        n_atoms = len(self.atoms)
        stress = answer["stresses"][:3].reshape(3, 3).detach().cpu().numpy()
        self.results = {
            "energy": float(answer["out"].detach()) * n_atoms,
            "forces": answer["grad"].detach().cpu().numpy() * n_atoms,
            "stress": full_3x3_to_voigt_6_stress(stress) * GPa,
        }


def factory(device="cpu"):
    """The pretrained model."""
    return AlignnFF(device)


factory.physcheck = {"structures": ["Si8", "NaCl8"]}
