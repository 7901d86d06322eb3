"""DeePMD-kit: ``deepmd::x.pth``, a frozen model, or ``deepmd::x.pt``, a checkpoint."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from physcheck.adapters.batched import Answer, BatchedModel
from physcheck.adapters.frameworks import (
    FORCE_REACH,
    batched_model,
    existing_argument,
    file_sha256,
    imported,
)
from physcheck.errors import SpecError

if TYPE_CHECKING:
    from ase import Atoms

__all__ = ["make_model"]

_PER_FRAME = ("fparam", "aparam", "charge_spin")
_SINGLE = ("float32", "single", "float", "bfloat16", "float16", "half")


def make_model(
    argument: str, *, head: str | None = None, device: str | None = None, dtype: str | None = None
) -> BatchedModel:
    """A model of DeePMD-kit's PyTorch backend; many configurations of one system a call.

    It takes molecules and crystals.  ``fparam``, ``aparam`` and ``charge_spin`` are those of the
    structure's ``info``, as for the package's calculator.

    Parameters
    ----------
    argument : str
        The path of what ``dp --pt freeze`` or ``dp --pt train`` wrote.
    head : str or None
        Which model of a multi-task checkpoint.
    device : str or None
        The package has its own choice, set by the environment variable ``DEVICE``.
    dtype : str or None
        The precision is a model's own.

    Raises
    ------
    SpecError
        The package is missing, there is no such file, or its device or precision is another.
    """
    weights = existing_argument("deepmd", argument)
    used = str(imported("deepmd", "deepmd.pt.utils.env").DEVICE)
    if device is not None and device.partition(":")[0] != used.partition(":")[0]:
        raise SpecError(
            f"deepmd computes on {used}, not {device}; its environment variable DEVICE chooses"
        )

    def make() -> _Call:
        kind = imported("deepmd", "deepmd.infer").DeepPot
        # physcheck splits batches itself.
        return _Call(kind(str(weights.resolve()), head=head, auto_batch_size=False))

    def describe(call: Any) -> dict[str, Any]:
        known = _described(call.calculator)
        if dtype is not None and dtype != known["dtype"]:
            raise SpecError(f"{weights.name} computes in {known['dtype']}, not in {dtype}")
        return known

    return batched_model(
        "deepmd",
        make,
        describe=describe,
        one_size=True,
        name=weights.name,
        outputs=frozenset({"energy", "forces", "stress"}),
        device=used,
        periodicity="full",
        details={"weights_sha256": file_sha256(weights)},
    )


def _described(own: Any) -> dict[str, Any]:
    """What capabilities can be read from the model."""
    from ase.data import atomic_numbers

    precisions = set(_precisions(own.get_model_def_script()))
    known: dict[str, Any] = {
        "species": frozenset(atomic_numbers[symbol] for symbol in own.get_type_map()),
        "dtype": "float32" if precisions & set(_SINGLE) else "float64",
    }
    if not own.deep_eval.dp.model["Default"].has_message_passing():
        known["interaction_range"] = FORCE_REACH * float(own.get_rcut())
    return known


def _precisions(settings: Any) -> Iterator[str]:
    """All that is said of precision in a model's settings, however deep."""
    if isinstance(settings, dict):
        if isinstance(settings.get("precision"), str):
            yield settings["precision"]
        for value in settings.values():
            yield from _precisions(value)
    elif isinstance(settings, list):
        for value in settings:
            yield from _precisions(value)


class _Call:
    """As ``deepmd.calculator.DP``, for many configurations of one system."""

    def __init__(self, calculator: Any) -> None:
        self.calculator = calculator
        self._types = {symbol: i for i, symbol in enumerate(calculator.get_type_map())}

    def further(self, atoms: Atoms) -> Answer:
        """Energies and virials of atoms."""
        energy, _, virial, energies, virials = self._answered([atoms], atomic=True)[:5]
        return {
            "energy": energy[0, 0],
            "energies": energies[0],
            "virial": virial[0].reshape(3, 3),
            "virials": virials[0].reshape(-1, 3, 3),
        }

    def __call__(self, structures: list[Atoms], want: frozenset[str]) -> Answer:
        """As ``physcheck.adapters.batched.Call``."""
        energy, forces, virial = self._answered(structures)[:3]
        found = {"energy": energy.reshape(-1), "forces": forces.reshape(-1, 3)}
        if "stress" in want:
            volumes = np.array([atoms.get_volume() for atoms in structures])
            found["stress"] = -virial.reshape(-1, 3, 3) / volumes[:, None, None]
        return found

    def _answered(self, structures: list[Atoms], **asked: bool) -> Any:
        """The package's own answer; a cell means that it repeats in all three directions."""
        first = structures[0]
        unknown = sorted(set(first.symbols) - set(self._types))
        if unknown:
            raise ValueError(f"the model knows {', '.join(self._types)}, not {', '.join(unknown)}")
        cells = np.stack([atoms.cell.array for atoms in structures]).reshape(-1, 9)
        return self.calculator.eval(
            coords=np.stack([atoms.positions for atoms in structures]).reshape(len(cells), -1),
            cells=cells if first.pbc.any() else None,
            atom_types=[self._types[symbol] for symbol in first.symbols],
            **{name: first.info[name] for name in _PER_FRAME if name in first.info},
            **asked,
        )
