"""Errors of the forces against labels: two models of like accuracy."""

from __future__ import annotations

from physcheck.checks.implementation.reference_error import measure_reference_error
from physcheck.paper.experiment import Experiment
from physcheck.paper.results import Findings, NotRun, Row
from physcheck.paper.setting import Setting

__all__ = ["EXPERIMENT"]

_PAPER = {"model": "PET-NC: MAE 24.3", "reference": "PET-C: MAE 19.4"}
_MOST_FRAMES = 200


def _run(setting: Setting) -> Findings:
    labelled = setting.labelled if setting.labelled is not None else setting.one
    if not any(frame.forces is not None for frame in labelled.labelled):
        raise NotRun("no labelled frames are at hand: pass --labels with a file that has forces")
    rows = []
    for who, meter in setting.both:
        found = measure_reference_error(
            meter, labelled, rng=setting.rng("accuracy"), frames=_MOST_FRAMES
        )
        count = len(found.evidence["quantities"]["frames"])
        single = count < 2
        rows.append(
            Row(
                quantity="rms error of force components",
                of=who,
                value=1e3 * found.value,
                error=None if single else 1e3 * found.uncertainty,
                unit="meV/Å",
                paper=_PAPER[who],
                note="a single frame shows no error" if single else f"{count} frames",
            )
        )
    if len(rows) == 1:
        return Findings(rows=rows, agreement="", said="There is no reference to compare with.")
    ratio = rows[0].value / rows[1].value
    return Findings(
        rows=rows,
        agreement="as in the paper" if 1 < ratio < 2 else "otherwise",
        said=f"The model's errors are {ratio:.2f} times the reference's (the paper's: 1.25 times).",
    )


EXPERIMENT = Experiment(
    id="accuracy",
    title="Two models of like accuracy",
    how="Forces against those that a structure file gives (the check reference_error).",
    source="Table 1",
    paper="Mean absolute errors of PET: 24.3 meV/Å direct, 19.4 meV/Å conservative.",
    differs="rms rather than mean absolute errors: 1.25 times as large for normal ones.",
    run=_run,
)
