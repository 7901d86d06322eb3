"""Memory that each block of evaluations keeps."""

from __future__ import annotations

import numpy as np

from physcheck.report.pictures.drawing import BAD, BLUE, GOOD, Picture, panel
from physcheck.report.pictures.numbers_of import array_of, entry, slug_of
from physcheck.report.pictures.saved_frames import Frames
from physcheck.run.record import Record
from physcheck.text.numbers import as_float

__all__ = ["memory_by_block"]


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
