"""A configuration in three dimensions: SVG that a script on the page can turn."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from html import escape

import numpy as np

from physcheck.report.pictures.drawing import Picture
from physcheck.report.pictures.numbers_of import array_of, entry, numbers_by_name
from physcheck.report.pictures.saved_frames import Frames
from physcheck.run.record import Record
from physcheck.system import Floats

__all__ = ["structure_view"]

_SIZE, _MARGIN = 320.0, 26.0
# Beyond that a picture of all atoms shows none.
_MOST_ATOMS = 400
# First view: turned a little, so that atoms of a lattice don't hide each other.
_TURN = (0.35, -0.5)
# Longest arrow, as a share of the structure's size.
_ARROW = 0.28
# Bonds are drawn up to this multiple of the sum of covalent radii.
_BOND = 1.25
# An atom whose symbol can be read.
_LEAST_RADIUS = 8.0
# An arrow that can be told from a dot.
_SHORTEST_ARROW = 4.0
# Checks whose frames are one path: the others' are configurations with nothing between them.
_MOVES = (
    "locality",
    "relaxation_descent",
    "cell_relaxation",
    "minimum_stability",
    "cutoff_smoothness",
)
# Fragments that are farther apart than this share of the whole are dots.
_NEIGHBOUR = 0.05


def structure_view(record: Record, frames: Frames | None) -> list[Picture]:
    """The saved configuration, atoms coloured by their share of the violation, with arrows.

    Arrows are the displacement that shows the violation, or the saved forces.
    """
    if frames is None or not 0 < len(frames.symbols) <= _MOST_ATOMS:
        return []
    positions = frames.positions[0]
    if not np.isfinite(positions).all():
        return []
    arrows, meaning = _arrows(record, frames)
    centred = positions - positions.mean(axis=0)
    size = float(np.linalg.norm(centred, axis=1).max()) or 1.0
    if _is_dots(positions, size):
        return []
    share = np.zeros(len(positions)) if arrows is None else np.linalg.norm(arrows, axis=1)
    if (changed := _changes(record, len(positions))) is not None:
        arrows, share = arrows if record.check == "locality" else None, changed
        meaning = ". Coloured by how much the force on an atom changes"
        meaning += "; arrows: atoms that are moved" if arrows is not None else ""
    elif record.check == "responsiveness":
        share, meaning = _without_forces(record, frames.symbols)
    share = share / max(float(share.max()), 1e-300)
    tips = centred if arrows is None else centred + _ARROW * size * arrows / _longest(arrows)
    radii = [_radius(symbol) for symbol in frames.symbols]
    bonds = _bonds(positions, radii)
    data = {
        "atoms": [
            [*(round(float(x) / size, 4) for x in centre), round(float(s), 3), symbol, radius]
            for centre, s, symbol, radius in zip(centred, share, frames.symbols, radii, strict=True)
        ],
        "tips": [] if arrows is None else np.round(tips / size, 4).tolist(),
        "bonds": bonds,
    }
    caption = f"The configuration{meaning}; drag or use the arrow keys to turn it."
    return [Picture(_svg(data, caption), caption)]


def _is_dots(positions: Floats, size: float) -> bool:
    """Whether neighbours lie so near beside the whole that no atom can be told from another."""
    n = len(positions)
    if n < 2 or n ** (1 / 3) * _NEIGHBOUR > 1:
        return False
    apart = np.linalg.norm(positions[:, None] - positions[None], axis=2)
    nearest = float(np.median(apart[~np.eye(n, dtype=bool)].reshape(n, n - 1).min(axis=1)))
    return nearest < _NEIGHBOUR * size


def _arrows(record: Record, frames: Frames) -> tuple[Floats | None, str]:
    shape = frames.positions[0].shape
    candidates = (
        (
            ("worst_loop", "u"),
            ". Coloured by how far the worst loop moves an atom; arrows: its plane",
        ),
        (
            ("worst_direction",),
            ". Coloured by how far the worst direction moves an atom (arrows)",
        ),
        (("worst_plane",), ". Coloured by how far the worst pair of directions moves an atom"),
    )
    for names, meaning in candidates:
        found = array_of(entry(record, *names))
        if found is not None and found.size % (shape[0] * 3) == 0:
            return found.reshape(-1, *shape)[0], meaning
    if frames.forces is not None and np.isfinite(frames.forces[0]).all():
        return frames.forces[0], ". Coloured by the force on an atom; arrows: forces"
    if len(frames.positions) > 1 and record.check in _MOVES:
        moved = frames.positions[-1] - frames.positions[0]
        if np.isfinite(moved).all() and np.abs(moved).max() > 0:
            return moved, ". Coloured by how far an atom is moved; arrows: the move"
    if len(frames.positions) > 1:
        return None, f", the first of {len(frames.positions)} that are saved"
    return None, " that shows it"


def _without_forces(record: Record, symbols: Sequence[str]) -> tuple[Floats, str]:
    """Atoms of species that feel no forces, and what was moved to see it."""
    moves = numbers_by_name(entry(record, "quantities", "changes_eV_per_A"))
    dead = entry(record, "quantities", "species_without_forces")
    still = {str(one) for one in dead} if isinstance(dead, list) else set()
    share = np.array([float(symbol in still) for symbol in symbols])
    told = ""
    if share.all():
        share = np.zeros(len(symbols))
    elif share.any():
        told = f". Coloured: atoms whose forces stay zero ({', '.join(sorted(still))})"
    if moves:
        told += (
            f". It was moved in {len(moves)} ways ({'; '.join(moves)}); forces changed by "
            f"{max(moves.values()):.3g} eV/Å rms at most"
        )
    return share, told


def _changes(record: Record, n_atoms: int) -> Floats | None:
    """(N,) how far apart the two sides of a comparison are; None where the record has none."""
    sizes = array_of(entry(record, "force_changes", "sizes_eV_per_A"))
    indices = array_of(entry(record, "force_changes", "indices"))
    if sizes is not None and indices is not None and indices.max() < n_atoms:
        share = np.zeros(n_atoms)
        share[indices.astype(int)] = sizes
        return share
    indices = array_of(entry(record, "force_sides", "indices"))
    sides = [
        array_of(entry(record, "force_sides", name))
        for name in ("expected_eV_per_A", "given_eV_per_A")
    ]
    if indices is None or sides[0] is None or sides[1] is None or indices.max() >= n_atoms:
        return None
    share = np.zeros(n_atoms)
    share[indices.astype(int)] = np.linalg.norm(sides[1] - sides[0], axis=1)
    return share


def _longest(arrows: Floats) -> float:
    return float(np.linalg.norm(arrows, axis=1).max()) or 1.0


def _radius(symbol: str) -> float:
    from ase.data import atomic_numbers, covalent_radii

    return round(float(covalent_radii[atomic_numbers.get(symbol, 6)]), 2)


def _bonds(positions: Floats, radii: Sequence[float]) -> list[list[int]]:
    apart = np.linalg.norm(positions[:, None] - positions[None], axis=2)
    limit = _BOND * np.add.outer(np.array(radii), np.array(radii))
    first, second = np.nonzero(np.triu(apart < limit, k=1))
    return [[int(i), int(j)] for i, j in zip(first, second, strict=True)]


def _svg(data: dict[str, object], caption: str) -> str:
    """The first view, which needs no script; the same data for the script that turns it."""
    held = escape(json.dumps(data, separators=(",", ":")), quote=True)
    label = escape(caption, quote=True)
    return (
        f'<svg class="view3d" viewBox="0 0 {_SIZE:g} {_SIZE:g}" role="img" tabindex="0" '
        f'aria-label="{label}" data-view="{held}">{_body(data)}</svg>'
    )


def _body(data: dict[str, object]) -> str:
    """Bonds, atoms and arrows, what is nearer over what is farther."""
    atoms: list[list[float]] = data["atoms"]  # type: ignore[assignment]
    bonds: list[list[int]] = data["bonds"]  # type: ignore[assignment]
    tips: list[list[float]] = data["tips"]  # type: ignore[assignment]
    points = _projected(np.array([atom[:3] for atom in atoms]))
    spread = max(len(atoms) ** (1 / 3), 1.6)
    # Depth and drawing: a bond is a little behind its middle, an arrow a little before its atom.
    parts = [
        ((points[i][2] + points[j][2]) / 2 - 0.01, _line("bond", points[i], points[j]))
        for i, j in bonds
    ]
    parts += [
        (point[2], _circle(point, share, str(symbol), 30 * float(radius) / spread))
        for (*_, share, symbol, radius), point in zip(atoms, points, strict=True)
    ]
    ends = _projected(np.array(tips)) if tips else points
    parts += [
        (foot[2] + 0.005, _line("arrow", foot, end))
        for foot, end in zip(points, ends, strict=True)
        if math.dist(foot[:2], end[:2]) > _SHORTEST_ARROW
    ]
    return "".join(text for _, text in sorted(parts, key=lambda part: part[0]))


def _line(kind: str, start: Floats, end: Floats) -> str:
    return (
        f'<line class="{kind}" x1="{start[0]:.1f}" y1="{start[1]:.1f}" '
        f'x2="{end[0]:.1f}" y2="{end[1]:.1f}"/>'
    )


def _circle(centre: Floats, share: float, symbol: str, radius: float) -> str:
    """An atom with its symbol; what is nearer is larger."""
    x, y, depth = centre
    drawn = max(radius, _LEAST_RADIUS) * (1 + 0.15 * depth)
    return (
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{drawn:.1f}" fill="{_colour(float(share))}"/>'
        f'<text x="{x:.1f}" y="{y + 3:.1f}">{escape(symbol)}</text>'
    )


def _projected(points: Floats) -> Floats:
    """(n, 3) places on the picture, and depth: larger is nearer."""
    a, b = _TURN
    about_x = np.array([[1, 0, 0], [0, math.cos(a), -math.sin(a)], [0, math.sin(a), math.cos(a)]])
    about_y = np.array([[math.cos(b), 0, math.sin(b)], [0, 1, 0], [-math.sin(b), 0, math.cos(b)]])
    turned = points @ (about_x @ about_y).T
    half = _SIZE / 2
    scale = (half - _MARGIN) * 0.95
    return np.column_stack([half + scale * turned[:, 0], half - scale * turned[:, 1], turned[:, 2]])


def _colour(share: float) -> str:
    """From grey for what takes no part to orange for the atom that shows most."""
    grey, full = (150, 160, 170), (213, 94, 0)
    red, green, blue = (
        round(a + (b - a) * min(max(share, 0.0), 1.0)) for a, b in zip(grey, full, strict=True)
    )
    return f"rgb({red},{green},{blue})"
