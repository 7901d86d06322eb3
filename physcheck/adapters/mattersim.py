"""MatterSim: ``mattersim::x.pth``, or a name that the package downloads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from physcheck.adapters.batched import Answer, BatchedModel
from physcheck.adapters.frameworks import FORCE_REACH, batched_model, check_dtype, imported
from physcheck.errors import SpecError

if TYPE_CHECKING:
    from ase import Atoms

__all__ = ["make_model"]


def make_model(argument: str, *, device: str = "cpu", dtype: str = "float32") -> BatchedModel:
    """A MatterSim model (M3GNet); many graphs a call, in float32, in which the package makes them.

    Parameters
    ----------
    argument : str
        What ``Potential.from_checkpoint`` takes: a path, or a name such as ``mattersim-v1.0.0-1m``.
    device : str
    dtype : str
        ``float32``.

    Raises
    ------
    SpecError
        The package is missing, no model is named, or the dtype is another.
    """
    check_dtype("mattersim", dtype, ("float32",))
    if not argument:
        raise SpecError("mattersim:: names no model; write mattersim::PATH")
    load = imported("mattersim", "mattersim.forcefield.potential").Potential.from_checkpoint

    def describe(call: Any) -> dict[str, Any]:
        net = call.potential.model
        reach = FORCE_REACH * len(net.graph_conv) * float(net.model_args["cutoff"])
        return {"interaction_range": reach}

    return batched_model(
        "mattersim",
        lambda: _Call(load(argument, device=device, load_training_state=False), device),
        describe=describe,
        name=argument,
        outputs=frozenset({"energy", "forces", "stress"}),
        dtype=dtype,
        device=device,
        periodicity="full",
    )


class _Call:
    """As ``mattersim.forcefield.MatterSimCalculator``, for many structures."""

    def __init__(self, potential: Any, device: str) -> None:
        self.potential = potential
        self._device = device
        self._module = imported("mattersim", "mattersim.forcefield.potential")
        self._gpa = imported("mattersim", "ase.units").GPa

    def __call__(self, structures: list[Atoms], want: frozenset[str]) -> Answer:
        """As ``physcheck.adapters.batched.Call``."""
        settings = self.potential.model.model_args
        (batch,) = self._module.build_dataloader(
            structures,
            cutoff=settings["cutoff"],
            threebody_cutoff=settings["threebody_cutoff"],
            batch_size=len(structures),
            only_inference=True,
        )
        answer = self.potential.forward(
            self._module.batch_to_dict(batch, device=self._device),
            include_forces=True,
            include_stresses="stress" in want,
        )
        found = {"energy": answer["total_energy"].reshape(-1), "forces": answer["forces"]}
        if "stress" in want:
            found["stress"] = answer["stresses"].reshape(-1, 3, 3) * self._gpa
        return {name: value.detach().cpu().double().numpy() for name, value in found.items()}
