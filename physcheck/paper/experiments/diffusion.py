"""Velocity autocorrelation and diffusion against the strength of the bath."""

from __future__ import annotations

import math

import numpy as np
from ase.data import chemical_symbols
from ase.units import fs

from physcheck.checks.plotted import evenly
from physcheck.checks.sampling.velocity_correlation import velocity_autocovariance
from physcheck.paper.experiment import Experiment, apart, in_direction
from physcheck.paper.results import Curve, Findings, NotRun, Plot, Row
from physcheck.paper.runs import NVE, Followed, mean_and_error, moved, under_bath
from physcheck.paper.setting import Setting
from physcheck.system import Bools, Floats

__all__ = ["EXPERIMENT", "diffusion_of"]

_BATHS = ("Langevin 1000 fs", "Langevin 100 fs", "Langevin 10 fs")
_PAPER = {
    "Langevin 100 fs": "D lower by 1.5 times",
    "Langevin 10 fs": "D lower by 5 times",
}
_FEWEST = 16


def _run(setting: Setting) -> Findings:
    periodic = setting.one.system.is_periodic
    what, unit = ("D", "Å²/ps") if periodic else ("memory of velocities", "fs")
    heaviest = int(setting.one.system.numbers.max())
    symbol = chemical_symbols[heaviest]
    rows: list[Row] = []
    curves = []
    # Without a reference the model's own run at constant energy stands for no bath at all.
    who = setting.both[-1][0]
    cases = [(who, NVE), *(("model", bath) for bath in _BATHS)]
    runs = [_followed(setting, one, bath) for one, bath in cases]
    fewest = min(len(run.velocities) for run in runs)
    if fewest < _FEWEST:
        raise NotRun(f"{fewest} moments with velocities are too few for a correlation")
    lag = min(len(run.velocities) // 2 * run.velocity_spacing_fs for run in runs)
    for (one, bath), run in zip(cases, runs, strict=True):
        members = setting.one.system.numbers == heaviest
        each, shape, times = diffusion_of(run, members, lag)
        if not periodic:
            each = _memories(run, members, lag)
        value, error = mean_and_error(each)
        rows.append(
            Row(
                quantity=f"{what} of {symbol}, {bath}",
                of=one,
                value=value,
                error=error,
                unit=unit,
                paper=_PAPER.get(bath, "") if periodic else "",
                note=f"velocities correlated over {lag:.3g} fs",
            )
        )
        rows_of = evenly(len(times))
        curves.append(
            Curve(label=f"{bath} ({one})", x=list(times[rows_of]), y=list(shape[rows_of]))
        )
    free, strongest = rows[0], rows[-1]
    slower = apart(free.value, free.error, strongest.value, strongest.error)
    ratio = free.value / strongest.value if strongest.value > 0 else math.inf
    return Findings(
        rows=rows,
        plots=[
            Plot(
                caption="Velocity autocorrelation without a bath and under Langevin baths of "
                "three strengths: a strong bath ends it early.",
                x="time (fs)",
                y="<v(0) v(t)> / <v²>",
                curves=curves,
                level=0.0,
                level_label="no memory",
            )
        ],
        agreement=in_direction(slower),
        said=f"The {what} without a bath is {ratio:.2g} times that under the bath of 10 fs.",
    )


def _followed(setting: Setting, who: str, bath: str) -> Followed:
    return moved(setting, who) if bath == NVE else under_bath(setting, who, bath)


def diffusion_of(run: Followed, members: Bools, lag_fs: float) -> tuple[Floats, Floats, Floats]:
    """D = (1/3) integral of <v(0).v(t)> dt up to a lag, Å²/ps.

    Returns
    -------
    each : (B,) float
        Of the replicas.
    shape, times : (S,) float
        The autocorrelation of all of them together, and its times, fs.
    """
    steps = max(2, int(lag_fs / run.velocity_spacing_fs))
    covariances = _covariances(run, members)[:, :steps]
    # The mean square of a component is a third of that of the vector, which D is a third of; from
    # ASE's unit to Å/fs, and Å²/fs to Å²/ps.
    factor = 1e3 * fs**2 * run.velocity_spacing_fs
    ends = covariances[:, 0] + covariances[:, -1]
    each: Floats = factor * (covariances.sum(axis=1) - 0.5 * ends)
    mean = covariances.mean(axis=0)
    shape: Floats = mean / mean[0]
    return each, shape, run.velocity_spacing_fs * np.arange(steps, dtype=np.float64)


def _covariances(run: Followed, members: Bools) -> Floats:
    """(B, S) of a velocity component, mean over the members, for each replica."""
    count = run.velocities.shape[1]
    found: Floats = np.array(
        [velocity_autocovariance(run.velocities[:, [b]][:, :, members]) for b in range(count)]
    )
    return found


def _memories(run: Followed, members: Bools, lag_fs: float) -> Floats:
    """(B,) integral of the autocorrelation up to its first zero, fs."""
    steps = max(2, int(lag_fs / run.velocity_spacing_fs))
    found = []
    for covariance in _covariances(run, members)[:, :steps]:
        below = covariance <= 0
        end = int(np.argmax(below)) if below.any() else len(covariance)
        found.append(run.velocity_spacing_fs * (covariance[:end].sum() / covariance[0] - 0.5))
    return np.array(found)


EXPERIMENT = Experiment(
    id="diffusion",
    title="A strong bath hides the model and slows the liquid",
    how="Velocity autocorrelation of the heaviest species, from the runs under Langevin baths and "
    "from the one at constant energy; its integral is the diffusion coefficient of a liquid.",
    source="Fig. 3",
    paper="D of water falls by 1.5 times under a bath of 100 fs and 5 times under one of 10 fs.",
    differs="The integral ends at half of the run, far too early for D of a liquid itself in a "
    "short run: what counts is how the baths compare. An isolated molecule doesn't diffuse: of it "
    "the time to the first zero of the autocorrelation is given.",
    run=_run,
)
