"""The same structure described or placed otherwise: where a model takes one and refuses another."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from physcheck.errors import ModelError, NonFiniteOutput
from physcheck.model import Meter
from physcheck.numerics.answers import SANE_FORCE, largest_force
from physcheck.probes.transformations import exchanged_vectors, new_basis, rigid_rotation
from physcheck.system import Configurations, Floats

__all__ = ["CHECKS_OF_COPIES", "SANE_FORCE", "Unlike", "largest_force", "unlike_copy"]

#: The checks whose laws say that copies are answered alike.
CHECKS_OF_COPIES = (
    "periodic_wrap",
    "translation_invariance",
    "rotation_equivariance",
    "lattice_basis",
)
# Å between the coordinate planes and a structure that is moved to one side of them.
_ASIDE = 1.0
# A force beside a limit may be on either side of it by rounding.
_CLEARLY = 0.99
_SEED = 0
# A rotation that exchanges all axes.
_CYCLE = "with axes x, y, z for y, z, x", np.eye(3)[[1, 2, 0]]


@dataclass(frozen=True, slots=True)
class Unlike:
    """A copy that is answered sanely where the structure isn't, or the reverse.

    Attributes
    ----------
    check : str
        The law that says both are answered alike.
    said : str
        What happened at both, a sentence.
    label : str
        What was done to the copy.
    copy : Configurations
    """

    check: str
    said: str
    label: str
    copy: Configurations


@dataclass(frozen=True, slots=True)
class _Answered:
    """How a model took a configuration.

    Attributes
    ----------
    trouble : str
        What it raised, NaN, or wild forces; empty where the answer is sane.
    force : float, eV/Å
        The largest; infinity where there is none.
    """

    trouble: str
    force: float


def unlike_copy(meter: Meter, start: Configurations, check: str | None = None) -> Unlike | None:
    """A copy that the model takes where it refuses ``start`` (raises, NaN, forces above 30 eV/Å),
    or the reverse.

    Copies are the structure wrapped into its cell, with atoms moved by lattice vectors, moved as a
    whole (to positive and to negative coordinates along axes that aren't periodic; else within the
    cell), and turned.

    Parameters
    ----------
    check : str or None
        Only copies that this check's law is about.

    Cost: 1 evaluation and 1 a copy, six at most, seven for slabs; what raises isn't counted.
    """
    home = _answered(meter, start)
    copies = _copies(start) if check != "lattice_basis" else _other_cells(start)
    for law, label, copy in copies:
        if check is not None and law != check:
            continue
        other = _answered(meter, copy)
        if bool(home.trouble) == bool(other.trouble):
            continue
        good, bad = sorted((home.force, other.force))
        if bad <= SANE_FORCE or good > _CLEARLY * bad:
            continue
        refused, taken = ("as it is", label) if home.trouble else (label, "as it is")
        said = f"{refused}: {home.trouble or other.trouble}; {taken}: a sane answer"
        return Unlike(law, said, label, copy)
    return None


def _answered(meter: Meter, place: Configurations) -> _Answered:
    try:
        forces = meter.evaluate(place, want={"forces"}).require_forces()
    except NonFiniteOutput as error:
        return _Answered(str(error), np.inf)
    except (ModelError, ValueError) as error:
        # Without Meter's "evaluating ... of ...".
        text = str(error)
        return _Answered(text.partition(": ")[2] or text, np.inf)
    largest = largest_force(forces)
    trouble = f"a force of {largest:.3g} eV/Å" if largest > SANE_FORCE else ""
    return _Answered(trouble, largest)


def _copies(start: Configurations) -> Iterator[tuple[str, str, Configurations]]:
    """Check, label and copy, each exactly the same system."""
    pbc = start.system.pbc
    if pbc.any():
        yield "periodic_wrap", "with atoms wrapped into the cell", _wrapped(start)
        yield "periodic_wrap", "with atoms moved by lattice vectors", _unwrapped(start)
    if not pbc.all():
        for label, shift in _sides(start):
            yield "translation_invariance", label, start.at(start.positions + shift)
    else:
        inside = _wrapped(start.at(start.positions + start.cells[0].sum(axis=0) / np.e))
        yield "translation_invariance", "with all atoms moved within the cell", inside
    free = rigid_rotation(start, np.random.default_rng(_SEED))
    yield "rotation_equivariance", free.label, _put_back(free.apply(start), start)
    label, orthogonal = _standard(start.cells[0]) if pbc.all() else _CYCLE
    other = replace(free, orthogonal=orthogonal).apply(start)
    yield "rotation_equivariance", label, _put_back(other, start)


def _other_cells(start: Configurations) -> Iterator[tuple[str, str, Configurations]]:
    """Copies in other cells of the same lattice, one of them left-handed."""
    if int(start.system.pbc.sum()) > 1:
        rng = np.random.default_rng(_SEED)
        for change in (exchanged_vectors(start, rng), new_basis(start, rng)):
            yield "lattice_basis", f"with {change.label}", change.apply(start)


def _sides(start: Configurations) -> list[tuple[str, Floats]]:
    """Shifts along the axes that aren't periodic that take all atoms to one side of the origin."""
    free = ~start.system.pbc
    low, high = start.positions[0].min(axis=0), start.positions[0].max(axis=0)
    return [
        ("moved to positive coordinates", np.where(free, _ASIDE - low, 0.0)),
        ("moved to negative coordinates", np.where(free, -_ASIDE - high, 0.0)),
    ]


def _standard(cell: Floats) -> tuple[str, Floats]:
    """The rotation that gives a lower triangular cell, as many programs want it."""
    # h = L Q^T: columns of Q are the new axes, all with a positive part of their cell vector.
    axes, upper = np.linalg.qr(cell.T)
    axes = axes * np.sign(np.diag(upper))
    if np.linalg.det(axes) < 0:
        # A left-handed cell has no such rotation.
        return _CYCLE
    return "turned so that a is along x and b in the xy plane", axes.T


def _completed(cell: Floats) -> Floats:
    from ase.geometry import complete_cell

    return np.array(complete_cell(cell))  # type: ignore[no-untyped-call]


def _wrapped(start: Configurations) -> Configurations:
    """Atoms inside the cell along its periodic axes."""
    cell = _completed(start.cells[0])
    fractional = start.positions[0] @ np.linalg.inv(cell)
    # A coordinate of -1e-17 is on the face, not a cell away.
    offsets = -np.floor(fractional + 1e-12) * start.system.pbc
    return start.at(start.positions[0] + offsets @ cell)


def _unwrapped(start: Configurations) -> Configurations:
    """Every second atom one cell down, the others one cell up, along the periodic axes."""
    cell = _completed(start.cells[0])
    signs = np.where(np.arange(start.n_atoms) % 2 == 0, -1.0, 1.0)
    offsets = signs[:, None] * start.system.pbc
    return start.at(start.positions[0] + offsets @ cell)


def _put_back(turned: Configurations, start: Configurations) -> Configurations:
    """A turned copy, moved so that its least coordinates are what they were."""
    back = start.positions[0].min(axis=0) - turned.positions[0].min(axis=0)
    return turned.at(turned.positions[0] + back)
