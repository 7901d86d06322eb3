"""Metatomic exports, such as metatrain's: ``metatomic::x.pt[,forces=direct][,variant=NAME]``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from physcheck.adapters.archives import names_in_archive
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
from physcheck.adapters.heads import CONSERVATIVE, DIRECT, HEAD_OPTION, HEADS
from physcheck.errors import ModelError, SpecError
from physcheck.names import nearest

if TYPE_CHECKING:
    from ase import Atoms

__all__ = ["is_export", "make_model"]

# Both spellings: the plural is deprecated but in most of the exported files that there are.
_DIRECT_FORCES = ("non_conservative_force", "non_conservative_forces")
_DIRECT_STRESS = ("non_conservative_stress",)
# Which of the model's outputs a head can't do without.
_NEEDED = {CONSERVATIVE: "energy", DIRECT: "forces"}


def is_export(path: Path) -> bool:
    """True for a file that metatomic exported; nothing is loaded."""
    return any(name.endswith("/extra/metatomic-version") for name in names_in_archive(path))


def make_model(
    argument: str,
    *,
    forces: str | None = None,
    variant: str | None = None,
    extensions: str | None = None,
    device: str | None = None,
    dtype: str | None = None,
) -> BatchedModel:
    """An exported model, its neighbour lists by vesin and always new, many structures a call.

    Parameters
    ----------
    argument : str
        The path.
    forces : "conservative", "direct" or None
        ``conservative``: minus the gradient of the energy, and the stress likewise.  ``direct``:
        the head ``non_conservative_force(s)``, less its mean over the atoms, as metatomic's own
        engines take it, and the stress of ``non_conservative_stress`` where there is one.  Left
        out: conservative where the model has an energy.
    variant : str or None
        ``pbe`` takes ``energy/pbe`` and its direct heads.
    extensions : str or None
        The folder of the model's compiled extensions.
    device, dtype : str or None
        As exported if left out; a model is cast as a whole, and its neighbour lists are made from
        positions of that dtype.

    Raises
    ------
    SpecError
        metatomic is missing, there is no such file, or it lacks the head, variant or device.
    ModelError
        The file can't be read.
    """
    if forces is not None:
        check_choice("metatomic", HEAD_OPTION, forces, HEADS)
    path = existing_argument("metatomic", argument)
    package = imported("metatomic", "metatomic.torch")
    imported("metatomic", "vesin.metatomic")
    loaded = _loaded(package, path, extensions)
    exported = loaded.capabilities()
    use = _chosen(path, exported, forces=forces, variant=variant, device=device, dtype=dtype)

    def make() -> _Call:
        model = _loaded(package, path, extensions).to(use.device)
        return _Call(model if use.dtype == exported.dtype else model.to(use.torch_dtype), use)

    return batched_model(
        "metatomic",
        make,
        # Simulation engines share an export among threads.
        one_thread=False,
        name=str(loaded.metadata().name) or path.name,
        **_facts(exported, use, file_sha256(path), variant),
    )


@dataclass(frozen=True, slots=True)
class _Use:
    """What is taken of an export, and how.

    Attributes
    ----------
    heads : mapping
        The model's own names for ``energy``, ``forces`` and ``stress`` (the direct ones).
    forces : "conservative" or "direct"
    dtype, device : str
    """

    heads: Mapping[str, str]
    forces: str
    dtype: str
    device: str

    @property
    def torch_dtype(self) -> Any:
        return getattr(imported("metatomic", "torch"), self.dtype)


def _loaded(package: Any, path: Path, extensions: str | None) -> Any:
    try:
        return package.load_atomistic_model(str(path), extensions_directory=extensions)
    except Exception as error:
        raise ModelError(f"{path} can't be read as a metatomic export: {error}") from error


def _chosen(
    path: Path,
    exported: Any,
    *,
    forces: str | None,
    variant: str | None,
    device: str | None,
    dtype: str | None,
) -> _Use:
    """The heads, dtype and device that the options choose; SpecError if the export lacks them."""
    heads = _heads(sorted(exported.outputs), variant)
    if not set(_NEEDED.values()) & set(heads):
        raise SpecError(f"{path} has neither an energy nor direct forces, only {_listed(exported)}")
    chosen = forces or (CONSERVATIVE if "energy" in heads else DIRECT)
    if _NEEDED[chosen] not in heads:
        raise SpecError(f"{path} has no {chosen} forces; it has {_listed(exported)}")
    dtype = dtype or str(exported.dtype)
    check_dtype("metatomic", dtype)
    supported = exported.supported_devices
    package = imported("metatomic", "metatomic.torch")
    device = str(device or package.pick_device(supported, None))
    if device.partition(":")[0] not in supported:
        raise SpecError(f"device is {device!r}, this model was exported for {', '.join(supported)}")
    return _Use(heads, chosen, dtype, device)


def _facts(exported: Any, use: _Use, sha256: str, variant: str | None) -> dict[str, Any]:
    """Fields of Capabilities."""
    heads, conservative = use.heads, use.forces == CONSERVATIVE
    outputs = {"forces", *({"energy"} & set(heads))}
    if conservative or "stress" in heads:
        outputs.add("stress")
    has_both_heads = "energy" in heads and "forces" in heads
    direct = tuple(name for name in ("forces", "stress") if name in heads)
    return {
        "outputs": frozenset(outputs),
        "species": frozenset(int(z) for z in exported.atomic_types),
        "dtype": use.dtype,
        "device": use.device,
        "interaction_range": _interaction_range(exported) if conservative else None,
        "direct_heads": direct if has_both_heads else (),
        "details": {
            "weights_sha256": sha256,
            HEAD_OPTION: use.forces,
            "exported_dtype": str(exported.dtype),
            **({"variant": variant} if variant else {}),
        },
    }


def _interaction_range(exported: Any) -> float | None:
    # What is declared is how far an atom's output sees.  The mean that direct forces are freed of
    # knows every atom: they have no range.
    reach = FORCE_REACH * float(exported.engine_interaction_range("angstrom"))
    return reach if 0 < reach < np.inf else None


def _heads(names: list[str], variant: str | None) -> dict[str, str]:
    """The model's own names for ``energy``, ``forces`` and ``stress`` (the direct ones)."""
    wanted = {"energy": ("energy",), "forces": _DIRECT_FORCES, "stress": _DIRECT_STRESS}
    variants = sorted({name.partition("/")[2] for name in names if "/" in name})
    if variant is not None and variant not in variants:
        hint = nearest(variant, variants) if variants else "it has none"
        raise SpecError(f"the model has no variant {variant!r}; {hint}")
    found = {}
    for head, bases in wanted.items():
        own = [base if variant is None else f"{base}/{variant}" for base in bases]
        there = [name for name in own if name in names]
        only = [name for name in names if name.partition("/")[0] in bases]
        if not there and variant is None and len({n.partition("/")[2] for n in only}) == 1:
            # The only variant needs no name.
            there = only
        if there:
            found[head] = there[0]
        elif only and variant is None:
            raise SpecError(
                f"the model has several variants of {bases[0]}; "
                f"give ,variant={' or ,variant='.join(variants)}"
            )
    return found


