"""Packages of frameworks, faked: the names that adapters call, on springs of a known energy."""

import sys
from importlib.machinery import ModuleSpec
from types import ModuleType, SimpleNamespace
from typing import ClassVar

import numpy as np
import torch

STIFFNESS = 0.3  # eV/Å²


def install(monkeypatch, **modules):
    """Put modules (``a__b`` for ``a.b``) with these names into ``sys.modules``, parents too."""
    for dotted, names in modules.items():
        parts = dotted.split("__")
        for depth in range(1, len(parts) + 1):
            name = ".".join(parts[:depth])
            if name not in sys.modules:
                module = ModuleType(name)
                module.__spec__ = ModuleSpec(name, None, is_package=True)
                module.__path__ = []
                monkeypatch.setitem(sys.modules, name, module)
        for name, value in names.items():
            setattr(sys.modules[".".join(parts)], name, value)


def springs(positions, charge=0.0):
    """Energy, forces and virial (-dE/d strain) of springs of length 0 between all pairs."""
    scale = STIFFNESS * (1 + charge)
    centred = positions - positions.mean(axis=0)
    n = len(positions)
    forces = -scale * n * centred
    return 0.5 * scale * n * (centred**2).sum(), forces, centred.T @ forces


class FakeNet:
    """What adapters ask of a network beside its answers."""

    _required_keys_dtype = (torch.float32, torch.int64)
    _optional_keys_dtype = (torch.float32, torch.bool)

    def __init__(self):
        self.is_double = False

    def double(self):
        self.is_double = True
        return self


class AIMNet2Calculator:
    """``aimnet.calculators.AIMNet2Calculator``: rounds to what ``keys_in`` says."""

    keys_in: ClassVar = {"coord": torch.float32, "numbers": torch.int32}
    keys_in_optional: ClassVar = {"mult": torch.float32, "pbc": torch.bool}

    def __init__(self, model, device):
        self.model, self.asked = FakeNet(), []
        self.external_coulomb, self.external_dftd3 = FakeNet(), None
        self.metadata = {"implemented_species": [1, 6, 8]}

    def eval(self, data, forces=False, stress=False):
        self.asked.append(data)
        if not set(data["numbers"]) <= {1, 6, 8}:
            raise ValueError("species")
        coord = torch.as_tensor(data["coord"]).to(self.keys_in["coord"]).numpy()
        found = {"energy": [], "forces": [], "stress": [], "charges": []}
        for i, charge in enumerate(data["charge"]):
            own = coord[data["mol_idx"] == i]
            energy, force, virial = springs(own, charge)
            found["energy"].append(energy)
            found["forces"].append(force)
            found["charges"].append(np.full(len(own), charge / len(own)))
            if stress:
                found["stress"].append(-virial / abs(np.linalg.det(data["cell"][i])))
        flat = {name: np.concatenate(found[name]) for name in ("forces", "charges")}
        stresses = {"stress": np.stack(found["stress"])} if stress else {}
        answer = {"energy": np.array(found["energy"]), **flat, **stresses}
        return {name: torch.as_tensor(value) for name, value in answer.items()}


class DeepPot:
    """``deepmd.infer.DeepPot`` for frames of one system."""

    precision = "float64"

    def __init__(self, path, head=None, auto_batch_size=True):
        self.asked = []
        own = SimpleNamespace(has_message_passing=lambda: False)
        self.deep_eval = SimpleNamespace(dp=SimpleNamespace(model={"Default": own}))

    def get_model_def_script(self):
        return {"descriptor": {"list": [{"precision": self.precision}]}}

    def get_type_map(self):
        return ["H", "O"]

    def get_rcut(self):
        return 4.5

    def eval(self, coords, cells, atom_types, atomic=False, **frame):
        self.asked.append({"cells": cells, "types": atom_types, **frame})
        made = [springs(x) for x in coords.reshape(len(coords), -1, 3)]
        energy = np.array([[one[0]] for one in made])
        virial = np.stack([one[2].ravel() for one in made])
        answer = (energy, np.stack([one[1] for one in made]), virial)
        n = len(atom_types)
        if atomic:
            each = np.repeat(energy[:, None] / n, n, axis=1)
            answer += (each, np.repeat(virial[:, None] / n, n, axis=1))
        return answer


class PredictUnit:
    """``fairchem.core``'s MLIPPredictUnit, of the data sets ``omol`` and ``omat``."""

    def __init__(self, settings):
        self.settings, self.asked = settings, []
        outputs = [SimpleNamespace(property=name) for name in ("energy", "forces", "stress")]
        self.dataset_to_tasks = {"omol": outputs[:2], "omat": outputs}
        backbone = SimpleNamespace(num_layers=2, cutoff=6.0)
        self.model = SimpleNamespace(module=SimpleNamespace(backbone=backbone))

    def validate_atoms_data(self, atoms, task):
        assert {"charge", "spin"} <= set(atoms.info)

    def predict(self, batch):
        self.asked += [dict(atoms.info) for atoms in batch]
        made = [springs(atoms.positions, atoms.info["charge"]) for atoms in batch]
        volumes = [abs(np.linalg.det(atoms.cell.array)) or 1.0 for atoms in batch]
        stress = [-one[2].ravel() / volume for one, volume in zip(made, volumes)]
        answer = {
            "energy": np.array([one[0] for one in made]),
            "forces": np.concatenate([one[1] for one in made]),
            "stress": np.stack(stress),
        }
        return {name: torch.as_tensor(value) for name, value in answer.items()}


class FAIRChemCalculator:
    """``fairchem.core.FAIRChemCalculator``."""

    def __init__(self, unit, task_name):
        self.predictor, self.task_name = unit, task_name
        self.a2g = lambda atoms: atoms
