"""torch-sim both ways: a ``ModelInterface`` as a Model, and a Model as a ``ModelInterface``."""

from __future__ import annotations

import sys
from itertools import groupby, pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from physcheck.adapters.batched import Answer, BatchedModel
from physcheck.adapters.further_outputs import further_outputs_of
from physcheck.adapters.handed_over import given_back, handed_over
from physcheck.errors import ModelError, SpecError
from physcheck.model import OUTPUTS, Capabilities, Meter, Model
from physcheck.system import Configurations, Floats, System

if TYPE_CHECKING:
    from collections.abc import Callable

    from ase import Atoms

__all__ = ["as_torch_sim", "from_torch_sim", "is_interface"]


def is_interface(thing: object) -> bool:
    """True for an instance of torch-sim's ModelInterface; imports nothing."""
    module = sys.modules.get("torch_sim.models.interface")
    return module is not None and isinstance(thing, module.ModelInterface)


def from_torch_sim(
    interface: Any, *, remake: Callable[[], Any] | None = None, name: str | None = None
) -> BatchedModel:
    """A torch-sim model as a Model: all structures of a batch in one SimState, of several sizes.

    Its energy, forces and stress are taken as they come: eV, eV/Å, eV/Å³, stress positive under
    tension.  It takes systems that are periodic in all three directions or in none.

    Parameters
    ----------
    interface : torch_sim.models.interface.ModelInterface
    remake : callable () -> interface, or None
        Makes an equal new one for ``fresh``.
    name : str or None

    Raises
    ------
    SpecError
        The interface computes no forces.
    """
    if not interface.compute_forces:
        raise SpecError(f"{type(interface).__name__} was made without forces: compute_forces=True")
    outputs = {"energy", "forces"} | ({"stress"} if interface.compute_stress else set())
    capabilities = Capabilities(
        name=name or type(interface).__name__,
        adapter="torch-sim",
        outputs=frozenset(outputs),
        dtype=str(interface.dtype).removeprefix("torch."),
        device=str(interface.device),
        periodicity="full",
    )
    return _TorchSimModel(
        _Call(interface),
        capabilities,
        remake=None if remake is None else lambda: _Call(remake()),
    )


class _TorchSimModel(BatchedModel):
    """A BatchedModel that also hands on whatever else the interface gives."""

    def further_outputs(self, configuration: Configurations) -> dict[str, Floats]:
        """What the interface's dict has beside, by ASE's names."""
        call: Any = self.call
        answer = call.everything([configuration.to_atoms()])
        return further_outputs_of(answer, configuration.n_atoms)


class _Call:
    def __init__(self, interface: Any) -> None:
        self._interface = interface

    def __call__(self, structures: list[Atoms], want: frozenset[str]) -> Answer:
        """As ``physcheck.adapters.batched.Call``."""
        answer = self.everything(structures)
        return {
            name: answer[name].detach()
            for name in ("energy", "forces", "stress")
            if name in answer and (name != "stress" or name in want)
        }

    def everything(self, structures: list[Atoms]) -> dict[str, Any]:
        """All tensors that the interface gives."""
        import torch_sim

        interface = self._interface
        state = torch_sim.io.atoms_to_state(structures, interface.device, interface.dtype)
        with handed_over(SimState=state):
            answer: dict[str, Any] = interface(state)
        given_back(answer, OUTPUTS)
        return answer


def as_torch_sim(model: Model | Meter) -> Any:
    """A Model as a torch-sim ModelInterface, for its integrators, optimisers and autobatching.

    Parameters
    ----------
    model : Model or Meter
        A Meter counts and checks as it does elsewhere; a bare Model gets one of its own, ``meter``.

    Returns
    -------
    torch_sim.models.interface.ModelInterface
        Its ``forward`` gives ``energy`` (S,), ``forces`` (N, 3) and, where the model has it and the
        systems are periodic, ``stress`` (S, 3, 3), float64 tensors on the CPU.  Systems with the
        same atoms one after the other are one batch, and all are one call where the model takes
        mixed sizes.

    Raises
    ------
    SpecError
        torch-sim is missing, or the model has no energy.
    ModelError, NonFiniteOutput, AllotmentExceeded
        From the Meter, when forward is called.
    """
    interface = _interface_class()
    metered = model if isinstance(model, Meter) else Meter(model)
    outputs = metered.capabilities.outputs
    if not {"energy", "forces"} <= outputs:
        raise SpecError(f"torch-sim wants an energy and forces; this model has {sorted(outputs)}")
    return interface(metered)


def _interface_class() -> Any:
    """A ModelInterface that asks a Meter; made in a function, since its base is imported here."""
    try:
        from torch_sim.models.interface import ModelInterface
    except ModuleNotFoundError as error:
        raise SpecError(
            f"torch-sim needs the package {error.name}: pip install torch-sim-atomistic"
        ) from error
    import torch

    class PhyscheckInterface(ModelInterface):  # type: ignore[misc]
        """A physcheck Model for torch-sim."""

        def __init__(self, meter: Meter) -> None:
            super().__init__()
            self._device = torch.device("cpu")
            self._dtype = torch.float64
            self._has_stress = self._compute_stress = "stress" in meter.capabilities.outputs
            self._compute_forces = True
            self.meter = meter

        def forward(self, state: Any, **_: Any) -> dict[str, torch.Tensor]:
            # By the interface it may be a dict, whose masses may be left out.
            if isinstance(state, dict):
                from torch_sim import SimState

                state = SimState(**{"masses": torch.ones_like(state["positions"][:, 0]), **state})
            batches = _batches(state)
            has_stress = self._has_stress and batches[0].system.is_fully_periodic
            want = {"energy", "forces", "stress"} if has_stress else {"energy", "forces"}
            answers = self.meter.evaluate_many(batches, want=want)
            found = {
                "energy": np.concatenate([a.require_energy() for a in answers]),
                "forces": np.concatenate([a.require_forces().reshape(-1, 3) for a in answers]),
            }
            if has_stress:
                found["stress"] = np.concatenate([a.require_stress() for a in answers])
            return {
                name: torch.tensor(value, dtype=self._dtype, device=self._device)
                for name, value in found.items()
            }

    return PhyscheckInterface


def _batches(state: Any) -> list[Configurations]:
    """Configurations of a SimState: neighbouring systems of the same atoms are one batch."""

    def to_numpy(tensor: Any) -> Any:
        return tensor.detach().cpu().numpy()

    positions, numbers = to_numpy(state.positions).astype(float), to_numpy(state.atomic_numbers)
    masses, owners = to_numpy(state.masses).astype(float), to_numpy(state.system_idx)
    # Column vectors there, rows here.
    cells = np.swapaxes(to_numpy(state.cell).astype(float), 1, 2)
    pbc = np.broadcast_to(np.asarray(state.pbc), 3)
    # A state of molecules may have a cell; ours are zero where nothing is periodic.
    if not pbc.any():
        cells = np.zeros_like(cells)
    starts = np.searchsorted(owners, np.arange(len(cells) + 1))
    if (np.diff(owners) < 0).any():
        raise ModelError("the atoms of the SimState are not ordered by system")
    pieces = [slice(a, b) for a, b in pairwise(starts)]

    def kind(k: int) -> bytes:
        return bytes(numbers[pieces[k]].tobytes() + masses[pieces[k]].tobytes())

    found = []
    for _, group in groupby(range(len(cells)), key=kind):
        members = list(group)
        system = System(numbers[pieces[members[0]]], masses[pieces[members[0]]], pbc)
        stacked = np.stack([positions[pieces[k]] for k in members])
        found.append(Configurations(system, stacked, cells[members]))
    return found
