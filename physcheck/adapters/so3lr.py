"""SO3LR: ``so3lr::default``, the pretrained model of so3krates-torch."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from physcheck.adapters.batched import Answer, BatchedModel
from physcheck.adapters.frameworks import batched_model, check_dtype, file_sha256, imported
from physcheck.errors import SpecError

if TYPE_CHECKING:
    from ase import Atoms

__all__ = ["make_model"]


def make_model(
    argument: str, *, device: str = "cpu", dtype: str = "float64", stress: bool = False
) -> BatchedModel:
    """The pretrained SO3LR in float32 or float64; many graphs a call.

    Equivariant and long-ranged, with autograd forces.  The package sets torch's default dtype for
    the whole process.

    Parameters
    ----------
    argument : str
        ``default``.
    device, dtype : str
    stress : bool
        Computed too, which costs a little and not all systems allow.

    Raises
    ------
    SpecError
        The package is missing, or the argument or dtype is unknown.
    """
    if argument not in ("", "default"):
        raise SpecError(f"so3lr has no model {argument!r}; write so3lr::default")
    check_dtype("so3lr", dtype)
    package = imported("so3lr", "so3krates_torch.calculator.so3")
    pretrained = Path(imported("so3lr", "so3krates_torch").__file__).parent / "pretrained"

    def make() -> _Call:
        return _Call(
            package.SO3LRCalculator(device=device, default_dtype=dtype, compute_stress=stress)
        )

    return batched_model(
        "so3lr",
        make,
        name="SO3LR",
        dtype=dtype,
        device=device,
        outputs=frozenset({"energy", "forces", "stress"} if stress else {"energy", "forces"}),
        structures=("ethanol", "H2O", "CH4"),
        details={"weights_sha256": file_sha256(pretrained / "so3lr" / "so3lr.model")},
    )


class _Call:
    """As ``so3krates_torch.calculator.so3.SO3LRCalculator``, for many structures."""

    def __init__(self, calculator: Any) -> None:
        self.calculator = calculator
        self._net = calculator.models[0]
        self._data = imported("so3lr", "so3krates_torch.data.atomic_data").AtomicData
        self._config = imported("so3lr", "so3krates_torch.data.utils").config_from_atoms
        self._batch = imported("so3lr", "so3krates_torch.tools").torch_geometric.Batch

    def __call__(self, structures: list[Atoms], want: frozenset[str]) -> Answer:
        """As ``physcheck.adapters.batched.Call``."""
        own = self.calculator
        own.key_specification.update(arrays_keys={own.charges_key: "Qs"})
        graphs = [
            self._data.from_config(
                self._config(atoms, key_specification=own.key_specification),
                z_table=own.z_table,
                cutoff=own.r_max,
                cutoff_lr=own.r_max_lr,
            )
            for atoms in structures
        ]
        batch = self._batch.from_data_list(graphs).to(own.device)
        answer = self._net(batch.to_dict(), compute_stress="stress" in want)
        return {
            name: answer[name].detach().cpu().double().numpy()
            for name in ("energy", "forces", "stress")
            if answer.get(name) is not None and (name != "stress" or name in want)
        }
