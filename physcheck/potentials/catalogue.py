"""From the argument of a ``builtin::`` spec to a model: a potential and a chain of defects."""

from __future__ import annotations

import inspect
import math
import re
from typing import Any

from physcheck.errors import SpecError
from physcheck.model import Model
from physcheck.names import nearest
from physcheck.potentials.analytic import AnalyticPotential
from physcheck.potentials.defects import DEFECTS, Float32
from physcheck.potentials.gupta import Gupta
from physcheck.potentials.harmonic import HarmonicBonds
from physcheck.potentials.lennard_jones import LennardJones
from physcheck.potentials.morse import Morse
from physcheck.potentials.stillinger_weber import StillingerWeber
from physcheck.potentials.water import Water

__all__ = ["BUILTINS", "DEFECTS", "make_builtin"]

_ALL: tuple[type[AnalyticPotential], ...] = (
    LennardJones,
    Morse,
    HarmonicBonds,
    Gupta,
    StillingerWeber,
    Water,
)

#: Name in a spec -> class.
BUILTINS: dict[str, type[AnalyticPotential]] = {potential.name: potential for potential in _ALL}

_INDEX = re.compile(r"-?\d{1,9}")
# Each wraps the model once more, and Python's calls go only so deep.
_MOST_DEFECTS = 20
# A sign inside a number, as in 1e+3, is followed by a digit.
_PLUS = re.compile(r"\+(?=[A-Za-z])")


def make_builtin(argument: str, **options: Any) -> Model:
    """A built-in potential with any defects: ``name[+defect[=strength[:which]]]...``, first defect
    innermost.

    ``make_builtin("lennard-jones+curl=1e-3", cutoff=5.0)``,
    ``make_builtin("water+local-curl=0.01:5")``: an integer after the strength says which molecule
    (local-curl), atom (atom-curl), element (species-direct) or seed (noise).  Options are the
    potential's parameters; ``dtype="float32"`` adds that rounding outermost.

    Raises
    ------
    SpecError
        An unknown potential or defect (nearest names given), a strength that is no number, an
        option that the potential doesn't take or can't use.
    """
    name, *defects = _PLUS.split(argument.strip())
    if len(defects) > _MOST_DEFECTS:
        raise SpecError(
            f"builtin::{name} has {len(defects)} defects, should have at most {_MOST_DEFECTS}"
        )
    if name not in BUILTINS:
        raise SpecError(f"no built-in potential {name!r}; {nearest(name, BUILTINS)}")
    dtype = str(options.pop("dtype", None) or "float64").removeprefix("torch.")
    if dtype not in ("float32", "float64"):
        raise SpecError(f"builtin::{name}: dtype is {dtype!r}, should be float32 or float64")
    device = str(options.pop("device", None) or "cpu")
    if device != "cpu":
        raise SpecError(f"builtin::{name}: device is {device!r}, built-in potentials run on cpu")
    kind: Any = BUILTINS[name]
    model: Model = _construct(f"builtin::{name}", kind, options)
    for text in defects:
        model = _defective(model, text)
    return Float32(model) if dtype == "float32" and model.capabilities.dtype != dtype else model


def _construct(label: str, kind: Any, options: dict[str, Any]) -> Model:
    known = inspect.signature(kind).parameters
    values: dict[str, Any] = {}
    for key, value in options.items():
        if key not in known:
            raise SpecError(f"{label} takes no option {key!r}; {nearest(key, known)}")
        values[key] = _number(f"{label}: {key}", value)
    try:
        model: Model = kind(**values)
    except (TypeError, ValueError) as error:
        raise SpecError(f"{label}: {error}") from error
    return model


def _number(label: str, value: Any) -> Any:
    try:
        number = float(value) if isinstance(value, str) else value
        finite = math.isfinite(number)
    except (ValueError, TypeError, OverflowError) as error:
        raise SpecError(f"{label} is {value!r}, should be a number") from error
    if not finite:
        raise SpecError(f"{label} is {value!r}, should be finite")
    return number


def _defective(model: Model, text: str) -> Model:
    name, equals, value = text.partition("=")
    if name not in DEFECTS:
        raise SpecError(f"no defect {name!r}; {nearest(name, DEFECTS)}")
    kind: Any = DEFECTS[name]
    strength, colon, which = value.partition(":")
    arguments = [_number(f"strength of defect {name}", strength)] if equals else []
    if colon:
        if len(inspect.signature(kind).parameters) < 3:
            raise SpecError(f"defect {name} takes a strength only, not {value!r}")
        if not _INDEX.fullmatch(which):
            raise SpecError(
                f"defect {name}: {which!r} after the colon should be an integer of at most 9 digits"
            )
        arguments.append(int(which))
    try:
        wrapped: Model = kind(model, *arguments)
    except (TypeError, ValueError) as error:
        raise SpecError(f"defect {name}: {error}") from error
    return wrapped
