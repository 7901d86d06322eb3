"""What a broken symmetry is called where not forces show it, but the energy or the stress alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from physcheck.checks.differences import LargestDifference, Part

__all__ = ["title_by_output"]

# By check, then by the output that differs; the registered title speaks of forces.
_TITLES: Mapping[str, Mapping[str, str]] = {
    "inversion_equivariance": {
        "energy": "a mirror image has another energy",
        "stress": "a mirror image has another stress",
    },
    "lattice_basis": {
        "energy": "the energy depends on the choice of cell vectors",
        "stress": "the stress depends on the choice of cell vectors, forces don't",
    },
    "periodic_wrap": {
        "energy": "the energy depends on which periodic image of an atom is given",
        "stress": "the stress depends on which periodic image of an atom is given",
    },
    "permutation_equivariance": {
        "energy": "the energy depends on the order in which atoms are listed",
        "stress": "the stress depends on the order in which atoms are listed",
    },
    "rotation_equivariance": {
        "energy": "the energy changes when the atoms are turned",
        "stress": "the stress doesn't turn with the atoms, forces do",
    },
    "separated_additivity": {
        "energy": "the energies of two fragments far apart don't add up",
        "stress": "two fragments far apart change each other's stress",
    },
    "supercell_extensivity": {
        "energy": "a larger cell of the same crystal has another energy an atom, but the same "
        "forces",
        "stress": "a larger cell of the same crystal has another stress, but the same forces",
    },
    "translation_invariance": {
        "energy": "the energy changes when everything is moved together",
        "stress": "the stress changes when everything is moved together",
    },
}


def title_by_output(
    check: str, found: LargestDifference, parts: Sequence[Part], tolerance: float
) -> dict[str, str]:
    """``title`` and ``only_output`` for the evidence of a failure that forces don't show.

    Empty where forces differ by more than the tolerance, too, or nothing fails.
    """
    worst = found.worst
    title = _TITLES.get(check, {}).get(worst.output)
    if title is None or not found.interval[0] > tolerance:
        return {}
    if any(part.output == "forces" and not part.rms <= tolerance for part in parts):
        return {}
    return {"title": title, "only_output": worst.output}
