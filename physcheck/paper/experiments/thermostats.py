"""Temperatures of all atoms and of each species under global and local baths."""

from __future__ import annotations

from itertools import combinations

from physcheck.numerics.series import replica_mean
from physcheck.paper.experiment import Experiment, apart, in_direction, row_of
from physcheck.paper.results import Agreement, Curve, Findings, NotRun, Plot, Row
from physcheck.paper.runs import BATHS, GLOBAL, PAIR, Followed, under_bath
from physcheck.paper.setting import TEMPERATURE_K, Setting

__all__ = ["EQUILIBRATION_SHARE", "EXPERIMENT", "runs_of"]

#: The first part of each run isn't counted: the bath takes its time.
EQUILIBRATION_SHARE = 0.25
# Table 2: deviations of T, T_H and T_O from 300 K.
_PAPER = {
    ("model", GLOBAL): ("ORB 1.0, PET-NC 0.3", "ORB 36.2, PET-NC -4.4", "ORB -70, PET-NC 9.9"),
    ("model", "Langevin 1000 fs"): (
        "ORB 51, PET-NC 12.8",
        "ORB 60, PET-NC 11",
        "ORB 33, PET-NC 16",
    ),
    ("model", "Langevin 100 fs"): (
        "ORB 4.2, PET-NC 1.4",
        "ORB 5.9, PET-NC 1.3",
        "ORB 0.9, PET-NC 1.6",
    ),
    ("model", "Langevin 10 fs"): (
        "ORB 0.4, PET-NC 0.1",
        "ORB 0.6, PET-NC 0",
        "ORB 0.1, PET-NC 0.2",
    ),
    ("reference", GLOBAL): ("PET-C 0.1", "PET-C -0.4", "PET-C 1.0"),
    (PAIR, GLOBAL): ("PET-M, M = 8: 0.0", "PET-M, M = 8: -0.1", "PET-M, M = 8: 0.1"),
}
_COLUMN = {"all": 0, "H": 1, "O": 2}


def runs_of(setting: Setting) -> list[tuple[str, str]]:
    """Which models run under which baths: the model under all, the others where effects show."""
    found = [("model", bath) for bath in BATHS]
    if setting.reference is not None:
        found += [("reference", GLOBAL), ("reference", "Langevin 100 fs"), (PAIR, GLOBAL)]
    return found


def _run(setting: Setting) -> Findings:
    if setting.one.n_atoms < 2:
        raise NotRun("one atom alone has no inner motion")
    rows: list[Row] = []
    for who, bath in runs_of(setting):
        rows += _rows(setting, who, bath, under_bath(setting, who, bath))
    said, agreement = _direction(setting, rows)
    return Findings(
        rows=rows,
        plots=[_plot(rows, list(setting.groups))],
        agreement=agreement,
        said=said,
    )


def _rows(setting: Setting, who: str, bath: str, run: Followed) -> list[Row]:
    skipped = int(EQUILIBRATION_SHARE * len(run.time_ps))
    name = f"{who}, stride {setting.scale.stride}" if who == PAIR else who
    counted = run.time_ps[-1] * (1 - EQUILIBRATION_SHARE)
    note = f"{setting.replicas} replicas of {counted:.2g} ps"
    time_fs = float(getattr(BATHS[bath], "time_fs", 0.0))
    if 1e3 * run.time_ps[-1] < 2 * time_fs:
        note += "; shorter than twice the bath's time: the end isn't reached"
    if run.ran_away_fs is not None:
        note += f"; a replica ran away after {run.ran_away_fs:.3g} fs"
    found = []
    for group, values in run.temperatures.items():
        mean = replica_mean(values[skipped:])
        paper = _PAPER.get((who, bath), ("", "", ""))
        column = _COLUMN.get(group)
        found.append(
            Row(
                quantity=f"{_symbol(group)} - 300 K, {bath}",
                of=name,
                value=mean.value - TEMPERATURE_K,
                error=mean.error,
                unit="K",
                paper="" if column is None else paper[column],
                note=note,
            )
        )
    return found + (_between(bath, name, run, skipped, note) if bath == GLOBAL else [])


