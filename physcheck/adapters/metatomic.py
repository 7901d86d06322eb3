"""Metatomic exports, such as metatrain's: ``metatomic::x.pt``, with ``,forces=direct`` and ``,variant=NAME``."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from physcheck.adapters.batched import Answer, BatchedModel
from physcheck.adapters.frameworks import (
    batched_model,
    check_choice,
    check_dtype,
    existing_argument,
    file_sha256,
    imported,
)
from physcheck.errors import ModelError, SpecError
from physcheck.names import nearest

if TYPE_CHECKING:
    from ase import Atoms

__all__ = ["is_export", "make_model"]

_FORCES = ("conservative", "direct")
# Both spellings: the plural is deprecated but in most of the exported files that there are.
_DIRECT_FORCES = ("non_conservative_force", "non_conservative_forces")
_DIRECT_STRESS = ("non_conservative_stress",)


def is_export(path: Path) -> bool:
    """True for a file that metatomic exported; nothing is loaded."""
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return any(name.endswith("/extra/metatomic-version") for name in archive.namelist())


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
        ``conservative``: minus the gradient of the energy, and the stress likewise.  ``direct``: the head
        ``non_conservative_force(s)``, less its mean over the atoms, as metatomic's own engines take it, and
        the stress of ``non_conservative_stress`` where there is one.  Left out: conservative where the model
        has an energy.
    variant : str or None
        ``pbe`` takes ``energy/pbe`` and its direct heads.
    extensions : str or None
        The folder of the model's compiled extensions.
    device, dtype : str or None
        As exported if left out; a model is cast as a whole, and its neighbour lists are made from positions
        of that dtype.

    Raises
    ------
    SpecError
        metatomic is missing, there is no such file, or the model lacks the head, the variant or the device.
    ModelError
        The file can't be read.
    """
    if forces is not None:
        check_choice("metatomic", "forces", forces, _FORCES)
    path = existing_argument("metatomic", argument)
    package = imported("metatomic", "metatomic.torch")
    imported("metatomic", "vesin.metatomic")
    torch = imported("metatomic", "torch")

    def load() -> Any:
        try:
            return package.load_atomistic_model(str(path), extensions_directory=extensions)
        except Exception as error:
            raise ModelError(f"{path} can't be read as a metatomic export: {error}") from error

    loaded = load()
    said = loaded.capabilities()
    heads = _heads(sorted(said.outputs), variant)
    if "energy" not in heads and "forces" not in heads:
        raise SpecError(f"{path} has neither an energy nor direct forces, only {_listed(said)}")
    chosen = forces or ("conservative" if "energy" in heads else "direct")
    missing = {"conservative": "energy", "direct": "forces"}[chosen]
    if missing not in heads:
        raise SpecError(f"{path} has no {chosen} forces; it has {_listed(said)}")
    kind = dtype or str(said.dtype)
    check_dtype("metatomic", kind)
    place = str(device or package.pick_device(said.supported_devices, None))
    if place.partition(":")[0] not in said.supported_devices:
        raise SpecError(
            f"device is {place!r}, this model was exported for {', '.join(said.supported_devices)}"
        )
    both = "energy" in heads and "forces" in heads
    outputs = {"forces", *({"energy"} & set(heads))}
    if chosen == "conservative" or "stress" in heads:
        outputs.add("stress")

    def make() -> _Call:
        model = load().to(place)
        if kind != said.dtype:
            model = model.to(getattr(torch, kind))
        return _Call(model, heads, chosen, getattr(torch, kind), place)

    return batched_model(
        "metatomic",
        make,
        # Simulation engines share an export among threads.
        one_thread=False,
        name=str(loaded.metadata().name) or path.name,
        outputs=frozenset(outputs),
        species=frozenset(int(z) for z in said.atomic_types),
        dtype=kind,
        device=place,
        interaction_range=_reach(said) if chosen == "conservative" else None,
        direct_heads=tuple(name for name in ("forces", "stress") if name in heads) if both else (),
        details={
            "weights_sha256": file_sha256(path),
            "forces": chosen,
            "exported_dtype": str(said.dtype),
            **({"variant": variant} if variant else {}),
        },
    )


