"""Orb: ``orb::orb-v3-conservative-inf-omat``, with ``,weights=x.ckpt`` for a file at hand."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from physcheck.adapters.batched import Answer, BatchedModel
from physcheck.adapters.frameworks import (
    FORCE_REACH,
    batched_model,
    check_choice,
    check_dtype,
    existing_argument,
    file_sha256,
    imported,
)

if TYPE_CHECKING:
    from ase import Atoms

__all__ = ["make_model"]

_PRECISIONS = {"float32": "float32-highest", "float64": "float64"}
# Where each entry of a stress is among the package's six: xx, yy, zz, yz, xz, xy.
_MATRIX_FROM_SIX = [0, 5, 4, 5, 1, 3, 4, 3, 2]
# What a model of charges and spins is told where the structure doesn't say: a neutral singlet.
_NEUTRAL_SINGLET = {"charge": 0, "spin": 1}


def make_model(
    argument: str, *, weights: str | None = None, device: str = "cpu", dtype: str = "float32"
) -> BatchedModel:
    """A model of orb-models by the package's name for it; many graphs a call.

    Names with ``conservative`` have forces and stress by autograd, the others by heads of their
    own.  It takes molecules and crystals.  Models of charge and spin are told of a neutral singlet
    where the structure's ``info`` has neither.  float32 is the package's ``float32-highest``.

    Parameters
    ----------
    argument : str
        A key of ``pretrained.ORB_PRETRAINED_MODELS``.
    weights : str or None
        The path of its weights; downloaded by the package if left out.
    device, dtype : str

    Raises
    ------
    SpecError
        The package is missing, there is no such model or file, or the dtype is unknown.
    """
    check_dtype("orb", dtype)
    known = imported("orb", "orb_models.forcefield.pretrained").ORB_PRETRAINED_MODELS
    check_choice("orb", "the model", argument, tuple(known))
    path = None if weights is None else existing_argument("orb", weights)
    options = {} if path is None else {"weights_path": str(path)}

    def make() -> _Call:
        with _default_dtype(dtype):
            net = known[argument](
                device=device, precision=_PRECISIONS[dtype], compile=False, **options
            )
        return _Call(net, device, dtype)

    def describe(call: Any) -> dict[str, Any]:
        radius, steps = call.net.system_config.radius, call.net.model.num_message_passing_steps
        outputs = {"energy", "forces"} | ({"stress"} if call.has_stress else set())
        return {
            "outputs": frozenset(outputs),
            "interaction_range": FORCE_REACH * int(steps) * float(radius),
        }

    return batched_model(
        "orb",
        make,
        describe=describe,
        name=argument,
        dtype=dtype,
        device=device,
        periodicity="full",
        details={} if path is None else {"weights_sha256": file_sha256(path)},
    )


@contextmanager
def _default_dtype(dtype: str) -> Iterator[None]:
    """torch's default dtype within, which the package sets for good and makes its graphs in."""
    torch = imported("orb", "torch")
    before = torch.get_default_dtype()
    torch.set_default_dtype(getattr(torch, dtype))
    try:
        yield
    finally:
        torch.set_default_dtype(before)


class _Call:
    """As ``orb_models.forcefield.calculator.ORBCalculator``, for many structures."""

    def __init__(self, net: Any, device: str, dtype: str) -> None:
        self.net = net
        self._device, self._dtype = device, dtype
        self._make_graph = imported(
            "orb", "orb_models.forcefield.atomic_system"
        ).ase_atoms_to_atom_graphs
        self._batch = imported("orb", "orb_models.forcefield.base").batch_graphs
        # Of a conservative model these are gradients, and have names of their own.
        self._forces = getattr(net, "grad_forces_name", "forces")
        self._stress = getattr(net, "grad_stress_name", "stress")
        self.has_stress = bool(getattr(net, "has_stress", "stress" in net.heads))

    def __call__(self, structures: list[Atoms], want: frozenset[str]) -> Answer:
        """As ``physcheck.adapters.batched.Call``."""
        with _default_dtype(self._dtype):
            batch = self._batch([self._graph(atoms) for atoms in structures])
            answer = self.net.predict(batch)
        found = {"energy": answer["energy"].reshape(-1), "forces": answer[self._forces]}
        if "stress" in want:
            found["stress"] = answer[self._stress].reshape(-1, 6)[:, _MATRIX_FROM_SIX]
            found["stress"] = found["stress"].reshape(-1, 3, 3)
        return {name: value.detach().cpu().double().numpy() for name, value in found.items()}

    def _graph(self, atoms: Atoms) -> Any:
        if self.net.model.conditioner is not None:
            atoms.info = {**_NEUTRAL_SINGLET, **atoms.info}
        config = self.net.system_config
        return self._make_graph(atoms, system_config=config, device=self._device)
