"""From what a model gives to arrays of real numbers: nothing is cast, dropped or guessed."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

import numpy as np

from physcheck.errors import ModelError, NonFiniteOutput
from physcheck.numerics.near_pairs import near_pairs
from physcheck.system import Configurations, Evaluation, Floats
from physcheck.text.phrases import kind_of

__all__ = ["SANE_FORCE", "evaluation_from", "largest_force", "real_array"]

#: Forces beyond this in a structure at rest mean that the model doesn't know it, eV/Å.
SANE_FORCE = 30.0

# Squares, and sums of many squares, of anything larger are infinite in float64.
_LARGEST = 1e150
# eV/Å, eV an atom, eV/Å³.  Bare nuclei at half of a bond length repel with 1e5 eV/Å, and a
# Lennard-Jones potential that is far too wide with 2e9: what gives more are bits of another type.
_PHYSICAL = 1e12
# Of the sum of covalent radii: nearer atoms overlap, and farther out than this, Å, nothing is said.
_OVERLAP, _FAR_OUT = 0.5, 1e5
_REAL_KINDS = "fiu"
_KINDS = {
    "b": "booleans",
    "c": "complex numbers",
    "m": "times",
    "M": "dates",
    "O": "Python objects",
    "S": "bytes",
    "U": "strings",
    "V": "records",
}
# More entries than this aren't looked at for the one that is no number.
_MOST_ENTRIES = 100_000


def largest_force(forces: Floats) -> float:
    """The largest norm of an atom's force, eV/Å, of forces (B, N, 3)."""
    return float((forces**2).sum(axis=-1).max() ** 0.5)


def real_array(
    name: str, value: Any, shape: tuple[int, ...] | None = None, *, of: str = ""
) -> Floats:
    """A model's output as a new float64 array.

    Taken are numpy arrays, torch tensors without grad, numbers and nested lists of them, of a real
    floating or integer dtype.

    Parameters
    ----------
    name : str
        Of the output, for messages.
    value : object
        What the model gave.
    shape : tuple of int or None
        What it should have; None to leave that to the caller.
    of : str
        Which other model gave it; empty for the model.

    Raises
    ------
    ModelError
        It is something else; the message names the output, its type and what was expected.
    """
    wanted = "real numbers" if shape is None else f"real numbers of shape {shape}"
    whose = f"{of}'s {name}" if of else name

    def refused(what: str) -> ModelError:
        return ModelError(f"{whose} {what}, should be {wanted}")

    kind = kind_of(value)
    if value is None:
        raise refused("is None")
    if isinstance(value, np.ma.MaskedArray):
        raise refused("is a masked array, whose masked values are no numbers")
    if _is_tensor(value):
        if value.requires_grad:
            raise refused("is a tensor that requires grad (detach it)")
        value = value.detach().cpu()
        value = value.double() if value.is_floating_point() else value
    elif not (isinstance(value, list | tuple | int | float | complex | np.generic)
              or hasattr(value, "__array__")):  # fmt: skip
        raise refused(f"is {kind}")
    try:
        array = np.asarray(value)
    except Exception as error:
        ragged = isinstance(value, list | tuple)
        said = "is ragged" if ragged else f"is {kind} that numpy can't read"
        raise refused(f"{said} ({type(error).__name__})") from error
    if array.dtype.kind not in _REAL_KINDS:
        raise refused(_what_is_in(array, kind))
    # Subclasses may hide a unit or a mask behind another arithmetic.
    numbers: Floats = np.array(array, dtype=np.float64, subok=False)
    if shape is not None and numbers.shape != shape:
        raise ModelError(f"{whose} has shape {numbers.shape}, should be {shape}")
    return numbers


def _refuse_unphysical(name: str, array: Floats, asked: Configurations, of: str) -> None:
    """NonFiniteOutput where an output is beyond what any potential gives at such atoms."""
    limit = _PHYSICAL * (asked.n_atoms if name == "energy" else 1)
    for index in np.flatnonzero((np.abs(array) > limit).reshape(len(asked), -1).any(axis=1)):
        one = asked[int(index)]
        if not np.abs(one.positions).max() < _FAR_OUT or _overlaps(one):
            continue
        value = float(array[index].flat[int(np.abs(array[index]).argmax())])
        raise NonFiniteOutput(
            f"{name} is {value:.3g} at configuration {index} of {asked.system.formula}, where no "
            f"atoms overlap: beyond {limit:.0e}, no physical {name}; other bits read as numbers?",
            of=of,
            output=name,
            value=f"{value:.3g}",
        )


def _overlaps(one: Configurations) -> bool:
    from ase.data import covalent_radii

    radii = _OVERLAP * covalent_radii[one.system.numbers]
    return len(near_pairs(one, radii).first) > 0


def _is_tensor(value: Any) -> bool:
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, getattr(torch, "Tensor", ()))


def _what_is_in(array: Any, kind: str) -> str:
    inside = _KINDS.get(array.dtype.kind, f"dtype {array.dtype}")
    if array.dtype.kind == "O":
        others = (type(x).__name__ for x in array.ravel()[:_MOST_ENTRIES] if not _is_real(x))
        inside = f"Python objects such as {next(others, 'mixed numbers')}"
    return f"is {kind} of {inside}"


def _is_real(value: object) -> bool:
    return isinstance(value, int | float | np.floating | np.integer)


def evaluation_from(
    answer: Any, asked: Configurations, wanted: Iterable[str], *, of: str = ""
) -> Evaluation:
    """What a model answered at ``asked``: the ``wanted`` outputs alone, each held against what it
    should be.

    Raises
    ------
    ModelError
        The answer is no Evaluation, or an output is missing, of another shape or no real numbers.
    NonFiniteOutput
        An output is NaN, infinite, or so large that its square is; or larger than any physical one
        at atoms that don't overlap.  The message names output, configuration and atom.
    """
    n_batch, n_atoms = len(asked), asked.n_atoms
    shapes = {"energy": (n_batch,), "forces": (n_batch, n_atoms, 3), "stress": (n_batch, 3, 3)}
    if not all(hasattr(answer, name) for name in shapes):
        raise ModelError(
            f"{of or 'the model'} gave {kind_of(answer)}, should give a "
            "physcheck.Evaluation with energy, forces and stress"
        )
    values: dict[str, Floats] = {}
    for name in sorted(set(wanted), key=list(shapes).index):
        value = getattr(answer, name)
        if value is None:
            raise ModelError(f"{of or 'the model'} gave no {name}, though it says that it can")
        array = real_array(name, value, shapes[name], of=of)
        is_number = np.abs(array) <= _LARGEST
        if not is_number.all():
            first = tuple(np.argwhere(~is_number)[0])
            where = f"configuration {first[0]}"
            if name == "forces":
                where += f", atom {first[1]} ({asked.system.symbols[first[1]]})"
            raise NonFiniteOutput(
                f"{name} is {array[first]} at {where} of {asked.system.formula}",
                of=of,
                output=name,
                value=str(array[first]),
            )
        _refuse_unphysical(name, array, asked, of)
        values[name] = array
    return Evaluation(**values)
