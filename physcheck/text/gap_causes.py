"""What explains a gap between an output and the derivative of the energy, told from the numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from physcheck.system import Floats

__all__ = ["FORCE_FACTORS", "GapCause", "force_cause", "stress_cause", "stress_factors"]

# CODATA 2018: Hartree in eV, Bohr in Å, and what a mole of eV is in kcal and kJ.
_HARTREE, _BOHR, _KCAL_MOL, _KJ_MOL = 27.211386, 0.52917721, 23.060548, 96.485332
# eV/Å³ in GPa.
_GPA = 160.21766

#: What forces times the energy's negative gradient by a factor usually are.
FORCE_FACTORS: Mapping[str, float] = {
    "the sign: the gradient was taken for the force": -1.0,
    "2: each pair is counted twice in the forces, or half in the energy": 2.0,
    "1/2: each pair is counted half in the forces, or twice in the energy": 0.5,
    "-2: the sign, and each pair counted twice": -2.0,
    "-1/2: the sign, and each pair counted half": -0.5,
    "Hartree/Bohr in eV/Å: the forces were converted twice, or the energy isn't converted": (
        _HARTREE / _BOHR
    ),
    "eV/Å in Hartree/Bohr: the forces aren't converted": _BOHR / _HARTREE,
    "Hartree in eV: only one of energy and forces is converted": _HARTREE,
    "eV in Hartree: only one of energy and forces is converted": 1 / _HARTREE,
    "Rydberg/Bohr in eV/Å: the energy isn't converted": _HARTREE / 2 / _BOHR,
    "eV/Å in Rydberg/Bohr: the forces aren't converted": 2 * _BOHR / _HARTREE,
    "Å in Bohr: forces per Bohr": _BOHR,
    "Bohr in Å: positions were converted, forces not": 1 / _BOHR,
    "eV in kcal/mol: the forces are in kcal/mol/Å": _KCAL_MOL,
    "kcal/mol in eV: the energy is in kcal/mol": 1 / _KCAL_MOL,
    "eV in kJ/mol: the forces are in kJ/mol/Å": _KJ_MOL,
    "kJ/mol in eV: the energy is in kJ/mol": 1 / _KJ_MOL,
    "1000: meV for eV": 1000.0,
    "1/1000: eV for meV": 1e-3,
    "10: nm for Å": 10.0,
    "1/10: Å for nm": 0.1,
}
# A factor explains a gap if it leaves less than this share of it, and of the output, in rms.
_EXPLAINED = 0.1
# Relative distance at which a factor has a name: rounded constants, and pieces of finite length.
_NAMED, _MOST = 0.003, 0.02
# Fewer numbers would be proportional by chance.
_FEWEST = 3
# Keeps a factor of nothing finite.
_TINY = 1e-300
# An energy that changes this much less than the output says, in rms, doesn't change: pieces have a
# length, and the output at their middle isn't quite the mean along them.
_NOTHING = 0.01


@dataclass(frozen=True, slots=True)
class GapCause:
    """What the numbers say of a gap.

    Attributes
    ----------
    line : str
        What was found, a sentence.
    causes : str
        What usually causes that.
    title : str
        What the failure is, in a few words; empty where no more is known than that there is a gap.
    factor : float or None
        What the output is times the energy's derivative, where that is all that is wrong.
    """

    line: str
    causes: str
    title: str = ""
    factor: float | None = None


def force_cause(shares: Floats, gaps: Floats, symbols: Sequence[str]) -> GapCause:
    """What makes forces differ from the energy's negative gradient.

    Parameters
    ----------
    shares : (k, N) float, eV/Å
        What each atom's force adds to the component along each of k directions.
    gaps : (k,) float, eV/Å
        Those components less the ones of the energy's negative gradient.
    symbols : sequence of str
        Of the N atoms.

    The factor f of the least squares of ``forces - f gradient`` explains the gap if it leaves less
    than a tenth of it; likewise a factor on the forces of one species.
    """
    given = shares.sum(axis=1)
    derived, n_atoms = given - gaps, len(symbols)
    names = {**FORCE_FACTORS, **_atoms(n_atoms, "the energy")}
    found = _factor(given, derived, names, "the forces", "the energy's negative gradient")
    if found is not None:
        return found
    if _is_nothing(derived, given):
        return GapCause(
            "the energy doesn't change where the forces do work: it is constant, or stale (that of "
            "an earlier call)",
            "an energy that is kept from an earlier call (history_independence), or that doesn't "
            "depend on positions; an output that isn't filled",
            "the energy doesn't change where the forces do work: it is constant or stale",
        )
    one = _species(shares, gaps, symbols)
    if one is not None:
        return one
    if _is_nothing(given, derived):
        return GapCause(
            "the forces vanish where the energy changes",
            "forces that aren't filled; a graph that is cut between positions and energy",
            "the forces vanish where the energy changes",
        )
    return GapCause(
        _no_factor(given, derived),
        "forces predicted directly; a term of the energy that is detached or left out of the "
        "gradient; energy and forces that are smoothed or shifted differently (with ASE, the "
        "energy that belongs to the forces is free_energy)",
    )


def _species(shares: Floats, gaps: Floats, symbols: Sequence[str]) -> GapCause | None:
    """The species whose forces, all times one factor, are the whole gap; None if there is none."""
    kinds = sorted(set(symbols))
    if len(kinds) < 2 or len(gaps) < _FEWEST:
        return None
    for kind in kinds:
        own = shares[:, [symbol == kind for symbol in symbols]].sum(axis=1)
        lacking = own - gaps
        factor = _best_factor(own, lacking)
        if factor != 0 and _explains(own, factor * lacking, gaps):
            text = f"the forces on {kind} are {factor:.3g} times the energy's negative gradient"
            return GapCause(
                f"{text}, all others are right", f"a factor on {kind} alone: {text}", text
            )
    return None


def stress_factors(volume: float) -> Mapping[str, float]:
    """What stresses times the strain derivative by a factor usually are; ``volume`` in Å³."""
    atomic = _HARTREE / _BOHR**3
    signed = {
        "eV/Å³ in GPa: the stress is in GPa": _GPA,
        "GPa in eV/Å³: the stress was converted twice": 1 / _GPA,
        "eV/Å³ in kbar: the stress is in kbar": 10 * _GPA,
        "the volume: a virial is given for a stress": volume,
        "1/volume: the stress is divided by the volume twice": 1 / volume,
        "Hartree/Bohr³ in eV/Å³: the stress was converted twice": atomic,
        "eV/Å³ in Hartree/Bohr³: the stress isn't converted": 1 / atomic,
        "2: each pair is counted twice": 2.0,
        "1/2: each pair is counted half": 0.5,
        "1/3: a trace for a mean": 1 / 3,
        "3: a mean for a trace": 3.0,
    }
    return {
        "the sign: a stress that is positive under pressure": -1.0,
        **signed,
        **{f"-{name} (and the sign)": -value for name, value in signed.items()},
    }


def stress_cause(given: Floats, derived: Floats, volume: float, n_atoms: int) -> GapCause:
    """What makes a stress differ from the energy's strain derivative over the volume.

    Parameters
    ----------
    given, derived : (3, 3) float, eV/Å³
    volume : float, Å³
    n_atoms : int
    """
    one, other = _six(given), _six(derived)
    names = {**stress_factors(volume), **_atoms(n_atoms, "the energy")}
    found = _factor(one, other, names, "the stress", "the energy's strain derivative")
    if found is not None:
        return found
    if _is_nothing(derived, given):
        return GapCause(
            "the energy doesn't change with the cell: it is constant, or stale (that of an earlier "
            "call)",
            "an energy that is kept from an earlier call (history_independence), or that doesn't "
            "depend on the cell",
            "the energy doesn't change with the cell: it is constant or stale",
        )
    if _is_nothing(given, derived):
        text = "the stress vanishes where the energy changes"
        return GapCause(text, "a stress not filled", text)
    for text, order in _ORDERS.items():
        if _explains(one, other[order], one - other):
            return GapCause(
                f"the stress is the energy's strain derivative with {text}",
                "another order of Voigt components than xx, yy, zz, yz, xz, xy",
                f"the components of the stress are in another order: {text}",
            )
    part = _part_of_stress(one, other)
    if part is not None:
        return part
    asymmetric = given - given.T
    if _rms(asymmetric) > _EXPLAINED * _rms(given - derived):
        return GapCause(
            "the stress isn't symmetric, which no energy's derivative is",
            "a virial of forces that turn the system; a stress predicted directly",
            "the stress isn't symmetric, which no energy's derivative is",
        )
    return GapCause(
        _no_factor(one, other) + "; nor does another order of components",
        "stress predicted directly; a virial without the term of the smoothing function or of the "
        "cell's images; a term that is left out of the strain",
    )


def _part_of_stress(given: Floats, derived: Floats) -> GapCause | None:
    """Shear components alone that are wrong by one factor, or a pressure in place of a stress."""
    shear = derived[3:]
    factor = _best_factor(given[3:], shear)
    if _explains(given, np.concatenate([derived[:3], factor * shear]), given - derived):
        text = (
            f"the stress's shear components are {factor:.3g} times the energy's strain derivative"
        )
        return GapCause(
            f"{text}, the others are right",
            "1/2 or 2 on components off the diagonal: a strain and its transpose counted once or "
            "twice, or Voigt's engineering strains; 0: a diagonal cell is taken for granted",
            text,
        )
    pressure = np.array([1.0, 1.0, 1.0, 0.0, 0.0, 0.0]) * derived[:3].mean()
    if _explains(given, pressure, given - derived):
        text = "the stress is a pressure: one mean for xx, yy and zz, and no shear"
        return GapCause(text, "a stress made from the derivative by the volume alone", text)
    return None


# Of xx, yy, zz, yz, xz, xy: what programs confuse them with.
_ORDERS: Mapping[str, list[int]] = {
    "xy, yz, xz in place of yz, xz, xy": [0, 1, 2, 5, 3, 4],
    "xz, xy, yz in place of yz, xz, xy": [0, 1, 2, 4, 5, 3],
    "xy, xz, yz in place of yz, xz, xy": [0, 1, 2, 5, 4, 3],
    "yz and xz exchanged": [0, 1, 2, 4, 3, 5],
    "xz and xy exchanged": [0, 1, 2, 3, 5, 4],
    "xx, xy, xz, yy, yz, zz in place of xx, yy, zz, yz, xz, xy": [0, 5, 4, 1, 3, 2],
}


def _six(tensor: Floats) -> Floats:
    symmetric = (tensor + tensor.T) / 2
    return np.array([symmetric[i, j] for i, j in ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))])


def _atoms(n_atoms: int, what: str) -> dict[str, float]:
    if n_atoms < _FEWEST:
        return {}
    return {
        f"the number of atoms: {what} is one per atom": float(n_atoms),
        f"1/(number of atoms): a mean over atoms was derived, {what} is the sum": 1 / n_atoms,
    }


def _factor(
    given: Floats, derived: Floats, names: Mapping[str, float], what: str, of: str
) -> GapCause | None:
    factor = _best_factor(given, derived)
    if (
        len(given) < _FEWEST
        or factor == 0
        or not _explains(given, factor * derived, given - derived)
    ):
        return None
    left = _rms(given - factor * derived) / _rms(given)
    near = min(max(_NAMED, 2 * left / math.sqrt(len(given))), _MOST)
    fitting = [name for name, value in names.items() if abs(factor / value - 1) <= near]
    title = f"{what} are" if what.endswith("s") and what != "the stress" else f"{what} is"
    title += f" {factor:.4g} times {of}"
    line = f"{title} (what is left: {100 * left:.2g} %)"
    if fitting:
        named = "; or ".join(fitting)
        return GapCause(f"{line}: {named}", named, f"{title} ({fitting[0]})", factor)
    return GapCause(
        line,
        f"a common factor of {factor:.4g} on one of the two (a unit, a scale), or a part that is "
        "left out of one of them and is proportional to the rest here",
        title,
        factor,
    )


def _explains(given: Floats, model: Floats, gap: Floats) -> bool:
    """Whether little is left of the gap, and of what is given: beside a far larger derivative every
    output is near to nothing times it."""
    return _rms(given - model) <= _EXPLAINED * min(_rms(gap), _rms(given))


def _best_factor(given: Floats, derived: Floats) -> float:
    """Of the least squares of ``given - factor * derived``."""
    return float(given @ derived) / max(float(derived @ derived), _TINY)


def _no_factor(given: Floats, derived: Floats) -> str:
    factor = _best_factor(given, derived)
    left = _rms(given - factor * derived) / _rms(given - derived)
    return f"no sign, unit or factor explains the gap (the best, {factor:.3g}, leaves {left:.0%})"


def _is_nothing(small: Floats, large: Floats) -> bool:
    return _rms(small) <= _NOTHING * _rms(large)


def _rms(values: Floats) -> float:
    return float(np.sqrt(np.mean(np.square(values))))
