"""TorchANI: ``torchani::ANI-1x``, the potential whose weights torchani 2.2.4 ships."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from physcheck.adapters.ase import CalculatorModel
from physcheck.adapters.frameworks import calculator_model, check_dtype, imported
from physcheck.errors import SpecError

__all__ = ["make_model"]

_RESOURCES = "ani-1x_8x"
_PARAMETERS = "rHCNO-5.2R_16-3.5A_a4-8.params"
_MEMBERS = 8


def make_model(
    argument: str, *, member: int | None = None, device: str = "cpu", dtype: str = "float32"
) -> CalculatorModel:
    """ANI-1x of H, C, N and O: the mean of eight networks, or one of them; autograd forces and stress.

    Read from the files in the package, since its own ``ANI1x()`` wants to download. The second
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
    torchani = imported("torchani", "torchani")
    folder = Path(torchani.__file__).parent / "resources" / _RESOURCES
    if not (folder / _PARAMETERS).is_file():
        raise SpecError(
            f"this torchani has no {_RESOURCES}/{_PARAMETERS}: pip install torchani==2.2.4"
        )
    members = range(_MEMBERS) if member is None else (member,)

    def make() -> Any:
        neurochem = imported("torchani", "torchani.neurochem")
        constants = neurochem.Constants(str(folder / _PARAMETERS))
        shifter, energies = neurochem.load_sae(str(folder / "sae_linfit.dat"), return_dict=True)
        nets = [
            neurochem.load_model(constants.species, str(folder / f"train{i}" / "networks"))
            for i in members
        ]
        net = torchani.models.BuiltinModel(
            torchani.nn.SpeciesConverter(constants.species),
            torchani.AEVComputer(**constants),
            nets[0] if len(nets) == 1 else torchani.nn.Ensemble(nets),
            shifter,
            constants.species_to_tensor,
            constants,
            energies,
            True,
        )
        # As made it is float32 but for the atoms' own energies, thousands of eV that would swamp the rest.
        net = net.double() if dtype == "float64" else net
        return net.to(device).eval().ase()

    def describe(calculator: Any) -> dict[str, Any]:
        cutoff = float(calculator.model.aev_computer.Rcr)
        # An atom pulls on another through the energy of a third that sees both.
        return {"interaction_range": 2 * cutoff}

    return calculator_model(
        "torchani",
        make,
        describe=describe,
        name="ANI-1x" if member is None else f"ANI-1x member {member}",
        dtype=dtype,
        device=device,
        species=frozenset({1, 6, 7, 8}),
        structures=("ethanol", "H2O", "CH4"),
        details={"weights_sha256": _sha256(folder)},
    )


def _sha256(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*.wparam")) + sorted(folder.rglob("*.bparam")):
        digest.update(path.read_bytes())
    return digest.hexdigest()
