"""What a report says of the model: name, fingerprint, capabilities, weights."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from physcheck.adapters.spec import Spec, parse_spec
from physcheck.model import Model

__all__ = ["model_identity"]

# Networks are looked for in a model, its calculator, that one's attributes.
_DEPTH = 3
# Of a list so many entries are looked at: a committee of networks is shorter, a data set is longer.
_LARGEST_COMMITTEE = 64
_BLOCK_BYTES = 1 << 20


def model_identity(model: Model, spec: str | None) -> dict[str, Any]:
    """What the report says of a model: strings, numbers, lists and dicts only.

    ``fingerprint`` is the sha256 of the file that the spec names, of the module's file, or of the
    spec itself; None for a model without a spec, as a host's fixture gives it.
    """
    capabilities = model.capabilities
    return {
        "spec": spec,
        "name": capabilities.name,
        "adapter": capabilities.adapter,
        "dtype": capabilities.dtype,
        "device": capabilities.device,
        "fingerprint": None if spec is None else _fingerprint(parse_spec(spec)),
        "capabilities": {
            "outputs": sorted(capabilities.outputs),
            "species": _symbols(capabilities.species),
            "periodicity": capabilities.periodicity,
            "interaction_range": capabilities.interaction_range,
            "differentiable": capabilities.differentiable,
            "direct_heads": list(capabilities.direct_heads),
            "mixed_sizes": capabilities.mixed_sizes,
            "batched": capabilities.batched,
            "structures": [_named(structure) for structure in capabilities.structures],
            "details": {str(key): _to_jsonable(value) for key, value in _details(model).items()},
        },
    }


def _details(model: Model) -> dict[str, Any]:
    """The adapter's details; of torch's networks also the weights' sha256 and how they run."""
    details = dict(model.capabilities.details)
    torch = sys.modules.get("torch")
    networks = [] if torch is None else _networks(model, torch.nn.Module)
    if networks and "weights_sha256" not in details:
        # The fingerprint of a factory's file doesn't tell which weights it loaded.
        with suppress(Exception):
            details["weights_sha256"] = _weights_sha256(networks)
    if networks:
        kinds = {kind for network in networks for kind in _compiled_kinds(network)}
        details["compiled"] = ", ".join(sorted(kinds)) or details.get("compiled", "no")
    return details


def _networks(thing: object, kind: type, depth: int = _DEPTH) -> list[Any]:
    """The torch modules held by a model, its calculator, or the objects and lists in them."""
    if isinstance(thing, kind):
        return [thing]
    if depth == 0:
        return []
    if isinstance(thing, list | tuple):
        held: list[object] = list(thing[:_LARGEST_COMMITTEE])
    else:
        held = list(vars(thing).values()) if hasattr(thing, "__dict__") else []
    found: list[Any] = []
    for value in held:
        if isinstance(value, list | tuple) or hasattr(value, "__dict__"):
            found += [one for one in _networks(value, kind, depth - 1) if one not in found]
    return found


def _weights_sha256(networks: list[Any]) -> str:
    digest = hashlib.sha256()
    # A compiled network holds the one that it was made from: their weights are the same.
    plain = [getattr(network, "_orig_mod", network) for network in networks]
    for network in dict.fromkeys(plain):
        for name, tensor in sorted(network.state_dict().items()):
            # Equal bytes of another dtype or shape are other weights.
            digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
            flat = tensor.detach().cpu().contiguous().reshape(-1)
            digest.update(flat.view(sys.modules["torch"].uint8).numpy().tobytes())
    return digest.hexdigest()


def _compiled_kinds(network: Any) -> set[str]:
    names = {
        "OptimizedModule": "torch.compile",
        "RecursiveScriptModule": "TorchScript",
        "ScriptModule": "TorchScript",
        "GraphModule": "torch.export or fx",
    }
    classes = {base.__name__ for part in network.modules() for base in type(part).__mro__}
    return {names[name] for name in names.keys() & classes}


def _fingerprint(parsed: Spec) -> str:
    path = parsed.path
    if parsed.kind == "module":
        module = sys.modules.get(parsed.target)
        origin = getattr(module, "__file__", None)
        path = None if origin is None else Path(origin)
    digest = hashlib.sha256()
    try:
        if path is not None and path.is_file():
            with path.open("rb") as file:
                while block := file.read(_BLOCK_BYTES):
                    digest.update(block)
            return digest.hexdigest()
    except OSError:
        # Loading the model may have left no descriptor to read its file with.
        digest = hashlib.sha256()
    digest.update(parsed.text.encode())
    return digest.hexdigest()


def _symbols(species: frozenset[int] | None) -> list[str] | None:
    if species is None:
        return None
    from ase.data import chemical_symbols

    return [chemical_symbols[number] for number in sorted(species)]


def _named(structure: object) -> str:
    if isinstance(structure, str | Path):
        return str(structure)
    # ase.Atoms, without importing it.
    get_formula = getattr(structure, "get_chemical_formula", None)
    return str(get_formula()) if get_formula is not None else type(structure).__name__


def _to_jsonable(value: object) -> Any:
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Mapping):
        return {str(key): _to_jsonable(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_to_jsonable(item) for item in value]
    # Scalars of numpy and torch.
    item = getattr(value, "item", None)
    if item is not None and getattr(value, "ndim", None) == 0:
        return _to_jsonable(item())
    return str(value)
