"""Who a model is, for the report."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from physcheck.adapters.spec import Spec, parse_spec
from physcheck.model import Model

__all__ = ["model_identity"]


def model_identity(model: Model, spec: str | None) -> dict[str, Any]:
    """Who the model is, for the report: strings, numbers, lists and dicts only.

    ``fingerprint`` is the sha256 of the file that the spec names, of the module's file, or of the spec itself; None
    for a model without a spec, as a host's fixture gives it.
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
            "details": {str(key): _plain(value) for key, value in capabilities.details.items()},
        },
    }


def _fingerprint(parsed: Spec) -> str:
    path = parsed.path
    if parsed.kind == "module":
        module = sys.modules.get(parsed.target)
        origin = getattr(module, "__file__", None)
        path = None if origin is None else Path(origin)
    digest = hashlib.sha256()
    if path is None or not path.is_file():
        digest.update(parsed.text.encode())
    else:
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()


def _symbols(species: frozenset[int] | None) -> list[str] | None:
    if species is None:
        return None
    from ase.data import chemical_symbols

    return [chemical_symbols[number] for number in sorted(species)]


def _named(structure: object) -> str:
    if isinstance(structure, str | Path):
        return str(structure)
    get_formula = getattr(structure, "get_chemical_formula", None)
    return str(get_formula()) if get_formula is not None else type(structure).__name__


def _plain(value: object) -> Any:
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    item = getattr(value, "item", None)
    if item is not None and getattr(value, "ndim", None) == 0:
        return _plain(item())
    return str(value)
