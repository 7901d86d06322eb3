"""TorchANI: ``torchani::ANI-1x``, the potential whose weights torchani 2.2.4 ships."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from ase.units import Hartree

from physcheck.adapters.batched import Answer, BatchedModel
from physcheck.adapters.frameworks import FORCE_REACH, batched_model, check_dtype, imported
from physcheck.errors import SpecError

if TYPE_CHECKING:
    from ase import Atoms

__all__ = ["make_model"]

_RESOURCES = "ani-1x_8x"
_PARAMETERS = "rHCNO-5.2R_16-3.5A_a4-8.params"
_MEMBERS = 8


def make_model(
    argument: str, *, member: int | None = None, device: str = "cpu", dtype: str = "float32"
) -> BatchedModel:
    """ANI-1x of H, C, N and O: the mean of eight networks, or one of them; autograd derivatives.

    Read from the files in the package, since its own ``ANI1x()`` wants to download.  The second
    derivatives of its activation jump at zero.

    Parameters
    ----------
    argument : str
        ``ANI-1x``.
    member : int or None
        Which of the eight networks; all of them if left out.
    device, dtype : str

    Raises
    ------
    SpecError
        The package is missing or another version, or the argument, member or dtype is unknown.
    """
    if argument.lower() not in ("", "ani-1x", "ani1x"):
        raise SpecError(f"torchani has no model {argument!r}; write torchani::ANI-1x")
    if member is not None and member not in range(_MEMBERS):
        raise SpecError(f"member is {member!r} for ANI-1x, should be 0 to {_MEMBERS - 1}")
    check_dtype("torchani", dtype)
    folder = _resource_folder()
    members = range(_MEMBERS) if member is None else (member,)

    def make() -> _Call:
        net = _network(folder, members)
        # As made it is float32 but for the atoms' own energies, thousands of eV, which would
        # swamp the rest.
        net = net.double() if dtype == "float64" else net
        return _Call(net.to(device).eval(), device, dtype)

    def describe(call: Any) -> dict[str, Any]:
        return {"interaction_range": FORCE_REACH * float(call.net.aev_computer.Rcr)}

    return batched_model(
        "torchani",
        make,
        describe=describe,
        name="ANI-1x" if member is None else f"ANI-1x member {member}",
        outputs=frozenset({"energy", "forces", "stress"}),
        dtype=dtype,
        device=device,
        species=frozenset({1, 6, 7, 8}),
        structures=("ethanol", "H2O", "CH4"),
        details={"weights_sha256": _sha256(folder)},
    )


def _resource_folder() -> Path:
    """Where the package keeps the files of ANI-1x."""
    package = Path(imported("torchani", "torchani").__file__).parent
    folder = package / "resources" / _RESOURCES
    if not (folder / _PARAMETERS).is_file():
        raise SpecError(
            f"this torchani has no {_RESOURCES}/{_PARAMETERS}: pip install torchani==2.2.4"
        )
    return folder


def _network(folder: Path, members: Sequence[int]) -> Any:
    """The network, or the mean of several, from the files in ``folder``."""
    torchani = imported("torchani", "torchani")
    neurochem = imported("torchani", "torchani.neurochem")
    constants = neurochem.Constants(str(folder / _PARAMETERS))
    shifter, energies = neurochem.load_sae(str(folder / "sae_linfit.dat"), return_dict=True)
    nets = [
        neurochem.load_model(constants.species, str(folder / f"train{i}" / "networks"))
        for i in members
    ]
    return torchani.models.BuiltinModel(
        torchani.nn.SpeciesConverter(constants.species),
        torchani.AEVComputer(**constants),
        nets[0] if len(nets) == 1 else torchani.nn.Ensemble(nets),
        shifter,
        constants.species_to_tensor,
        constants,
        energies,
        True,
    )


class _Call:
    """As ``torchani.ase.Calculator``, for many structures.

    Those of one call are of several sizes without pbc, and share one cell with it.
    """

    def __init__(self, net: Any, device: str, dtype: str) -> None:
        self.net = net
        self._torch = imported("torchani", "torch")
        self._map_to_cell = imported("torchani", "torchani.utils").map2central
        self._settings = {"device": device, "dtype": getattr(self._torch, dtype)}
        for parameter in net.parameters():
            parameter.requires_grad_(False)

    def __call__(self, structures: list[Atoms], want: frozenset[str]) -> Answer:
        """As ``physcheck.adapters.batched.Call``."""
        answers = [self._together(group, want) for group in _groups(structures, want)]
        return {name: np.concatenate([a[name] for a in answers]) for name in answers[0]}

    def _together(self, structures: list[Atoms], want: frozenset[str]) -> dict[str, Any]:
        torch = self._torch
        most = max(map(len, structures))
        shape = (len(structures), most)
        # An atom of the species -1 is padding.
        species = torch.full(shape, -1, dtype=torch.long)
        padded = torch.zeros((*shape, 3), dtype=torch.float64)
        for row, atoms in enumerate(structures):
            species[row, : len(atoms)] = torch.as_tensor(atoms.numbers)
            padded[row, : len(atoms)] = torch.as_tensor(atoms.positions)
        species = species.to(self._settings["device"])
        leaf = padded.to(**self._settings).requires_grad_(True)
        positions, periodic = leaf, {}
        first = structures[0]
        scaling = torch.eye(3, **self._settings).requires_grad_("stress" in want)
        if first.pbc.any():
            cell = torch.tensor(first.cell.complete().array, **self._settings)
            pbc = torch.tensor(first.pbc, device=self._settings["device"])
            # Mapped as by the package's calculator.  Positions and cell are scaled by the same
            # matrix, so that the energy's derivative by it is the virial.
            positions = self._map_to_cell(cell, positions, pbc) @ scaling
            periodic = {"cell": cell @ scaling, "pbc": pbc}
        energy = self.net((species, positions), **periodic).energies * Hartree
        leaves = [leaf, scaling] if "stress" in want else [leaf]
        gradients = torch.autograd.grad(energy.sum(), leaves)
        present = species >= 0
        found = {"energy": energy, "forces": -gradients[0][present]}
        if "stress" in want:
            found["stress"] = gradients[1][None] / first.get_volume()
        return {name: value.detach().cpu().double().numpy() for name, value in found.items()}


def _groups(structures: list[Atoms], want: frozenset[str]) -> list[list[Atoms]]:
    """What one call can take: with pbc one cell, and no stress, which derives by that one cell."""
    groups: list[list[Atoms]] = []
    for atoms in structures:
        last = groups[-1][0] if groups else None
        together = last is not None and not atoms.pbc.any() and not last.pbc.any()
        if last is not None and atoms.pbc.any() and "stress" not in want:
            same = len(atoms) == len(last) and np.array_equal(atoms.cell, last.cell)
            together = same and np.array_equal(atoms.pbc, last.pbc)
        if together:
            groups[-1].append(atoms)
        else:
            groups.append([atoms])
    return groups


def _sha256(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*.wparam")) + sorted(folder.rglob("*.bparam")):
        digest.update(path.read_bytes())
    return digest.hexdigest()
