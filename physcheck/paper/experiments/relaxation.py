"""How many relaxations end in a minimum, with which optimiser and in which precision."""

from __future__ import annotations

import math

import numpy as np

from physcheck.paper.experiment import Experiment, apart, in_direction
from physcheck.paper.results import Agreement, Curve, Findings, NotRun, Plot, Row
from physcheck.paper.setting import Setting
from physcheck.relaxation import Path, rattled, relax

__all__ = ["DISPLACEMENT", "EXPERIMENT", "share_and_error"]

#: The largest move of an atom from the structure to a start, Å.
DISPLACEMENT = 0.5
# fmax, eV/Å, of molecules and of what is periodic.
_MOLECULES, _BULK = 1e-5, 1e-4
_PAPER = {
    "model": "L-BFGS, H2O(g)/H2O(l)/QM9/MPtrj: ORB 69/9/1/76 (low precision 3/0/0/10), PET-NC "
    "75/52, SOAP-NC 79/0",
    "reference": "SevenNet 81/88/92/97, MACE 94/83/94/99, PET-C 83/58, SOAP-C 91/59",
}


def _run(setting: Setting) -> Findings:
    if setting.one.n_atoms < 2:
        raise NotRun("one atom alone can't relax")
    fmax = _BULK if setting.one.system.is_periodic else _MOLECULES
    rng = setting.rng("relaxation starts")
    count = setting.scale.starts_of(setting.one.n_atoms)
    starts = [rattled(setting.one, DISPLACEMENT, rng) for _ in range(count)]
    rows: list[Row] = []
    curves = []
    for who, meter in setting.both:
        precisions = {meter.capabilities.dtype: meter}
        twin = setting.in_float64(who)
        if twin is not None:
            precisions["float64"] = twin
        for dtype, one in precisions.items():
            for optimiser in setting.scale.optimisers:
                paths = [
                    relax(
                        one, start, optimiser=optimiser, fmax=fmax,
                        evaluations=setting.scale.relaxation_steps,
                    )
                    for start in starts
                ]  # fmt: skip
                rows += _rows(who, f"{optimiser}, {dtype}", paths, fmax)
                if optimiser == setting.scale.optimisers[0]:
                    curves.append(_curve(f"{who}, {dtype}", paths[0]))
    said, agreement = _direction(setting, rows)
    plots = [_plot(curves, setting, fmax)]
    return Findings(rows=rows, plots=plots, said=said, agreement=agreement)


def _rows(who: str, how: str, paths: list[Path], fmax: float) -> list[Row]:
    done = sum(path.converged for path in paths)
    share, error = share_and_error(done, len(paths))
    reached = np.array([path.fmax.min() for path in paths])
    middle = 1e3 * float(np.median(reached))
    lowest, highest = 1e3 * float(reached.min()), 1e3 * float(reached.max())
    return [
        Row(
            quantity=f"success, {how}",
            of=who,
            value=100 * share,
            error=100 * error,
            unit="%",
            paper=_PAPER[who] if how.startswith("LBFGS") else "FIRE: Fig. 7, no figures",
            note=f"{done} of {len(paths)} below {fmax:g} eV/Å",
        ),
        Row(
            quantity=f"smallest fmax, {how}",
            of=who,
            value=middle,
            error=None,
            unit="meV/Å",
            note=f"median of {len(paths)} starts, from {lowest:.2g} to {highest:.2g}: the range "
            "stands for an error",
        ),
    ]


def share_and_error(successes: int, trials: int) -> tuple[float, float]:
    """Share of successes and half of the 68 % interval of Wilson, which is no zero at 0 or all.

    Source: Wilson, J. Am. Stat. Assoc. 22, 209 (1927), with z = 1.
    """
    share = successes / trials
    half = math.sqrt(share * (1 - share) / trials + 1 / (4 * trials**2)) / (1 + 1 / trials)
    return share, half


def _direction(setting: Setting, rows: list[Row]) -> tuple[str, Agreement]:
    """Whether the model's relaxations succeed less often, or stop at larger forces."""
    if setting.reference is None:
        return "There is no reference to compare with.", ""
    how = {row.quantity for row in rows if row.of == "reference"}

    def pooled(who: str) -> tuple[float, float]:
        own = [r for r in rows if r.of == who and r.quantity in how and r.unit == "%"]
        done = sum(int(r.note.split()[0]) for r in own)
        return share_and_error(done, sum(int(r.note.split()[2]) for r in own))

    (mine, error), (other, its) = pooled("model"), pooled("reference")
    fewer = apart(mine, error, other, its)
    stops = [
        np.median([r.value for r in rows if r.of == who and r.unit == "meV/Å"])
        for who in ("model", "reference")
    ]
    said = (
        f"All in all {100 * mine:.0f} % of the model's relaxations succeed and {100 * other:.0f} % "
        f"of the reference's; their forces end at {stops[0]:.2g} and {stops[1]:.2g} meV/Å."
    )
    return said, in_direction(-fewer)


def _curve(label: str, path: Path) -> Curve:
    return Curve(
        label=label,
        x=list(range(1, len(path) + 1)),
        y=[max(float(value), 1e-9) for value in np.minimum.accumulate(path.fmax)],
    )


def _plot(curves: list[Curve], setting: Setting, fmax: float) -> Plot:
    return Plot(
        caption=f"The smallest fmax so far of {setting.scale.optimisers[0]} from the first start. "
        "Forces without a potential stop the descent above the wanted fmax.",
        x="evaluations",
        y="fmax (eV/Å)",
        curves=curves,
        level=fmax,
        level_label="wanted",
        logarithmic="y",
    )


EXPERIMENT = Experiment(
    id="relaxation",
    title="Relaxations that end in a minimum",
    how="Starts with each atom moved by up to 0.5 Å, relaxed by ASE's optimisers to fmax 1e-5 "
    "(molecules) or 1e-4 eV/Å (periodic), in the model's own precision and in float64.",
    source="Table 7 for L-BFGS, Fig. 7 for FIRE",
    paper="Within 1,000 steps L-BFGS succeeds less often with direct forces, in liquid water most "
    "of all (ORB 9 %, SOAP-NC never), and hardly ever in low precision.",
    differs="Starts of one structure rather than of many molecules, atoms no closer than 0.85 of "
    "the closest contact; at the small scale a run has fewer evaluations than the paper's 1,000, "
    "so that success is rarer for both models.",
    run=_run,
)
