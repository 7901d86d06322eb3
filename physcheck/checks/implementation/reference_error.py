"""The model against the energies and forces that a structure file holds."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from physcheck.checks.plotted import parity
from physcheck.errors import ModelError
from physcheck.measurement import Measurement
from physcheck.model import Capabilities, Meter, Model
from physcheck.names import Budget
from physcheck.numerics.noise import rounding_floor
from physcheck.registry import check, derive_assert
from physcheck.system import Configurations, Floats, LabelledFrame, as_configurations

__all__ = ["assert_reference_error", "measure_reference_error"]

# Standard normal quantiles of the interval's two ends: a chance of 1e-4 below, 2.5 % above.
_BELOW, _ABOVE = 3.72, 1.96
_MOST_FRAMES: dict[Budget, int] = {"quick": 12, "standard": 50, "full": 200}


def _unlabelled(start: Configurations, capabilities: Capabilities) -> str | None:
    if not start.labelled:
        return "no energies and forces are at hand (the first frame of a file compares them all)"
    if not any(frame.forces is not None for frame in start.labelled):
        return "the file gives energies but no forces"
    return None


def _allotment(start: Configurations, capabilities: Capabilities, budget: Budget) -> int:
    return max(1, min(len(start.labelled), _MOST_FRAMES[budget]))


@check(
    family="implementation",
    quantity="rms difference from the forces that the file gives",
    unit="eV/Å",
    needs={"forces"},
    kind="info",
    title="forces differ from those that the structure file gives",
    causes="the file's labels are of another method, head or unit; the model is far from its "
    "training set",
    advice="compare the figure with the test error of the model's authors; a factor of 27.2, 51.4 "
    "or 23.1 between the two is a unit",
    evaluations=_allotment,
    options={budget: {"frames": most} for budget, most in _MOST_FRAMES.items()},
    applies=_unlabelled,
)
def measure_reference_error(
    model: Model | Meter,
    start: Any,
    *,
    rng: np.random.Generator,
    frames: int = _MOST_FRAMES["quick"],
) -> Measurement:
    """How far the model is from the energies and forces that its structure file gives.

    ``sqrt(mean |F - F_file|²)`` over components, atoms and frames, eV/Å.  Among the ``quantities``:
    the same of energies per atom, of which only differences within a composition count, since an
    energy's zero is a convention: ``sqrt(sum((e - <e>)²) / (n - groups))`` with
    ``e = (E - E_file) / N``, meV/atom; the rms force of the file, and how the two forces are
    correlated.

    Frames are taken evenly from the file's labelled ones.  Those that the model refuses are counted
    in ``refused``.

    Can't see: which of the two is right.  It is a figure, not a law: no tolerance.

    Parameters
    ----------
    frames : int
        The most frames that are evaluated.

    Raises
    ------
    ModelError
        The model refuses every frame.
    NonFiniteOutput
        It gives NaN at one.

    Cost: one evaluation a frame.
    """
    meter, one = Meter(model), as_configurations(start)
    chosen = _evenly(one.labelled, frames)
    found = _compared(meter, chosen)
    return _report(meter, chosen, found)


def _evenly(labelled: Sequence[LabelledFrame], most: int) -> list[LabelledFrame]:
    having = [frame for frame in labelled if frame.forces is not None] or list(labelled)
    if len(having) <= most:
        return having
    return [having[i] for i in np.linspace(0, len(having) - 1, most).round().astype(int)]


@dataclass(slots=True)
class _Found:
    """Differences from the file.

    Attributes
    ----------
    names : list of str
        Of the frames that were compared.
    squares, components : list of float, list of int
        Sum of squared force differences of each frame, (eV/Å)², and how many components it has.
    products : (3,) float
        Sums of F F_file, F F and F_file F_file.
    energies : dict of composition to list of float
        (E - E_file) / N, eV.
    refused : dict of frame to the model's words
    pairs : list of (N, 3), (N, 3), symbols
        Forces of the file and of the model.
    largest : float
        Of the model's force components, eV/Å.
    """

    names: list[str] = field(default_factory=list)
    squares: list[float] = field(default_factory=list)
    components: list[int] = field(default_factory=list)
    products: Any = field(default_factory=lambda: np.zeros(3))
    energies: dict[Any, list[float]] = field(default_factory=lambda: defaultdict(list))
    refused: dict[str, str] = field(default_factory=dict)
    pairs: list[tuple[Floats, Floats, Sequence[str]]] = field(default_factory=list)
    largest: float = 0.0

    def force_error(self) -> float:
        """Root of the mean square over all components."""
        return math.sqrt(sum(self.squares) / sum(self.components))

    def energy_error(self) -> float | None:
        """Of energies per atom, eV, less each composition's mean; None without two of one."""
        groups = [np.array(values) for values in self.energies.values()]
        free = sum(len(values) - 1 for values in groups)
        if free == 0:
            return None
        return math.sqrt(sum(float(((v - v.mean()) ** 2).sum()) for v in groups) / free)