def _between(bath: str, name: str, run: Followed, skipped: int, note: str) -> list[Row]:
    """Differences of the species' temperatures, replica by replica."""
    kinds = [group for group in run.temperatures if group != "all"]
    found = []
    for first, second in combinations(kinds, 2):
        mean = replica_mean((run.temperatures[first] - run.temperatures[second])[skipped:])
        found.append(
            Row(
                quantity=f"{_symbol(first)} - {_symbol(second)}, {bath}",
                of=name,
                value=mean.value,
                error=mean.error,
                unit="K",
                paper="ORB 106, PET-NC -14" if (name, first, second) == ("model", "H", "O") else "",
                note=note,
            )
        )
    return found


def _symbol(group: str) -> str:
    return "T" if group == "all" else f"T_{group}"


def _direction(setting: Setting, rows: list[Row]) -> tuple[str, Agreement]:
    """Whether strong local baths hide the heat, and whether a global one leaves species apart."""
    weak, strong = (row_of(rows, f"T - 300 K, Langevin {time} fs", "model") for time in (1000, 10))
    assert weak is not None
    assert strong is not None
    hidden = apart(weak.value, weak.error, strong.value, strong.error)
    said = {
        1: f"The bath of 10 fs hides the heat that one of 1000 fs leaves ({weak.value:.0f} K).",
        0: "No heat is seen that a bath of 1000 fs leaves and one of 10 fs hides.",
        -1: "The model is colder under the bath of 1000 fs than under that of 10 fs.",
    }[hidden]
    parted = {who: _parted(rows, who) for who, _ in setting.both}
    for who, sign in parted.items():
        if sign is not None:
            word = "apart" if sign else "not seen apart"
            said += f" Under the global bath species of the {who} are {word}."
    beyond = _parted(rows, "model", "reference") if "reference" in parted else parted["model"]
    if parted["model"] and not beyond:
        said += " The reference's, from the same starts, are not told from the model's."
    if hidden < 0:
        return said, "otherwise"
    both = hidden > 0 and parted["model"] and beyond and not parted.get("reference")
    return said, in_direction(1 if both else 0)


def _parted(rows: list[Row], who: str, other: str | None = None) -> bool | None:
    """Whether two species differ in temperature under the global bath, by more than they do for
    ``other``; None where there is one species.
    """
    names = [r.quantity for r in rows if r.of == who and r.quantity.endswith(GLOBAL)]
    pairs = [name for name in names if " - T_" in name]
    if not pairs:
        return None
    found = []
    for name in pairs:
        own = row_of(rows, name, who)
        its = None if other is None else row_of(rows, name, other)
        assert own is not None
        level = (0.0, 0.0) if its is None else (its.value, its.error)
        found.append(bool(apart(own.value, own.error, *level)))
    return any(found)


def _plot(rows: list[Row], groups: list[str]) -> Plot:
    """Deviations of the model's temperatures against the strength of the local bath."""
    curves = []
    for group in groups:
        names = [f"{_symbol(group)} - 300 K, Langevin {t} fs" for t in (1000, 100, 10)]
        own = [next(r for r in rows if r.quantity == n and r.of == "model") for n in names]
        curves.append(
            Curve(
                label=_symbol(group),
                x=[1000.0, 100.0, 10.0],
                y=[r.value for r in own],
                spread=[r.error or 0.0 for r in own],
            )
        )
    return Plot(
        caption="Temperatures of the model under Langevin baths of three strengths, less 300 K. "
        "Forces that are the gradient of an energy leave none.",
        x="relaxation time of the bath (fs)",
        y="deviation from 300 K (K)",
        curves=curves,
        level=0.0,
        level_label="300 K",
        logarithmic="x",
        markers=True,
    )


EXPERIMENT = Experiment(
    id="thermostats",
    title="Temperatures under thermostats",
    how="The same replicas under stochastic velocity rescaling (SVR, 10 fs), which acts on the "
    "total kinetic energy alone, and under Langevin baths of 1000, 100 and 10 fs; mean kinetic "
    "temperatures of all atoms and of each species, less 300 K.",
    source="Table 2; 1 ns a run, errors of 0.3 to 2 K",
    paper="Under SVR ORB's hydrogen is 36 K too hot and its oxygen 70 K too cold; a Langevin bath "
    "leaves ORB 51, 4.2 and 0.4 K, PET-NC 12.8, 1.4 and 0.1 K too hot at 1000, 100 and 10 fs.",
    differs="Short runs have errors of some K; a bath whose time is longer than the run leaves "
    "less than it would in the end.",
    run=_run,
)