def _listed(exported: Any) -> str:
    return ", ".join(sorted(exported.outputs)) or "no outputs"


class _Call:
    """Systems, neighbour lists, one forward and one backward pass for all structures of a batch."""

    def __init__(self, model: Any, use: _Use) -> None:
        self._torch = imported("metatomic", "torch")
        self._package = imported("metatomic", "metatomic.torch")
        lists = imported("metatomic", "vesin.metatomic").NeighborList
        self._model = model
        self._heads = use.heads
        self._direct = use.forces == DIRECT
        self._settings = {"dtype": use.torch_dtype, "device": use.device}
        # A skin would keep pairs between calls, and with them a memory of earlier calls.
        self._lists = [
            lists(options, length_unit="angstrom", skin=0.0)
            for options in model.requested_neighbor_lists()
        ]
        self._inputs = dict(model.requested_inputs(use_new_names=True))

    def __call__(self, structures: list[Atoms], want: frozenset[str]) -> Answer:
        """As ``physcheck.adapters.batched.Call``."""
        by_gradient = not self._direct
        strained = by_gradient and "stress" in want
        systems, positions, strains = self._systems(structures, strained=strained)
        for neighbours in self._lists:
            neighbours.add_neighbor_list(systems)
        for name, asked in self._inputs.items():
            for index, (system, atoms) in enumerate(zip(systems, structures)):
                system.add_data(name, self._input(name, asked, atoms, index))
        answer = self._answered(systems, want)
        if by_gradient and (strained or "forces" in want):
            answer.update(self._derivatives(answer["energy"], structures, positions, strains))
        return {name: value.detach().cpu().double().numpy() for name, value in answer.items()}

    def _systems(
        self, structures: list[Atoms], *, strained: bool
    ) -> tuple[list[Any], list[Any], list[Any]]:
        """metatomic's systems, and the positions and strains (identities) that they come from."""
        torch = self._torch
        systems, positions, strains = [], [], []
        for atoms in structures:
            # metatomic wants zero vectors along axes that aren't periodic.
            cell = np.where(atoms.pbc[:, None], np.array(atoms.cell), 0.0)
            leaf = torch.tensor(atoms.positions, **self._settings).requires_grad_(not self._direct)
            vectors = torch.tensor(cell, **self._settings)
            placed = leaf
            if strained:
                strain = torch.eye(3, **self._settings).requires_grad_(True)
                placed, vectors = placed @ strain, vectors @ strain
                strains.append(strain)
            positions.append(leaf)
            systems.append(
                self._package.System(
                    types=torch.tensor(atoms.numbers, dtype=torch.int32, device=leaf.device),
                    positions=placed,
                    cell=vectors,
                    pbc=torch.tensor(atoms.pbc, device=leaf.device),
                )
            )
        return systems, positions, strains

    def _derivatives(
        self, energy: Any, structures: list[Atoms], positions: list[Any], strains: list[Any]
    ) -> dict[str, Any]:
        """Forces, and the stress where there are strains: (dE/d strain)/V, its symmetric part."""
        torch = self._torch
        gradients = torch.autograd.grad(energy.sum(), [*positions, *strains])
        found = {"forces": -torch.cat(gradients[: len(positions)])}
        if strains:
            volumes = torch.tensor([atoms.get_volume() for atoms in structures])
            virial = torch.stack(gradients[len(positions) :]).cpu()
            found["stress"] = (virial + virial.transpose(1, 2)) / 2 / volumes[:, None, None]
        return found

    def _answered(self, systems: list[Any], want: frozenset[str]) -> dict[str, Any]:
        """The outputs of the forward pass: all that are wanted of direct heads, else the energy."""
        torch = self._torch
        # A direct model's energy costs little more than a readout; nobody asking, it is left out.
        asked = want if self._direct else {"energy"}
        units = {"energy": "eV", "forces": "eV/Angstrom", "stress": "eV/Angstrom^3"}
        outputs = {
            self._heads[name]: self._package.ModelOutput(
                unit=units[name],
                sample_kind="atom" if name == "forces" else "system",
                explicit_gradients=[],
            )
            for name in asked
            if name in self._heads
        }
        options = self._package.ModelEvaluationOptions(length_unit="angstrom", outputs=outputs)
        with torch.set_grad_enabled(not self._direct):
            given = self._model(systems, options, check_consistency=False)
        sizes = [len(system) for system in systems]
        answer: dict[str, Any] = {}
        for name in asked & set(self._heads):
            block = given[self._heads[name]].block()
            if name == "forces":
                answer[name] = self._direct_forces(block, sizes)
                continue
            order = torch.argsort(block.samples.column("system").to(torch.int64), stable=True)
            shape = (-1,) if name == "energy" else (-1, 3, 3)
            answer[name] = block.values.reshape(shape)[order]
        return answer

    def _direct_forces(self, block: Any, sizes: list[int]) -> Any:
        """Forces (sum of N, 3) in the order of the systems' atoms, less each system's mean."""
        torch, values = self._torch, block.values
        atom = block.samples.column("atom").to(torch.int64)
        starts = torch.tensor(np.cumsum([0, *sizes[:-1]]), device=atom.device)
        rows = starts[block.samples.column("system").to(torch.int64)] + atom
        forces = torch.zeros((sum(sizes), 3), dtype=values.dtype, device=values.device)
        forces[rows] = values.reshape(-1, 3)
        return torch.cat([f - f.mean(dim=0) for f in torch.split(forces, sizes)])

    def _input(self, name: str, asked: Any, atoms: Atoms, index: int) -> Any:
        """What the model asks for beside the structure, as metatomic's calculator makes it."""
        known = {
            "charge": ("charge", 0.0, "e"),
            "spin_multiplicity": ("spin_multiplicity", atoms.info.get("spin", 1.0), ""),
        }
        if name not in known or asked.sample_kind != "system":
            raise ModelError(f"the model asks for {name!r}, which this adapter can't give it")
        key, default, unit = known[name]
        torch = self._torch
        tensors = imported("metatomic", "metatensor.torch")
        device = self._settings["device"]
        labels = tensors.Labels
        value: Any = atoms.info.get(key, default)
        block = tensors.TensorBlock(
            values=torch.tensor([[float(value)]], **self._settings),
            samples=labels(["system"], torch.tensor([[0]], dtype=torch.int32, device=device)),
            components=[],
            properties=labels([name], torch.tensor([[0]], device=device)),
        )
        found = tensors.TensorMap(labels(["_"], torch.tensor([[0]], device=device)), [block])
        found.set_info("unit", unit)
        return found