def _compared(meter: Meter, frames: Sequence[LabelledFrame]) -> _Found:
    found = _Found()
    error: ModelError | None = None
    for frame in frames:
        want = {"forces"} | ({"energy"} & meter.capabilities.outputs)
        refusal = meter.capabilities.refuses(frame.configurations)
        if refusal is not None:
            found.refused[frame.name] = refusal
            continue
        try:
            answer = meter.evaluate(frame.configurations, want=want)
        except ModelError as raised:
            error = raised
            found.refused[frame.name] = str(raised)
            continue
        found.names.append(frame.name)
        if frame.forces is not None:
            forces = answer.require_forces()[0]
            found.pairs.append((frame.forces, forces, frame.configurations.system.symbols))
            found.squares.append(float(((forces - frame.forces) ** 2).sum()))
            found.components.append(forces.size)
            found.products += [
                float((a * b).sum())
                for a, b in (
                    (forces, frame.forces),
                    (forces, forces),
                    (frame.forces, frame.forces),
                )
            ]
            found.largest = max(found.largest, float(np.abs(forces).max()))
        if frame.energy is not None and answer.energy is not None:
            key = tuple(sorted(frame.configurations.system.numbers.tolist()))
            gap = float(answer.energy[0]) - frame.energy
            found.energies[key].append(gap / frame.configurations.n_atoms)
    if not found.squares:
        words = next(iter(found.refused.values()), "no frame has forces")
        raise error or ModelError(f"the model refuses every labelled frame: {words}")
    return found


def _report(meter: Meter, frames: Sequence[LabelledFrame], found: _Found) -> Measurement:
    value = found.force_error()
    uncertainty = _standard_error(found)
    energy = found.energy_error()
    both, own, theirs = (float(product) for product in found.products)
    text = f"{len(found.names)} frames, keys {', '.join(frames[0].keys)}"
    if energy is not None:
        text += f"; energy differences {1000 * energy:.3g} meV/atom rms"
    passed_over = sorted({key for frame in frames for key in frame.passed_over})
    if passed_over:
        text += f"; {', '.join(passed_over)} of the file differ from these and weren't used"
    if found.refused:
        text += f"; {len(found.refused)} frames refused"
    scale = math.sqrt(theirs / sum(found.components))
    worst = int(np.argmax(np.array(found.squares) / np.array(found.components)))
    return Measurement(
        value=value,
        uncertainty=uncertainty,
        uncertainty_components={"sampling": uncertainty},
        interval=(max(0.0, value - _BELOW * uncertainty), value + _ABOVE * uncertainty),
        detection_limit=None,
        limit_unknown="the difference is reported, not judged",
        noise_floor=rounding_floor(found.largest, meter.capabilities.dtype),
        force_evaluations=meter.evaluations,
        evidence={
            "place": text,
            "scale": f"the file's rms force is {scale:.3g} eV/Å",
            "quantities": {
                "frames": found.names,
                "worst_frame": found.names[worst],
                "energy_error_meV_per_atom": None if energy is None else 1000 * energy,
                "rms_force_of_file": scale,
                "force_correlation": both / math.sqrt(own * theirs) if own * theirs > 0 else None,
                "slope_of_forces": both / theirs if theirs > 0 else None,
                "keys": list(frames[0].keys),
                "keys_passed_over": passed_over,
                "refused": found.refused,
            },
            "parity": parity(
                np.concatenate([pair[0] for pair in found.pairs]),
                np.concatenate([pair[1] for pair in found.pairs]),
                [symbol for pair in found.pairs for symbol in pair[2]],
            ),
        },
    )


def _standard_error(found: _Found) -> float:
    """Of the root mean square, from its scatter over the frames (delta method); 0 for one frame."""
    means = np.array(found.squares) / np.array(found.components)
    value = found.force_error()
    if len(means) < 2 or not value > 0:
        return 0.0
    weights = np.array(found.components) / sum(found.components)
    mean = float((weights * means).sum())
    variance = float((weights**2 * (means - mean) ** 2).sum()) * len(means) / (len(means) - 1)
    return math.sqrt(variance) / (2 * value)


assert_reference_error = derive_assert(measure_reference_error)
