"""How a model is called must not matter.

Alone or in a batch, from one thread or several: what the checks of that share.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from physcheck.checks.differences import Part, largest_difference
from physcheck.checks.plotted import changes_by_atom
from physcheck.measurement import Measurement
from physcheck.model import Capabilities, Meter, Model
from physcheck.registry import default_tolerance
from physcheck.resolution import Resolution
from physcheck.system import Configurations, Evaluation

__all__ = ["FORCES", "RATTLE", "differences_measured", "through"]

#: rms displacement of a coordinate in the copies, Å: thermal.
RATTLE = 0.03
#: What the copies are asked for.
FORCES = frozenset({"forces"})


def differences_measured(
    name: str,
    meter: Meter,
    frames: Configurations,
    parts: list[Part],
    resolution: Resolution,
    tolerance: float | None,
) -> Measurement:
    """The Measurement of the largest of some differences between calls, eV/Å."""
    target = default_tolerance(name) if tolerance is None else tolerance
    # A fault may strike a single place of a batch, or a single thread.
    found = largest_difference(parts, resolution.dof, target, probes=1)
    quantities = {
        p.label if p.output == "forces" else f"{p.label}, {p.output}": p.rms for p in parts
    }
    evidence = {
        "place": f"{found.worst.label}: {_what_differs(found.worst, frames)}",
        "scale": f"the rms force component is {resolution.force_rms:.3g} eV/Å",
        "quantities": {"rms_differences_eV_per_A": quantities},
        "configurations": frames,
        **_by_atom(found.worst, frames, fails=found.value > target),
    }
    return found.to_measurement(meter, resolution, evidence)


def _by_atom(worst: Part, frames: Configurations, *, fails: bool) -> dict[str, Any]:
    """How much the force on each atom differs in the worst of the compared calls."""
    if not fails or worst.output != "forces" or worst.mean.size != 3 * frames.n_atoms:
        return {}
    each = np.linalg.norm(worst.mean.reshape(-1, 3), axis=1)
    return {"force_changes": changes_by_atom(each, frames.system.symbols)}


def _what_differs(worst: Part, frames: Configurations) -> str:
    if worst.output != "forces":
        what = "virial" if worst.output == "stress" else worst.output
        return f"the {what} differs by {np.abs(worst.mean).max():.3g} eV an atom"
    each = np.linalg.norm(worst.mean.reshape(-1, 3), axis=1)
    atom = int(np.argmax(each))
    symbol = frames.system.symbols[atom % frames.n_atoms]
    return f"atom {atom} ({symbol}) differs by {each[atom]:.3g} eV/Å"


class _Through:
    """A model whose calls go through a function; the meter around it counts as ever."""

    def __init__(
        self, model: Model, call: Callable[[Model, Configurations, frozenset[str]], Evaluation]
    ) -> None:
        self.model, self._call = model, call

    @property
    def capabilities(self) -> Capabilities:
        return self.model.capabilities

    def evaluate(
        self, configurations: Configurations, *, want: frozenset[str] = FORCES
    ) -> Evaluation:
        return self._call(self.model, configurations, want)


def through(
    meter: Meter, call: Callable[[Model, Configurations, frozenset[str]], Evaluation]
) -> Meter:
    """A meter whose model is asked through ``call(model, configurations, want)``."""
    clone = Meter(meter)
    clone.model = _Through(meter.model, call)
    return clone
