"""How much a gradient costs."""

from __future__ import annotations

import math
import time

import numpy as np

from physcheck.model import Meter
from physcheck.paper.experiment import Experiment
from physcheck.paper.results import Findings, Row
from physcheck.paper.setting import Setting

__all__ = ["EXPERIMENT"]

_PAPER = {
    "model": "a step: ORB 11.9, PET-NC 8.58 ms; an atom: PET-NC 0.0224, SOAP-NC 0.15 ms",
    "reference": "a step: MACE 26.9, SevenNet 52.8, PET-C 19.4 ms; an atom: PET-C 0.0713, "
    "SOAP-C 0.64 ms",
}
# Median of absolute deviations to a standard deviation of a normal spread.
_MAD = 1.4826


def _run(setting: Setting) -> Findings:
    rows = []
    for who, meter in setting.both:
        seconds = _timed(setting, meter)
        middle = float(np.median(seconds))
        spread = _MAD * float(np.median(np.abs(seconds - middle))) / math.sqrt(len(seconds))
        per_atom = 1e3 / (setting.one.n_atoms * setting.replicas)
        rows.append(
            Row(
                quantity="time of forces, batched",
                of=who,
                value=per_atom * middle,
                error=per_atom * spread,
                unit="ms/atom",
                paper=_PAPER[who],
                note=f"median of {len(seconds)} batches of {setting.replicas} on this machine",
            )
        )
    if len(rows) == 1:
        return Findings(rows=rows, agreement="", said="There is no reference to compare with.")
    ratio = rows[1].value / rows[0].value
    error = ratio * math.hypot(*((row.error or 0.0) / row.value for row in rows))
    rows.append(
        Row(
            quantity="F, reference over model",
            of="both",
            value=ratio,
            error=error,
            paper="2.3 to 2.7",
        )
    )
    return Findings(
        rows=rows,
        agreement="as in the paper" if ratio - 2 * error > 1 else "not told apart",
        said=f"The reference takes {ratio:.2g} times as long as the model.",
    )


def _timed(setting: Setting, meter: Meter) -> np.ndarray:
    """(timings,) seconds of a batch; the first call, which may compile, isn't counted."""
    places = setting.equilibrated.places
    found = []
    for _ in range(setting.scale.timings + 1):
        started = time.perf_counter()
        meter.evaluate(places)
        found.append(time.perf_counter() - started)
    return np.array(found[1:])


EXPERIMENT = Experiment(
    id="cost",
    title="What conservative forces cost",
    how="Time of a batch of forces of both models.",
    source="Tables 1, 5 and 6",
    paper="A gradient takes 2.3 to 2.7 times as long as direct forces of the same network.",
    differs="The machine, the number of atoms, and the networks.",
    run=_run,
)
