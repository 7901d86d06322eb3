"""What grows: memory with each block of evaluations, a violation with the size of a cell."""

from __future__ import annotations

import numpy as np

from physcheck.report.pictures.drawing import BAD, BLUE, GOOD, Picture, panel
from physcheck.report.pictures.numbers_of import array_of, entry, slug_of
from physcheck.report.pictures.saved_frames import Frames
from physcheck.run.record import Record
from physcheck.text.numbers import as_float

__all__ = ["lambda_by_size", "memory_by_block"]


def memory_by_block(record: Record, frames: Frames | None) -> list[Picture]:
    """Growth of memory an evaluation, block by block, of Python objects and of the process."""
    python = array_of(entry(record, "quantities", "python_kB_per_evaluation"))
    resident = array_of(entry(record, "quantities", "resident_kB_per_evaluation"))
    if python is None or resident is None or python.shape != resident.shape:
        return []
    at = np.arange(1, len(python) + 1)
    with panel(
        f"{slug_of(record)}-blocks", "block of evaluations", "growth (kB/evaluation)"
    ) as made:
        for shift, values, colour, label in (
            (-0.2, python, BAD, "Python objects"),
            (0.2, resident, BLUE, "resident memory of the process"),
        ):
            made.axes.bar(at + shift, values, 0.38, color=colour, label=label)
        made.axes.axhline(as_float(record.tolerance), color=GOOD, linestyle="--", label="tolerance")
        made.axes.set_xticks(at)
        made.legend()
    return [
        made.picture(
            "Memory that is kept after each block of evaluations. Of a sound model it is taken "
            "once at most: not in every block."
        )
    ]


def lambda_by_size(record: Record, frames: Frames | None) -> list[Picture]:
    """Lambda of each supercell with its interval, and how far it may grow from the smallest."""
    rows = entry(record, "quantities", "sizes")
    if not isinstance(rows, list) or len(rows) < 2:
        return []
    atoms = np.array([float(row["atoms"]) for row in rows])
    value = np.array([float(row["lambda"]) for row in rows])
    low, high = np.array([row["lambda_interval"] for row in rows], dtype=float).T
    allowed = value[0] + as_float(record.tolerance)
    with panel(f"{slug_of(record)}-sizes", "atoms in the cell", "lambda") as made:
        bars = [np.maximum(value - low, 0), np.maximum(high - value, 0)]
        made.axes.errorbar(
            atoms, value, yerr=bars, fmt="o-", color=BAD, capsize=3, label="measured"
        )
        made.axes.axhline(
            allowed, color=GOOD, linestyle="--", label="that of the smallest, and the tolerance"
        )
        made.logarithmic("y", [*value, allowed])
        made.axes.set_xticks(atoms, [f"{count:g}" for count in atoms])
        made.legend()
    return [
        made.picture(
            "The part of the force constants that has no potential, cell by cell of the same "
            "crystal. Of a sound model it stays below the line."
        )
    ]
