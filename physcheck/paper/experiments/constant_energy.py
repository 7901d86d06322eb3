"""Temperature at constant energy."""

from __future__ import annotations

import numpy as np
from ase.units import kB

from physcheck.checks.plotted import evenly
from physcheck.paper.experiment import Experiment, apart, row_of
from physcheck.paper.results import Curve, Findings, Plot, Row
from physcheck.paper.runs import PAIR, Followed, moved, slope_and_error
from physcheck.paper.setting import Setting
from physcheck.text.numbers import with_uncertainty

__all__ = ["EXPERIMENT"]

_HEATING = "heating, dT/dt"
_DRIFT = "drift of the shadow energy"
_PAPER = {
    "model": "direct: PET-NC about 7, ORB about 70",
    "reference": "conservative: flat",
    PAIR: "M = 8: flat",
}
# eV/atom/ps to K/ps where half of the heat becomes potential energy: 1/(3 kB).
_KELVIN = 1 / (3 * kB)
# Windows over which T(t) is averaged for the picture.
_WINDOWS = 40


def _run(setting: Setting) -> Findings:
    rows: list[Row] = []
    curves = []
    names = [who for who, _ in setting.both]
    if setting.reference is not None:
        names.append(PAIR)
    for who in names:
        run = moved(setting, who)
        rows += _rows(setting, who, run)
        curves.append(_curve(who, run))
    model = row_of(rows, _HEATING, "model")
    assert model is not None
    heats = apart(model.value, model.error) > 0
    quiet = [row for row in rows if row.quantity == _HEATING and row.of != "model"]
    above = all(apart(model.value, model.error, row.value, row.error) > 0 for row in quiet)
    ran_away = "ran away" in model.note
    slope = with_uncertainty(model.value, model.error, model.unit)
    said = f"The model's temperature changes by {slope}"
    said += ", and it runs away." if ran_away else "."
    agrees = (heats and above) or ran_away
    cools = apart(model.value, model.error) < 0
    return Findings(
        rows=rows,
        plots=[
            Plot(
                caption="Temperature without a bath, mean of the replicas, averaged over short "
                "windows, from the same places and velocities.",
                x="time (ps)",
                y="temperature (K)",
                curves=curves,
                level=300.0,
                level_label="300 K",
            )
        ],
        agreement="as in the paper" if agrees else "otherwise" if cools else "not told apart",
        said=said,
    )


def _rows(setting: Setting, who: str, run: Followed) -> list[Row]:
    value, error = slope_and_error(run.time_ps, run.temperatures["all"])
    length = f"{setting.replicas} replicas of {run.time_ps[-1]:.3g} ps"
    away = "" if run.ran_away_fs is None else f"; a replica ran away after {run.ran_away_fs:.3g} fs"
    name = f"{who}, stride {setting.scale.stride}" if who == PAIR else who
    found = [
        Row(
            quantity=_HEATING,
            of=name,
            value=value,
            error=error,
            unit="K/ps",
            paper=_PAPER[who],
            note=length + away,
        )
    ]
    # The energy of a model that isn't that of its forces says nothing of them.
    if who != "model" and len(run.conserved_ps) > 3:
        drift, spread = slope_and_error(run.conserved_ps, run.conserved)
        found.append(
            Row(
                quantity=_DRIFT,
                of=name,
                value=_KELVIN * drift,
                error=_KELVIN * spread,
                unit="K/ps",
                note="of the reference's energy and K, half of it taken as kinetic",
            )
        )
    return found


def _curve(who: str, run: Followed) -> Curve:
    """T(t) in windows: the mean of all replicas, its standard error over them."""
    values = run.temperatures["all"]
    parts = np.array_split(np.arange(len(values)), min(_WINDOWS, len(values)))
    means = np.array([values[part].mean(axis=0) for part in parts])
    times = np.array([run.time_ps[part].mean() for part in parts])
    rows = evenly(len(times))
    spread = np.std(means, axis=1, ddof=1) / np.sqrt(means.shape[1])
    return Curve(
        label=who,
        x=list(times[rows]),
        y=list(means.mean(axis=1)[rows]),
        spread=list(spread[rows]),
    )


EXPERIMENT = Experiment(
    id="nve",
    title="Temperature at constant energy",
    how="Replicas from one equilibration, at 300 K, run without a bath by the model, by the "
    "reference, and by both in multiple time stepping; the slope of T(t).",
    source="Fig. 2",
    paper="40,000 steps of liquid water: PET-NC heats by about 7 K/ps, ORB by about 70 K/ps; "
    "conservative forces and multiple time stepping with M = 8 stay flat.",
    differs="Several short replicas rather than one long run: T(t) also moves because a structure "
    "that isn't yet in equilibrium takes up or releases potential energy, which is the same for "
    "all three.",
    run=_run,
)
