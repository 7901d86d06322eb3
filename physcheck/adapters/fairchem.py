"""fairchem (UMA, eSEN): ``fairchem::x.pt``, or a name that it downloads; ``,task=omat``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from physcheck.adapters.batched import Answer, BatchedModel
from physcheck.adapters.frameworks import (
    FORCE_REACH,
    batched_model,
    check_choice,
    check_dtype,
    file_or_none,
    file_sha256,
    imported,
)
from physcheck.model import OUTPUTS

if TYPE_CHECKING:
    from ase import Atoms

__all__ = ["make_model"]

# What the package takes where a structure's ``info`` doesn't say.
_CHARGE = 0
_SPIN, _OTHER_SPIN = {"omol": 1}, 0


def make_model(
    argument: str, *, task: str | None = None, device: str = "cpu", dtype: str = "float32"
) -> BatchedModel:
    """A model of fairchem-core; many graphs a call, with its experts unmerged and uncompiled.

    Charge and spin multiplicity are those of the structure's ``info`` (``charge``, ``spin``);
    without them it is neutral, and a singlet for ``omol``.  Checkpoints are pickles: naming the
    adapter is consent to load them.

    Parameters
    ----------
    argument : str
        The path of an inference checkpoint ``.pt``, or a name of the package's list.
    task : str or None
        Which of the model's data sets it answers for, such as ``omat``; needed of several.
    device, dtype : str

    Raises
    ------
    SpecError
        The package is missing, or there is no such file, task or dtype.
    """
    check_dtype("fairchem", dtype)
    weights = file_or_none("fairchem", argument, (".pt",))

    def make() -> _Call:
        settings = imported("fairchem", "fairchem.core.units.mlip_unit").InferenceSettings(
            activation_checkpointing=False, base_precision_dtype=dtype
        )
        load = imported("fairchem", "fairchem.core.calculate.pretrained_mlip").get_predict_unit
        name = argument if weights is None else str(weights.resolve())
        unit = load(name, inference_settings=settings, device=device)
        tasks = tuple(unit.dataset_to_tasks)
        if task is not None or len(tasks) > 1:
            check_choice("fairchem", "the task", task or "", tasks)
        return _Call(unit, task or tasks[0])

    return batched_model(
        "fairchem",
        make,
        describe=_described,
        name=argument if weights is None else weights.name,
        dtype=dtype,
        device=device,
        details={} if weights is None else {"weights_sha256": file_sha256(weights)},
    )


def _described(call: _Call) -> dict[str, Any]:
    """What capabilities can be read from the model and its tasks."""
    own = call.calculator.predictor
    given = {one.property for one in own.dataset_to_tasks[call.calculator.task_name]}
    known: dict[str, Any] = {"outputs": frozenset(given & set(OUTPUTS))}
    backbone = own.model.module.backbone
    layers, radius = getattr(backbone, "num_layers", None), getattr(backbone, "cutoff", None)
    if layers is not None and radius is not None:
        known["interaction_range"] = FORCE_REACH * int(layers) * float(radius)
    return known


class _Call:
    """As ``fairchem.core.FAIRChemCalculator``, for many structures."""

    def __init__(self, unit: Any, task: str) -> None:
        self.calculator = imported("fairchem", "fairchem.core").FAIRChemCalculator(
            unit, task_name=task
        )
        self._batch = imported(
            "fairchem", "fairchem.core.datasets.atomic_data"
        ).atomicdata_list_to_batch

    def __call__(self, structures: list[Atoms], want: frozenset[str]) -> Answer:
        """As ``physcheck.adapters.batched.Call``."""
        own = self.calculator
        answer = own.predictor.predict(self._batch([self._graph(one) for one in structures]))
        found = {"energy": answer["energy"].reshape(-1), "forces": answer["forces"]}
        if "stress" in want:
            found["stress"] = answer["stress"].reshape(-1, 3, 3)
        return {name: value.detach().cpu().double().numpy() for name, value in found.items()}

    def _graph(self, atoms: Atoms) -> Any:
        own, said = self.calculator, atoms.info
        atoms.info = {
            **said,
            "charge": int(said.get("charge", _CHARGE)),
            "spin": int(said.get("spin", _SPIN.get(own.task_name, _OTHER_SPIN))),
        }
        own.predictor.validate_atoms_data(atoms, own.task_name)
        return own.a2g(atoms)
