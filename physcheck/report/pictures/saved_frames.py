"""Configurations that a record saved beside its report: read for pictures where they still are."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from physcheck.run.record import Record
from physcheck.system import Floats

__all__ = ["Frames", "saved_frames"]

# Larger files are left alone: a page shows one configuration of them.
_MOST_BYTES = 50_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Frames:
    """Saved configurations of one system.

    Attributes
    ----------
    symbols : tuple of str
    positions : (B, N, 3) float, Å
    cell : (3, 3) float, Å
        Of the first.
    pbc : tuple of bool
    forces : (B, N, 3) float, eV/Å, or None
        Those that the model gave, where the check kept them.
    """

    symbols: tuple[str, ...]
    positions: Floats
    cell: Floats
    pbc: tuple[bool, ...]
    forces: Floats | None


def saved_frames(record: Record, folders: Iterable[Path] = ()) -> Frames | None:
    """The record's saved configurations; None where there are none, or none that can be read.

    Parameters
    ----------
    record : Record
    folders : paths
        Where else to look: reports are moved with the folder of their evidence.
    """
    named = record.evidence.get("configurations")
    if not isinstance(named, str):
        return None
    path = Path(named)
    places = [path, *(f / path.parent.name / path.name for f in folders)]
    places += [folder / path.name for folder in folders]
    for place in places:
        try:
            if place.is_file() and place.stat().st_size <= _MOST_BYTES:
                return _read(place)
        # A file that somebody changed is no reason to have no page.
        except Exception:
            continue
    return None


def _read(path: Path) -> Frames | None:
    import ase.io

    images: list[Any] = list(ase.io.read(path, index=":", format="extxyz"))
    if not images:
        return None
    first = images[0]
    same = [image for image in images if len(image) == len(first)]
    forces = [image.arrays.get("model_forces") for image in same]
    return Frames(
        symbols=tuple(first.get_chemical_symbols()),
        positions=np.array([image.positions for image in same]),
        cell=np.array(first.cell[:]),
        pbc=tuple(bool(axis) for axis in first.pbc),
        forces=None if any(f is None for f in forces) else np.array(forces),
    )
