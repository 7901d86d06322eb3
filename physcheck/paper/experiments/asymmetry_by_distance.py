"""lambda of the Jacobian's blocks, against the distance of the two atoms."""

from __future__ import annotations

import math

import numpy as np

from physcheck.checks.conservation.jacobian_asymmetry import LAMBDA
from physcheck.checks.conservation.jacobian_differences import JacobianProbe, choose_formula
from physcheck.checks.conservation.subject import Subject
from physcheck.numerics.resampling import jackknife_sd
from physcheck.paper.experiment import Experiment, apart, in_direction
from physcheck.paper.results import Curve, Findings, NotRun, Plot, Row
from physcheck.paper.setting import Setting
from physcheck.probes.directions import orthonormal_directions
from physcheck.system import Floats

__all__ = ["EXPERIMENT", "blocks_by_distance"]

# Width of a bin, Å, and directions on which the difference formula is chosen.
_BIN, _PILOTS = 0.5, 4
# Blocks are kept where their rms element is so many times the noise of one.
_ABOVE_NOISE = 5.0
# Parts of the pairs, of which one is left out at a time for the error.
_PARTS = 12
# |A|/|J| where J_ij and the transpose of J_ji are independent and as large: sqrt(1/2).
_INDEPENDENT = math.sqrt(0.5)
_MOST_ATOMS_A_CALL = 10_000


def _run(setting: Setting) -> Findings:
    n = setting.one.n_coordinates
    if setting.one.n_atoms < 2:
        raise NotRun("one atom alone has no pairs")
    if n > setting.scale.jacobian_coordinates:
        raise NotRun(
            f"the whole Jacobian of {n} coordinates takes {2 * n} evaluations or more; at this "
            f"scale systems of up to {setting.scale.jacobian_coordinates} get it"
        )
    rows: list[Row] = []
    curves = []
    for who, _ in setting.both:
        distances, values, errors = _measured(setting, who)
        if not len(distances):
            raise NotRun(
                f"no distance has three pairs whose blocks are above the noise of the {who}"
            )
        curves.append(Curve(label=who, x=list(distances), y=list(values), spread=list(errors)))
        for place, name in ((0, "nearest pairs"), (-1, "farthest pairs")):
            rows.append(
                Row(
                    quantity=f"lambda_ij, {name}",
                    of=who,
                    value=float(values[place]),
                    error=float(errors[place]),
                    paper=("tends to 1 far away" if place else "") if who == "model" else "",
                    note=f"pairs about {distances[place]:.2f} Å apart",
                )
            )
    near, far = rows[0], rows[1]
    grows = apart(far.value, far.error, near.value, near.error)
    said = (
        f"The antisymmetric share of the model's blocks goes from {near.value:.2g} to "
        f"{far.value:.2g} over {curves[0].x[0]:.1f} to {curves[0].x[-1]:.1f} Å."
    )
    plot = Plot(
        caption="Antisymmetric share of the 3x3 blocks of the Jacobian against the distance of "
        "the two atoms. Blocks of a potential have none at any distance.",
        x="distance of the atoms (Å)",
        y="|A_ij| / |J_ij|",
        curves=curves,
        level=_INDEPENDENT,
        level_label="blocks that have nothing in common",
        logarithmic="y",
        markers=True,
    )
    return Findings(rows=rows, plots=[plot], agreement=in_direction(grows), said=said)


def _measured(setting: Setting, who: str) -> tuple[Floats, Floats, Floats]:
    meter = setting.in_float64(who) or dict(setting.both)[who]
    rng = setting.rng(f"lambda_distance/{who}")
    subject = Subject.of(meter, setting.equilibrated.places[0], rng, None)
    subject.meter.max_atoms_per_call = _MOST_ATOMS_A_CALL
    probe, n = JacobianProbe(subject), subject.n_coordinates
    pilots = orthonormal_directions(n, min(_PILOTS, n), rng)
    target = LAMBDA.md
    formula, _ = choose_formula(probe, pilots, target if target is not None else 0.0)
    # Row k is the forces' response to coordinate k; J has it as a column.
    jacobian = formula.combine(probe.slopes(np.eye(n), formula.steps)).T
    distances = subject.start.to_atoms().get_all_distances(mic=subject.start.system.is_periodic)
    return blocks_by_distance(jacobian, distances, probe.noise(formula))


def blocks_by_distance(
    jacobian: Floats, distances: Floats, noise: float
) -> tuple[Floats, Floats, Floats]:
    """Mean distances of pairs in bins of 0.5 Å, lambda_ij of the bins, and its standard errors.

    lambda_ij^2 = sum of |J_ij - J_ji^T|^2/4 over the bin's pairs, over the sum of (|J_ij|^2 +
    |J_ji|^2)/2, with the noise's share of both taken out.  Bins whose blocks are lost in the noise,
    or have fewer than three pairs, are left out.

    Parameters
    ----------
    jacobian : (3N, 3N) float, eV/Å²
    distances : (N, N) float, Å
    noise : float, eV/Å²
        Standard deviation of an antisymmetric element.
    """
    count = len(distances)
    blocks = jacobian.reshape(count, 3, count, 3).transpose(0, 2, 1, 3)
    back = blocks.transpose(1, 0, 3, 2)
    first, second = np.triu_indices(count, 1)
    # Nine elements a block; an element of J has the noise of an antisymmetric one times sqrt(2).
    odd = np.sum((blocks - back)[first, second] ** 2, axis=(1, 2)) / 4 - 9 * noise**2
    size = np.sum((blocks**2 + back**2)[first, second], axis=(1, 2)) / 2 - 18 * noise**2
    apart_A = distances[first, second]
    bins = (apart_A / _BIN).astype(int)
    found = []
    for index in sorted(set(bins.tolist())):
        own = np.flatnonzero(bins == index)
        if len(own) < 3 or not size[own].mean() > 9 * (_ABOVE_NOISE * noise) ** 2:
            continue
        parts = [part for part in np.array_split(own, min(_PARTS, len(own))) if len(part)]

        def share(kept: list[int], parts: list[np.ndarray] = parts) -> float:
            pairs = np.concatenate([parts[i] for i in kept])
            return math.sqrt(max(float(odd[pairs].sum()), 0.0) / float(size[pairs].sum()))

        whole = share(list(range(len(parts))))
        # What is left of the noise where the share is none: the sum of 9 n squares of it varies by
        # sqrt(18 n) of its own size.
        lost = noise**2 * math.sqrt(18 * len(own)) / float(size[own].sum())
        error = math.hypot(jackknife_sd(share, len(parts)), math.sqrt(lost))
        found.append((float(apart_A[own].mean()), whole, error))
    return tuple(np.array(found).reshape(-1, 3).T)  # type: ignore[return-value]


EXPERIMENT = Experiment(
    id="lambda_distance",
    title="The antisymmetric share grows with distance",
    how="The whole Jacobian at one thermal place, from differences of forces; its 3x3 blocks "
    "sorted by the distance of the two atoms.",
    source="Fig. 1",
    paper="lambda_ij of direct forces tends to 1 at large distances; near 6 Å the antisymmetric "
    "part is as large as the whole.",
    differs="Divided by the size of the whole, blocks that have nothing in common give 0.71, not "
    "1; a model's reach ends at its cutoff times its layers, and beyond there are no blocks.",
    run=_run,
)