def _reach(said: Any) -> float | None:
    # What is declared is how far an atom's output sees; a force has the energies of all that see the atom.
    # The mean that direct forces are freed of knows every atom: they have no range.
    reach = 2 * float(said.engine_interaction_range("angstrom"))
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


def _listed(said: Any) -> str:
    return ", ".join(sorted(said.outputs)) or "no outputs"


class _Call:
    """Systems, their neighbour lists, one forward pass and one backward pass for all structures of a batch."""

    def __init__(
        self, model: Any, heads: Mapping[str, str], forces: str, dtype: Any, device: str
    ) -> None:
        self._torch = imported("metatomic", "torch")
        self._package = imported("metatomic", "metatomic.torch")
        lists = imported("metatomic", "vesin.metatomic").NeighborList
        self._model = model
        self._heads = heads
        self._direct = forces == "direct"
        self._settings = {"dtype": dtype, "device": device}
        # A skin would keep pairs between calls, and with them a memory of what was asked before.
        self._lists = [
            lists(options, length_unit="angstrom", skin=0.0)
            for options in model.requested_neighbor_lists()
        ]
        self._inputs = dict(model.requested_inputs(use_new_names=True))

    def __call__(self, structures: list[Atoms], want: frozenset[str]) -> Answer:
        """As ``physcheck.adapters.batched.Call``."""
        torch = self._torch
        by_gradient = not self._direct
        strained = by_gradient and "stress" in want
        systems, places, strains = [], [], []
        for atoms in structures:
            cell = np.where(atoms.pbc[:, None], np.array(atoms.cell), 0.0)
            leaf = torch.tensor(atoms.positions, **self._settings).requires_grad_(by_gradient)
            vectors = torch.tensor(cell, **self._settings)
            positions = leaf
            if strained:
                strain = torch.eye(3, **self._settings).requires_grad_(True)
                positions, vectors = positions @ strain, vectors @ strain
                strains.append(strain)
            places.append(leaf)
            systems.append(
                self._package.System(
                    types=torch.tensor(atoms.numbers, dtype=torch.int32, device=leaf.device),
                    positions=positions,
                    cell=vectors,
                    pbc=torch.tensor(atoms.pbc, device=leaf.device),
                )
            )
        for neighbours in self._lists:
            neighbours.add_neighbor_list(systems)
        for name, asked in self._inputs.items():
            for index, (system, atoms) in enumerate(zip(systems, structures)):
                system.add_data(name, self._input(name, asked, atoms, index))
        answer = self._answered(systems, want)
        if by_gradient and (strained or "forces" in want):
            gradients = torch.autograd.grad(answer["energy"].sum(), [*places, *strains])
            answer["forces"] = -torch.cat(gradients[: len(places)])
            if strained:
                volumes = torch.tensor([atoms.get_volume() for atoms in structures])
                virial = torch.stack(gradients[len(places) :]).cpu()
                answer["stress"] = (virial + virial.transpose(1, 2)) / 2 / volumes[:, None, None]
        return {name: value.detach().cpu().double().numpy() for name, value in answer.items()}

    def _answered(self, systems: list[Any], want: frozenset[str]) -> dict[str, Any]:
        torch = self._torch
        # With direct forces an energy costs little more than a readout; it is left out where nobody asks.
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
            values = block.values
            order = torch.argsort(block.samples.column("system").to(torch.int64), stable=True)
            if name == "energy":
                answer[name] = values.reshape(-1)[order]
            elif name == "stress":
                answer[name] = values.reshape(-1, 3, 3)[order]
            else:
                atom = block.samples.column("atom").to(torch.int64)
                starts = torch.tensor(np.cumsum([0, *sizes[:-1]]), device=atom.device)
                rows = starts[block.samples.column("system").to(torch.int64)] + atom
                forces = torch.zeros((sum(sizes), 3), dtype=values.dtype, device=values.device)
                forces[rows] = values.reshape(-1, 3)
                answer[name] = torch.cat([f - f.mean(dim=0) for f in torch.split(forces, sizes)])
        return answer

    def _input(self, name: str, asked: Any, atoms: Atoms, index: int) -> Any:
        """What the model asks for beside the structure, as metatomic's calculator takes it from an Atoms."""
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
