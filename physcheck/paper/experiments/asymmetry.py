"""lambda of both models at thermal places."""

from __future__ import annotations

import math

import numpy as np

from physcheck.checks.conservation.jacobian_asymmetry import measure_jacobian_asymmetry
from physcheck.paper.experiment import Experiment, apart
from physcheck.paper.results import Findings, Row
from physcheck.paper.setting import Setting

__all__ = ["EXPERIMENT", "asymmetry_of"]

_QUANTITY = "lambda"
_PAPER = {
    "model": "direct: PET-NC 0.004, ORB-v2 0.015, EquiformerV2 0.017, SOAP-BPNN-NC 0.032",
    "reference": "conservative: round-off",
}


def _run(setting: Setting) -> Findings:
    rows = [asymmetry_of(setting, who) for who, _ in setting.both]
    model = rows[0]
    seen = apart(model.value, model.error) > 0
    if len(rows) == 1:
        said = "The model's Jacobian is " + ("not symmetric." if seen else "symmetric, or nearly.")
        return Findings(rows=rows, agreement="as in the paper" if seen else "otherwise", said=said)
    other = rows[1]
    above = apart(model.value, model.error, other.value, other.error) > 0
    said = "The model's lambda is not above the reference's."
    if above and apart(other.value, other.error) > 0:
        said = f"The model's lambda is {model.value / other.value:.3g} times the reference's."
    elif above:
        said = "The model has one, the reference none that is seen."
    return Findings(rows=rows, agreement="as in the paper" if above else "otherwise", said=said)


def asymmetry_of(setting: Setting, who: str) -> Row:
    """lambda at thermal places, its mean with the standard error over them."""
    meter = setting.in_float64(who) or dict(setting.both)[who]
    rng = setting.rng(f"lambda/{who}")
    places = setting.equilibrated.places
    chosen = np.linspace(0, len(places) - 1, min(setting.scale.places, len(places))).astype(int)
    found = [
        measure_jacobian_asymmetry(
            meter, places[int(i)], rng=rng, directions=setting.scale.directions
        )
        for i in chosen
    ]
    values = np.array([one.value for one in found])
    scatter = float(np.std(values, ddof=1)) / math.sqrt(len(values)) if len(values) > 1 else 0.0
    own = math.sqrt(sum(one.uncertainty**2 for one in found)) / len(found)
    limit = max((one.detection_limit or math.inf) for one in found)
    return Row(
        quantity=_QUANTITY,
        of=who,
        value=float(values.mean()),
        error=max(scatter, own),
        paper=_PAPER[who],
        note=f"{len(found)} thermal places, in {meter.capabilities.dtype}; a violation of "
        f"{limit:.2g} would have been called",
    )


EXPERIMENT = Experiment(
    id="lambda",
    title="The force Jacobian is not symmetric",
    how="lambda, the norm of the Jacobian's antisymmetric part over that of the whole, at places "
    "along a thermal run, from forces along random directions (the check jacobian_asymmetry).",
    source="Table 1 and eq. 5",
    paper="Direct forces have 0.004 to 0.032 in liquid water, conservative ones round-off.",
    differs="The paper builds the whole Jacobian; random directions give the same number with an "
    "error. Where the weights can be had in float64, they are used.",
    run=_run,
)
