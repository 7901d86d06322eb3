"""Cells of structures that aren't periodic along all axes."""

from __future__ import annotations

import numpy as np

from physcheck.system import Bools, Floats

__all__ = ["completed_cell"]


def completed_cell(cell: Floats, pbc: Bools) -> Floats:
    """The cell (3, 3) with rows that aren't periodic replaced by unit vectors normal to all others.

    Raises
    ------
    ValueError
        The periodic lattice vectors are linearly dependent.
    """
    if pbc.all():
        full = cell
    elif not pbc.any():
        return np.eye(3)
    else:
        # The right singular vectors past the rank span what is normal to the periodic rows.
        _, _, rows = np.linalg.svd(cell[pbc])
        full = cell.copy()
        full[~pbc] = rows[int(pbc.sum()) :]
    lengths = np.linalg.norm(full, axis=1)
    if not abs(np.linalg.det(full)) > 1e-10 * float(np.prod(lengths)):
        raise ValueError("the periodic lattice vectors are zero or linearly dependent")
    return full
