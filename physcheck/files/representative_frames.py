"""A few frames that stand for a file of many: they differ in composition, density and energy."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from physcheck.files.reference_labels import Labels
from physcheck.system import Floats

if TYPE_CHECKING:
    from ase import Atoms

__all__ = ["MOST_FRAMES", "Choice", "representative_frames"]

#: So many frames of a file are judged at most.
MOST_FRAMES = 8
# Of one composition and periodicity: a typical frame and the two that differ most from it and from
# each other.  Further frames of a trajectory add little and cost as much.
_MOST_ALIKE = 3
# Scales on which frames differ: a strain of 2 % is 6 % of the density; thermal displacements are a
# tenth of an Å; 25 meV per atom is kT at 300 K.
_DENSITY, _DISPLACEMENT, _ENERGY = 0.06, 0.1, 0.025


@dataclass(frozen=True, slots=True)
class Choice:
    """The frames that stand for a file.

    Attributes
    ----------
    frames : tuple of int
        The typical one of the most frequent composition first.
    sentence : str
        What was chosen and from what; empty if that is all.
    """

    frames: tuple[int, ...]
    sentence: str = ""


def representative_frames(frames: Sequence[Atoms], labels: Sequence[Labels], name: str) -> Choice:
    """All frames of a file of few, else at most eight that differ; the same at every call.

    Frames of one composition and periodicity are a group.  Each group, the most frequent first,
    gives the frame nearest to the group's mean; then come, group by group, those farthest from all
    that were chosen of it, in units of 6 % of the density, 0.1 Å of displacement (rms, from the
    group's mean distances of the atoms from their centre) and 25 meV per atom.  A single atom
    comes last among few frames, and isn't chosen among many if there is anything else: it shows
    little of a potential.

    Parameters
    ----------
    frames : sequence of ase.Atoms
    labels : sequence of Labels
        Of each frame; energies tell high frames from low ones where all of a group have one.
    name : str
        The file's, for the sentence.
    """
    several = [i for i, atoms in enumerate(frames) if len(atoms) > 1]
    singles = [i for i, atoms in enumerate(frames) if len(atoms) == 1]
    if len(frames) <= MOST_FRAMES:
        return Choice((*several, *singles))
    groups = _groups(frames, several or singles)
    ranked = [_by_distance(frames, labels, members) for members in groups]
    chosen: list[int] = []
    for turn in range(_MOST_ALIKE):
        chosen += [order[turn] for order in ranked if turn < len(order)]
    chosen = chosen[:MOST_FRAMES]
    left_out = len(frames) - len(several) if several else 0
    return Choice(tuple(chosen), _sentence(frames, chosen, groups, left_out, name))


def _groups(frames: Sequence[Atoms], members: Sequence[int]) -> list[list[int]]:
    """Indices by composition and periodicity, the largest group first."""
    groups: dict[tuple[object, ...], list[int]] = {}
    for index in members:
        atoms = frames[index]
        counts = tuple(sorted(Counter(atoms.numbers.tolist()).items()))
        groups.setdefault((counts, tuple(atoms.pbc.tolist())), []).append(index)
    return sorted(groups.values(), key=lambda group: (-len(group), group[0]))


def _by_distance(
    frames: Sequence[Atoms], labels: Sequence[Labels], members: Sequence[int]
) -> list[int]:
    """The most typical of a group, then the ones farthest from those before; three at most."""
    features = _features(frames, labels, members)
    from_mean = np.linalg.norm(features - features.mean(axis=0), axis=1)
    order = [int(from_mean.argmin())]
    nearest = np.linalg.norm(features - features[order[0]], axis=1)
    while len(order) < min(_MOST_ALIKE, len(members)):
        farthest = int(nearest.argmax())
        if not (nearest[farthest] > 0):
            break
        order.append(farthest)
        nearest = np.minimum(nearest, np.linalg.norm(features - features[farthest], axis=1))
    return [members[i] for i in order]


def _features(frames: Sequence[Atoms], labels: Sequence[Labels], members: Sequence[int]) -> Floats:
    """(members, 3): log density, displacement and energy per atom, each in units of its scale."""
    spreads = np.stack([_radii(frames[i]) for i in members])
    displaced = np.sqrt(((spreads - spreads.mean(axis=0)) ** 2).mean(axis=1))
    densities = np.zeros(len(members))
    if frames[members[0]].pbc.all():
        densities = np.array([-np.log(abs(frames[i].cell.volume)) for i in members])
    energies = [labels[i].energy for i in members]
    per_atom = np.zeros(len(members))
    if all(energy is not None for energy in energies):
        per_atom = np.array(energies, dtype=float) / len(frames[members[0]])
    features = np.stack(
        [densities / _DENSITY, displaced / _DISPLACEMENT, per_atom / _ENERGY], axis=1
    )
    centred: Floats = features - features.mean(axis=0)
    return centred


def _radii(atoms: Atoms) -> Floats:
    """Sorted distances of the atoms from their centre, Å: the same whatever the order of atoms."""
    radii: Floats = np.sort(np.linalg.norm(atoms.positions - atoms.positions.mean(axis=0), axis=1))
    return radii


def _sentence(
    frames: Sequence[Atoms],
    chosen: Sequence[int],
    groups: Sequence[Sequence[int]],
    left_out: int,
    name: str,
) -> str:
    formulas = list(dict.fromkeys(frames[group[0]].get_chemical_formula() for group in groups))
    listed = ", ".join(formulas[:MOST_FRAMES]) + (", ..." if len(formulas) > MOST_FRAMES else "")
    text = (
        f"{name} has {len(frames)} frames ({listed}); judged are frames "
        f"{', '.join(str(i) for i in chosen)}, which differ in composition, density, displacements "
        "and energy"
    )
    if left_out:
        text += f"; {left_out} of a single atom {'is' if left_out == 1 else 'are'} left out"
    return f"{text}; name others as FILE@INDEX, such as {name}@::10"
