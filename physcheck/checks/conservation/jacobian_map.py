"""What a whole Jacobian tells besides one number."""

from __future__ import annotations

from typing import Any

import numpy as np

from physcheck.checks.plotted import short
from physcheck.system import Configurations, Floats, Ints

__all__ = ["block_map", "jacobian_map", "maps_of_directions"]

# Directions whose elements are kept for a picture: 120 pairs of them.
_SHOWN = 16


def maps_of_directions(one: Configurations, frame: Floats, responses: Floats) -> dict[str, Any]:
    """What the responses J u (k, 3N) along orthonormal directions u (k, 3N) show.

    Returns
    -------
    dict
        ``elements_eV_per_A2``: u_i.J u_j of the first directions; a symmetric J has u_j.J u_i the
        same.  ``full``: :func:`jacobian_map`, where the directions span all coordinates.
    """
    found: dict[str, Any] = {
        "elements_eV_per_A2": short((frame @ responses.T)[:_SHOWN, :_SHOWN]),
    }
    if len(frame) == one.n_coordinates:
        found["full"] = jacobian_map(one, responses.T @ frame)
    return found


def block_map(one: Configurations, atoms: Ints, jacobian: Floats) -> dict[str, Any]:
    """lambda over the pairs of some atoms with their distances.

    Parameters
    ----------
    atoms : (M,) int
    jacobian : (3M, 3M) float, eV/Å²
        Their own block.

    Returns
    -------
    dict
        ``atoms``; ``pair_lambda`` (M, M): |A_ij|_F over |J|_F of the block; ``pair_distance_A``.
    """
    # Of these atoms alone: the distances of all pairs of 10,000 atoms don't fit into memory.
    few = one.to_atoms()[atoms]
    return {
        "atoms": atoms,
        "pair_lambda": short(_pair_lambda(jacobian)),
        "pair_distance_A": short(few.get_all_distances(mic=one.system.is_periodic)),
    }


def _pair_lambda(jacobian: Floats) -> Floats:
    """(N, N) norm of each pair's antisymmetric block over that of the whole."""
    count = len(jacobian) // 3
    blocks = ((jacobian - jacobian.T) / 2).reshape(count, 3, count, 3)
    norm = float(np.linalg.norm(jacobian)) or np.inf
    found: Floats = np.linalg.norm(blocks, axis=(1, 3)) / norm
    return found


def jacobian_map(one: Configurations, jacobian: Floats) -> dict[str, Any]:
    """lambda over pairs of atoms with their distances, over pairs of species, and mass-weighted.

    Parameters
    ----------
    jacobian : (3N, 3N) float, eV/Å²
        Row: force component; column: displaced coordinate.

    Returns
    -------
    dict
        ``pair_lambda`` (N, N): |A_ij|_F/|J|_F.  ``pair_distance_A`` (N, N).
        ``species_lambda``: for each pair of species the block's |A|_F/|J|_F.
        ``mass_weighted_lambda``: of M^-1/2 J M^-1/2, which weighs the soft modes that heat.
        ``acoustic_sum_rms``, eV/Å²: rms of sum_j J_ij, zero where a rigid shift costs no force.
    """
    n_atoms = one.n_atoms
    anti = (jacobian - jacobian.T) / 2
    symbols = np.array(one.system.symbols)
    species = sorted(set(symbols.tolist()))
    table = {}
    for a, first in enumerate(species):
        for second in species[a:]:
            block = np.ix_(np.repeat(symbols == first, 3), np.repeat(symbols == second, 3))
            whole = float(np.linalg.norm(jacobian[block]))
            table[f"{first}-{second}"] = (
                float(np.linalg.norm(anti[block])) / whole if whole > 0 else 0.0
            )
    # The square root of the mass on either side: frequencies squared are eigenvalues of this.
    weight = np.repeat(one.system.masses, 3) ** -0.5
    weighted = jacobian * np.outer(weight, weight)
    soft = float(np.linalg.norm(weighted)) or np.inf
    sums = np.sum(jacobian.reshape(-1, n_atoms, 3), axis=1)
    return {
        "pair_lambda": _pair_lambda(jacobian),
        "pair_distance_A": one.to_atoms().get_all_distances(mic=one.system.is_periodic),
        "species_lambda": table,
        "mass_weighted_lambda": float(np.linalg.norm(weighted - weighted.T)) / (2 * soft),
        "acoustic_sum_rms": float(np.sqrt(np.mean(sums**2))),
    }
