"""Pictures of a force Jacobian that isn't symmetric: cross terms, pairs of atoms, blocks."""

from __future__ import annotations

import math

import numpy as np

from physcheck.measurement import Outcome
from physcheck.report.pictures.drawing import BAD, BLUE, GOOD, Panel, Picture, panel
from physcheck.report.pictures.numbers_of import array_of, entry, slug_of
from physcheck.report.pictures.saved_frames import Frames
from physcheck.run.record import Record
from physcheck.system import Floats
from physcheck.text.numbers import as_float

__all__ = ["cross_terms", "jacobian_blocks"]

# Smaller than any antisymmetry in float64: keeps the logarithm finite.
_LEAST = 1e-18
# Of a map: colours, decades that they cover, and atoms whose names fit along an axis.
_LEVELS, _DECADES, _MOST_NAMES = 8, 6, 16


def cross_terms(record: Record, frames: Frames | None) -> list[Picture]:
    """u.J v and v.J u of pairs of random directions: half their difference against their mean."""
    elements = array_of(entry(record, "elements_eV_per_A2"))
    if elements is None or elements.ndim != 2 or len(elements) < 2:
        return []
    upper = np.triu_indices(len(elements), k=1)
    mean = ((elements + elements.T) / 2)[upper]
    half = ((elements - elements.T) / 2)[upper]
    unit = as_float(entry(record, "quantities", "element_per_lambda"))
    failed = record.verdict in (Outcome.FAIL, Outcome.KNOWN_FAILURE)
    with panel(
        f"{slug_of(record)}-cross", "mean of u·Jv and v·Ju (eV/Å²)", "half their difference (eV/Å²)"
    ) as made:
        made.axes.plot(
            mean, half, "o", ms=3, color=BAD if failed else BLUE, label="pairs of directions u, v"
        )
        allowed = as_float(record.tolerance) * unit
        if math.isfinite(allowed):
            made.axes.axhspan(-allowed, allowed, color=GOOD, alpha=0.3, label="tolerance (rms)")
        made.axes.axhline(0, color=GOOD, linestyle="--", label="of a potential")
        made.legend()
    return [
        made.picture(
            "Each point compares the force along u that a move along v makes with the force along "
            "v that a move along u makes. With a potential both are the same second derivative: "
            "all points lie on the dashed line."
        )
    ]


def jacobian_blocks(record: Record, frames: Frames | None) -> list[Picture]:
    """Antisymmetry of each pair of atoms against distance, and its map.

    Of all atoms where the directions span them, else of the molecule or atom that holds the fault.
    """
    for key, of in (("full", ""), ("block", " of the atoms that hold most of it")):
        pairs = array_of(entry(record, key, "pair_lambda"))
        distances = array_of(entry(record, key, "pair_distance_A"))
        if pairs is not None and distances is not None and pairs.shape == distances.shape:
            numbers = entry(record, key, "atoms")
            known = isinstance(numbers, list) and len(numbers) == len(pairs)
            atoms = [int(i) for i in numbers] if known else list(range(len(pairs)))
            return _pairs(record, pairs, distances, [_atom(i, frames) for i in atoms], of)
    return []


def _pairs(
    record: Record, pairs: Floats, distances: Floats, names: list[str], of: str
) -> list[Picture]:
    slug = slug_of(record)
    shown = np.maximum(pairs, _LEAST)
    pictures = []
    if len(pairs) > 1:
        upper = np.triu_indices(len(pairs), k=1)
        with panel(
            f"{slug}-distance", "distance of the two atoms (Å)", "antisymmetry |A_ij|/|J|"
        ) as made:
            made.axes.plot(distances[upper], shown[upper], "o", color=BAD, ms=4)
            made.logarithmic("y", shown[upper])
            if made.axes.get_yscale() == "linear":
                made.axes.set_ylim(0.0, 1.15 * float(shown[upper].max()))
        pictures.append(
            made.picture(
                f"Antisymmetric part of the force Jacobian{of}, one point a pair of atoms. "
                "A potential has none at any distance."
            )
        )
    with panel(f"{slug}-map", "", "", height=3.6) as made:
        _draw_map(made, np.log10(shown), names)
    pictures.append(
        made.picture(f"Map of the same{of}: bright squares are the atoms whose forces disagree.")
    )
    return pictures


def _draw_map(made: Panel, values: Floats, names: list[str]) -> None:
    """Squares of a few colours, drawn as shapes: an SVG within a page has no bitmaps."""
    from matplotlib.colors import BoundaryNorm

    top = float(values.max())
    bottom = max(float(values.min()), top - _DECADES)
    levels = np.linspace(bottom, max(top, bottom + 0.1), _LEVELS + 1)
    edges = np.arange(len(values) + 1) - 0.5
    axes = made.axes
    image = axes.pcolormesh(
        edges, edges, values, cmap="viridis", norm=BoundaryNorm(levels, 256, extend="min")
    )
    axes.grid(visible=False)
    axes.set_aspect("equal")
    axes.invert_yaxis()
    if len(names) <= _MOST_NAMES:
        axes.set_xticks(range(len(names)), names, rotation=90)
        axes.set_yticks(range(len(names)), names)
    else:
        axes.set_xlabel("atom")
        axes.set_ylabel("atom")
    axes.figure.colorbar(image, ax=axes, label="log10 |A_ij|/|J|", format="%.2g")


def _atom(index: int, frames: Frames | None) -> str:
    symbol = "" if frames is None or index >= len(frames.symbols) else frames.symbols[index]
    return f"{symbol} {index}".strip()
