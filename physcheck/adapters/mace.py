"""MACE: ``mace::x.model``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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


def make_model(
    argument: str, *, head: str | None = None, device: str = "cpu", dtype: str = "float64"
) -> BatchedModel:
    """A MACE model file, a pickle: naming the adapter is consent to load it; many graphs a call.

    Parameters
    ----------
    argument : str
        The path.
    head : str or None
        Of a model with several.
    device, dtype : str
        The whole process gets this dtype as torch's default, by the package.

    Raises
    ------
    SpecError
        The package is missing, there is no such file, or the dtype is unknown.
    """
    check_dtype("mace", dtype)
    weights = existing_argument("mace", argument)
    package = imported("mace", "mace.calculators")
    # Left out, the package chooses.
    options = {} if head is None else {"head": head}

    def make() -> _Call:
        return _Call(
            package.MACECalculator(
                model_paths=str(weights), device=device, default_dtype=dtype, **options
            )
        )

    def describe(call: Any) -> dict[str, Any]:
        net = call.calculator.models[0]
        return {
            "species": frozenset(int(z) for z in call.calculator.z_table.zs),
            "interaction_range": (
                FORCE_REACH * int(net.num_interactions) * float(call.calculator.r_max)
            ),
        }

    return batched_model(
        "mace",
        make,
        describe=describe,
        name=weights.name,
        dtype=dtype,
        device=device,
        outputs=frozenset({"energy", "forces", "stress"}),
        details={"weights_sha256": file_sha256(weights)},
    )


class _Call:
    """As ``mace.calculators.MACECalculator`` of one model, for many structures."""

    def __init__(self, calculator: Any) -> None:
        self.calculator = calculator
        self._data = imported("mace", "mace.data")
        tools = imported("mace", "mace.tools")
        self._batch = tools.torch_geometric.Batch
        self._default_dtype = tools.torch_tools.default_dtype
        self._net = calculator.models[0]

    def further(self, atoms: Atoms) -> Answer:
        """Energies of atoms, the virial, charges and the dipole, where the model gives them."""
        own = self.calculator
        answer = self._answered([atoms], with_stress=bool(atoms.pbc.all()))
        energy = own.energy_units_to_eV
        names = {
            "energy": ("energy", energy),
            "energies": ("node_energy", energy),
            "stress": ("stress", energy / own.length_units_to_A**3),
            "virial": ("virials", energy),
            "charges": ("charges", 1.0),
            "dipole": ("dipole", 1.0),
        }
        if not atoms.pbc.all():
            del names["stress"], names["virial"]
        return {
            name: answer[key].detach().cpu().double().numpy() * unit
            for name, (key, unit) in names.items()
            if answer.get(key) is not None
        }

    def __call__(self, structures: list[Atoms], want: frozenset[str]) -> Answer:
        """As ``physcheck.adapters.batched.Call``."""
        own = self.calculator
        answer = self._answered(structures, with_stress="stress" in want)
        # A model may have been trained in other units.
        energy, length = own.energy_units_to_eV, own.length_units_to_A
        units = {"energy": energy, "forces": energy / length, "stress": energy / length**3}
        return {
            name: answer[name].detach().cpu().double().numpy() * unit
            for name, unit in units.items()
            if answer.get(name) is not None and (name != "stress" or name in want)
        }

    def _answered(self, structures: list[Atoms], *, with_stress: bool) -> Any:
        """The package's own answer for a batch of graphs."""
        own = self.calculator
        keys = self._data.KeySpecification(
            info_keys=own.info_keys, arrays_keys={**own.arrays_keys, own.charges_key: "charges"}
        )
        # Graphs are made in torch's default dtype, which another model may have changed.
        with self._default_dtype(own.default_dtype):
            graphs = [
                self._data.AtomicData.from_config(
                    self._data.config_from_atoms(atoms, key_specification=keys, head_name=own.head),
                    z_table=own.z_table,
                    cutoff=own.r_max,
                    heads=own.available_heads,
                )
                for atoms in structures
            ]
        batch = self._batch.from_data_list(graphs).to(own.device)
        return self._net(batch.to_dict(), compute_stress=with_stress)
