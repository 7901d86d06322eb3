"""What a structure must have so that a kind of fault can show, for ``@check(shows=...)``."""

from __future__ import annotations

import numpy as np

from physcheck.registry import Shows
from physcheck.system import Configurations

__all__ = ["PARTLY_PERIODIC", "SEVERAL_SPECIES", "SHEARED_CELL", "cell_shear"]


def cell_shear(start: Configurations) -> float:
    """How far the cell is from orthogonal: off-diagonal over diagonal part; zero without a cell.

    Code that takes a cell for its diagonal, or for its own transpose, shows in sheared cells only.
    """
    cell = start.cells[0]
    diagonal = float(np.linalg.norm(np.diag(cell)))
    if not start.system.is_fully_periodic or not diagonal > 0:
        return 0.0
    return float(np.linalg.norm(cell - np.diag(np.diag(cell)))) / diagonal


def _partly_periodic(start: Configurations) -> float:
    periodic = int(start.system.pbc.sum())
    return float(start.system.is_periodic and periodic < 3)


def _several_species(start: Configurations) -> float:
    species = len(set(start.system.numbers.tolist()))
    return species + start.n_atoms / 1000 if species > 1 else 0.0


SHEARED_CELL = Shows(cell_shear, "a crystal with a sheared cell")
#: Images along some axes only, and vacuum along the others.
PARTLY_PERIODIC = Shows(_partly_periodic, "periodic along some axes only")
SEVERAL_SPECIES = Shows(_several_species, "made of several species")
