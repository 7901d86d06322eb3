"""Rotational symmetry against conservation: averaging over rotations mends one, not the other."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from physcheck.checks.conservation.jacobian_asymmetry import measure_jacobian_asymmetry
from physcheck.checks.symmetry.rotation_equivariance import measure_rotation_equivariance
from physcheck.model import Capabilities, Meter
from physcheck.paper.experiment import Experiment
from physcheck.paper.results import Findings, NotRun, Row
from physcheck.paper.setting import Setting
from physcheck.probes.transformations import Transformation, rigid_rotation
from physcheck.system import Configurations, Evaluation

__all__ = ["EXPERIMENT", "RotationAverage"]


class RotationAverage:
    """A model's forces averaged over fixed rotations of atoms and cell, each turned back.

    Cost: one evaluation of the model a rotation.

    Parameters
    ----------
    meter : Meter
    rotations : list of Transformation
    """

    def __init__(self, meter: Meter, rotations: list[Transformation]) -> None:
        self.meter, self.rotations = meter, rotations

    @property
    def capabilities(self) -> Capabilities:
        """The model's, with forces alone."""
        return replace(self.meter.capabilities, outputs=frozenset({"forces"}), differentiable=False)

    def evaluate(
        self, configurations: Configurations, *, want: frozenset[str] = frozenset({"forces"})
    ) -> Evaluation:
        """Forces (B, N, 3) eV/Å."""
        total = np.zeros(configurations.positions.shape)
        for rotation in self.rotations:
            answer = self.meter.evaluate(rotation.apply(configurations))
            total += rotation.forces_back(answer.require_forces())
        return Evaluation(forces=total / len(self.rotations))


def _run(setting: Setting) -> Findings:
    place = setting.equilibrated.places[0]
    if place.n_atoms < 2:
        raise NotRun("one atom alone has no forces to turn")
    rng = setting.rng("rotation")
    rotations = [rigid_rotation(place, rng) for _ in range(setting.scale.rotations)]
    count = len(rotations)
    average = RotationAverage(setting.model, rotations)
    rows = []
    for name, model in (("model", setting.model), (f"its average over {count}", average)):
        uneven = measure_rotation_equivariance(model, place, rng=rng)
        odd = measure_jacobian_asymmetry(model, place, rng=rng, directions=16)
        dtype = model.capabilities.dtype
        rows += [
            Row(
                quantity="rotation error of forces",
                of=name,
                value=100 * uneven.value,
                error=100 * uneven.uncertainty,
                unit="% of the rms force",
                paper="small, and harmless beside the lack of a potential",
            ),
            Row(
                quantity="lambda",
                of=name,
                value=odd.value,
                error=odd.uncertainty,
                paper="is not mended by symmetry" if name != "model" else "",
                note=f"in {dtype}",
            ),
        ]
    turned, odd, turned_after, odd_after = (row.value for row in rows)
    uneven_at_all = rows[0].value > 4 * (rows[0].error or 0.0)
    keeps = odd_after > 0.5 * odd
    said = f"Averaging over {count} rotations takes lambda from {odd:.2g} to {odd_after:.2g}"
    said += f" and the rotation error from {turned:.2g} to {turned_after:.2g} %"
    said += "." if uneven_at_all else ": the model turns with its atoms by itself."
    return Findings(rows=rows, agreement="as in the paper" if keeps else "otherwise", said=said)


EXPERIMENT = Experiment(
    id="rotation",
    title="Rotation against conservation",
    how="How far forces fail to turn with the atoms, and lambda, for the model and for its average "
    "over fixed random rotations.",
    source="Sec. 4",
    paper="A model without built-in rotational symmetry learns it well enough; that forces have a "
    "potential it doesn't learn, and averaging over rotations doesn't give it.",
    differs="An average over a few rotations is no exact symmetry; lambda falls where part of the "
    "antisymmetry is that of the lab frame.",
    run=_run,
)
