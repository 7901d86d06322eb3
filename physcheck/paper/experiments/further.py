"""What of the paper is not repeated, and why."""

from __future__ import annotations

from physcheck.paper.experiment import Experiment
from physcheck.paper.results import Findings, NotRun
from physcheck.paper.setting import Setting

__all__ = ["EXPERIMENT"]


def _run(setting: Setting) -> Findings:
    raise NotRun(
        "energy rescaling, radial distributions and coloured-noise baths (GLE) are not built here: "
        "physcheck has no such integrators, and no figures of the paper's are at hand to compare"
    )


EXPERIMENT = Experiment(
    id="further",
    title="Energy rescaling, g(r) and GLE",
    how="Not repeated.",
    source="Appendices G.4, G.5 and G.6",
    paper="No figures at hand.",
    differs="",
    run=_run,
)
