"""Whether two reports belong together: of the same weights, version, settings and structures."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from physcheck.run.facts import ModelIdentity, RunFacts
from physcheck.run.settings import Settings

if TYPE_CHECKING:
    from physcheck.system import Configurations

__all__ = [
    "SETTINGS_OF_RECORDS",
    "facts_that_bind",
    "first_difference",
    "settings_that_bind",
    "structure_digest",
]

#: The options that a record's number rests on; the others say where reports go and what fails.
SETTINGS_OF_RECORDS = (
    "model",
    "reference",
    "checks",
    "structures",
    "species",
    "profile",
    "budget",
    "seed",
    "device",
    "dtype",
    "timeout",
    "search",
    "shard",
)
# Hexadecimal digits: two of a thousand structures are alike by chance once in 1e13 runs.
_DIGITS = 16
_DECIMALS = 6


def first_difference(
    first: Mapping[str, Any], second: Mapping[str, Any], *, names: Iterable[str] | None = None
) -> tuple[str, str, str] | None:
    """The first name under which two mappings differ, and what each has; None where none does.

    Only names that both have count, as what one has not been told yet can't differ.
    """
    for name in first if names is None else names:
        if name in first and name in second and first[name] != second[name]:
            return name, _told(first[name]), _told(second[name])
    return None


def settings_that_bind(settings: Settings, *, but: Iterable[str] = ()) -> dict[str, Any]:
    """The options that records rest on, by their names on the command line."""
    left_out = set(but)
    return {
        f"--physcheck-{name}": getattr(settings, name)
        for name in SETTINGS_OF_RECORDS
        if name not in left_out
    }


def facts_that_bind(facts: RunFacts) -> dict[str, Any]:
    """What is known of the models and structures of a run: their hashes, by what they are of."""
    known: dict[str, Any] = {}
    for noun, model in (("model", facts.model), ("reference", facts.reference)):
        if model is not None:
            known |= _hashes(noun, model)
    if facts.plan is not None:
        known |= {
            f"structure {name} (sha256)": digest for name, digest in facts.plan.structures.items()
        }
    return known


def _hashes(noun: str, model: ModelIdentity) -> dict[str, Any]:
    details = model.capabilities.get("details")
    weights = details.get("weights_sha256") if isinstance(details, Mapping) else None
    found = {
        f"weights of the {noun} (sha256)": weights,
        f"file or spec of the {noun} (sha256)": model.fingerprint,
        f"precision of the {noun}": model.dtype,
    }
    return {name: value for name, value in found.items() if value is not None}


def structure_digest(start: Configurations) -> str:
    """A hash of species, masses, positions, cell and periodicity, to six decimals of Å and u."""
    system = start.system
    parts = (system.numbers, system.masses, start.positions, start.cells, system.pbc)
    digest = hashlib.sha256()
    for part in parts:
        # Sines differ between processors in their last digit; -0 and 0 are one number.
        rounded = part.astype(float).round(_DECIMALS) + 0.0
        digest.update(f"{part.shape}".encode() + rounded.tobytes())
    return digest.hexdigest()[:_DIGITS]


def _told(value: Any) -> str:
    return "not given" if value is None else str(value)
